"""The bundled example: a trained run of the default config, shown before the first click.

Made by `python -m tools.make_example`, which trains it with the code that trains everything.
"""

from __future__ import annotations

import functools
import importlib.resources
from dataclasses import dataclass

from flowplay.config import RunConfig

STATE_FILE = "default-state.safetensors"
SNAPSHOT_FILE = "default-snapshot.safetensors"


@dataclass(frozen=True)
class Example:
    """A run that was trained before: its config, and the bytes of its state and snapshot."""

    config: RunConfig
    state: bytes
    snapshot: bytes


@functools.cache
def example() -> Example:
    """Read the bundled example."""
    folder = importlib.resources.files(__package__).joinpath("example")
    return Example(
        config=RunConfig(),
        state=folder.joinpath(STATE_FILE).read_bytes(),
        snapshot=folder.joinpath(SNAPSHOT_FILE).read_bytes(),
    )
