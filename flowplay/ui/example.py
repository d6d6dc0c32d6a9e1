"""The bundled example: a trained run of the default config, shown before the first click.

Made by `python -m tools.make_example`, which trains it with the code that trains everything.
"""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass, field

from flowplay.config import RunConfig
from flowplay.wire import ExampleHistory, Replay

STATE_FILE = "default-state.safetensors"
SNAPSHOT_FILE = "default-snapshot.safetensors"
HISTORY_FILE = "default-history.safetensors"
REPLAY_FILE = "default-replay.safetensors"

#: What is said of it where other runs say how far they are.
TOLD = (
    ":material/school: Example: a run of these settings, trained earlier. Train starts a new run."
)


@dataclass(frozen=True)
class Example:
    """A run that was trained before.

    Attributes:
        config: its config.
        state: bytes of its `RunState`.
        snapshot: bytes of the `Snapshot` that belongs to it.
        history: bytes of `EarlierWeights` by optimizer step.
        replay: pictures of its training, if there are any.
    """

    config: RunConfig
    state: bytes
    snapshot: bytes
    history: Mapping[int, bytes] = field(default_factory=dict)
    replay: Replay | None = None


@functools.cache
def example() -> Example:
    """Read the bundled example."""
    folder = importlib.resources.files(__package__).joinpath("example")
    return Example(
        config=RunConfig(),
        state=folder.joinpath(STATE_FILE).read_bytes(),
        snapshot=folder.joinpath(SNAPSHOT_FILE).read_bytes(),
        history=ExampleHistory.from_bytes(folder.joinpath(HISTORY_FILE).read_bytes()).split(),
        replay=Replay.from_bytes(folder.joinpath(REPLAY_FILE).read_bytes()),
    )
