"""train_slice: the one thing that trains, for a short while, from one state to the next."""

from __future__ import annotations

import math
import uuid
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from flowplay.snapshot import Snapshot
from flowplay.training.flat import flatten_buffers
from flowplay.training.live import LiveRun, keep, live_run
from flowplay.training.schedule import progress
from flowplay.training.snapshots import held_out_nll, is_sound, take_snapshot
from flowplay.training.state import RunState

#: Points a slice adds to the train curve at most, and points either curve is thinned to.
POINTS_PER_SLICE = 8
CURVE_LENGTH = 400

#: Seconds of training after which the held-out points are looked at again: as often as one can read
#: the number. Looking after every short slice would take a twentieth of the time from training.
HELD_OUT_EVERY = 0.4


def train_slice(
    state: RunState,
    seconds: float | None = None,
    steps: int | None = None,
    *,
    learning_rate: float | None = None,
    budget: float | None = None,
    temperature: float | None = None,
    fine: bool = False,
) -> tuple[RunState, Snapshot]:
    """Train a run for a short while.

    A slice ends after `seconds`, after `steps`, or when the budget is used up, whichever comes
    first. Where a run is cut into slices does not change what it learns: with a budget in steps,
    the same config gives the same weights on the same machine.

    Args:
        state: where to begin; it stays valid, so a lost slice can be trained again.
        seconds: time to train, in seconds.
        steps: optimizer steps to take; 0 only looks at the run.
        learning_rate: peak rate from now on, instead of the state's.
        budget: budget from now on, in the config's unit, instead of the state's.
        temperature: of the snapshots' samples from now on, instead of the state's.
        fine: take the snapshot at the resolution of a still picture.

    Returns:
        The next state and what a viewer sees of it. If the numbers broke, the state holds the
        weights from before the slice, and `failure` says so.

    Raises:
        ValueError: if neither seconds nor steps are given.

    Example:
        >>> from flowplay.config import RunConfig
        >>> from flowplay.training import new_run
        >>> state, snapshot = train_slice(new_run(RunConfig(depth=2, width=8)), steps=5)
        >>> snapshot.step, snapshot.density.shape
        (5, (64, 64))
    """
    if seconds is None and steps is None:
        raise ValueError("A slice needs seconds or steps.")
    state = replace(
        state,
        learning_rate=state.learning_rate if learning_rate is None else learning_rate,
        budget=state.budget if budget is None else budget,
        temperature=state.temperature if temperature is None else temperature,
    )
    live = live_run(state)
    if not state.failure:
        limit = math.inf if seconds is None else seconds
        most = 10**9 if steps is None else steps
        before = state
        state, live = _advance(state, live, limit, most)
        if not state.failure and (fine or steps is not None or _held_out_due(state)):
            state, live = _judge(before, state, live)
    snapshot = take_snapshot(live, state, fine=fine)
    keep(live, state.token)
    return state, snapshot


def finished(state: RunState) -> bool:
    """Tell whether the budget of a run is used up."""
    return progress(state.config, state.budget, state.step, state.seconds) >= 1


def _advance(
    state: RunState, live: LiveRun, seconds: float, steps: int
) -> tuple[RunState, LiveRun]:
    """Take the steps; return the state after them, or the old one with the reason of failure."""
    losses, norm, rate, elapsed = live.train(state, seconds, steps)
    if not losses:
        return state, live
    values = torch.stack(losses).double().cpu().numpy()
    weights = live.vector.detach().cpu().numpy().copy()
    step = state.step + len(values)
    if not (np.isfinite(values).all() and np.isfinite(weights).all() and is_sound(live)):
        return _broken(state, step)
    # A curve in nats holds nothing else.
    likelihoods = _blocks(values[: len(values) * live.flow.trained_by_likelihood], state.step)
    after = replace(
        state,
        token=uuid.uuid4().hex,
        step=step,
        seconds=state.seconds + elapsed,
        train_loss=float(values.mean()),
        grad_norm=float(norm),
        last_rate=rate,
        steps_per_second=len(values) / elapsed,
        weights=weights,
        optimizer=live.moments(),
        generator=live.generator_state.numpy(),
        buffers=flatten_buffers(live.flow).cpu().numpy(),
        train_curve=_thin(np.concatenate([state.train_curve, likelihoods])),
    )
    return after, live


def _held_out_due(state: RunState) -> bool:
    """Tell whether to look at the held-out points: at first often, later as due, at the end."""
    last = state.held_out_curve[-1, 0]
    enough = min(last, HELD_OUT_EVERY * state.steps_per_second)
    return bool(state.step - last >= enough) or finished(state)


def _judge(before: RunState, state: RunState, live: LiveRun) -> tuple[RunState, LiveRun]:
    """Look at the held-out points, unless they were at this step already."""
    if state.step == state.held_out_curve[-1, 0]:
        return state, live
    held_out = held_out_nll(live)
    if not math.isfinite(held_out):
        return _broken(before, state.step)
    curve = np.concatenate([state.held_out_curve, [[state.step, held_out]]])
    return replace(state, held_out_curve=_thin(curve)), live


def _broken(state: RunState, step: int) -> tuple[RunState, LiveRun]:
    """Return the last good state, with a sentence on what came after it."""
    failure = (
        f"Training diverged before step {step}: the loss is no longer a number. "
        f"Step {state.step} is shown; try a smaller learning rate."
    )
    broken = replace(state, failure=failure, token=uuid.uuid4().hex)
    return broken, LiveRun(broken)


def _blocks(losses: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """Average consecutive losses: rows (last step of the block, mean)."""
    if not len(losses):
        return np.zeros((0, 2))
    blocks = np.array_split(losses, min(len(losses), POINTS_PER_SLICE))
    ends = step + np.cumsum([len(block) for block in blocks])
    return np.column_stack([ends, [block.mean() for block in blocks]])


def _thin(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Drop every other row of the older half when a curve grows too long; keep the first row."""
    if len(curve) <= CURVE_LENGTH:
        return curve
    half = len(curve) // 2
    return np.concatenate([curve[:half:2], curve[half:]])
