"""The bundled example: an honestly trained run of the default config, shown before the first click.

Made by `python -m tools.make_example`, which trains it with the code that trains everything.
"""

from __future__ import annotations

import functools
import importlib.resources
from dataclasses import dataclass

from flowplay.config import RunConfig
from flowplay.snapshot import Snapshot

STATE_FILE = "default-state.safetensors"
SNAPSHOT_FILE = "default-snapshot.safetensors"


@dataclass(frozen=True)
class Example:
    """A run that was trained before: its config, its state to continue from, and its picture."""

    config: RunConfig
    state: bytes
    snapshot: Snapshot


@functools.cache
def example() -> Example:
    """Read the bundled example."""
    folder = importlib.resources.files(__package__).joinpath("example")
    return Example(
        config=RunConfig(),
        state=folder.joinpath(STATE_FILE).read_bytes(),
        snapshot=Snapshot.from_bytes(folder.joinpath(SNAPSHOT_FILE).read_bytes()),
    )
