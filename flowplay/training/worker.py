"""What workers run, by import path: bytes in, bytes out, so that callers need no torch."""

from __future__ import annotations

import json
from typing import TypedDict

from flowplay.config import RunConfig
from flowplay.training.costs import measure
from flowplay.training.live import keep, live_run, new_run, prepare_process
from flowplay.training.slices import train_slice
from flowplay.training.snapshots import layer_frames as walk
from flowplay.training.state import RunState


class SliceOrder(TypedDict, total=False):
    """What a slice is asked for; the keywords of `train_slice`."""

    seconds: float | None
    steps: int | None
    learning_rate: float | None
    budget: float | None
    temperature: float | None
    fine: bool


def warm() -> None:
    """Make a worker ready, and train a first slice so that nothing is lazy later."""
    prepare_process()
    train_slice(new_run(RunConfig(samples=100, depth=2, width=8)), steps=2)


def run_slice(config_json: str, state: bytes | None, order: SliceOrder) -> tuple[bytes, bytes]:
    """Train one slice of a run, from its first state or from the state given.

    Args:
        config_json: the run's `RunConfig` as JSON; it begins the run where no state is given.
        state: bytes of a `RunState`, or None.
        order: the slice's keywords.

    Returns:
        Bytes of the next `RunState` and of its `Snapshot`.
    """
    begin = (
        new_run(RunConfig.model_validate(json.loads(config_json)))
        if state is None
        else RunState.from_bytes(state)
    )
    after, snapshot = train_slice(begin, **order)
    return after.to_bytes(), snapshot.to_bytes()


def layer_frames(state: bytes) -> bytes:
    """Return bytes of the `LayerFrames` of a run's state."""
    at = RunState.from_bytes(state)
    live = live_run(at)
    keep(live, at.token)
    return walk(live, at).to_bytes()


def measure_costs(config_json: str) -> bytes:
    """Return JSON of the `Costs` of a config's flow on this worker."""
    return json.dumps(measure(RunConfig.model_validate(json.loads(config_json)))).encode()
