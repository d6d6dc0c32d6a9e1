"""train_slice: the one thing that trains, for a short while, from one state to the next."""

from __future__ import annotations

import math
import time
import uuid
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from flowplay.config import HotSettings
from flowplay.training.divergence import diverged_since
from flowplay.training.flat import flatten_buffers
from flowplay.training.live_run import LiveRun
from flowplay.training.pool import live_run, retain
from flowplay.training.schedule import annealed, progress
from flowplay.training.snapshots import take_snapshot
from flowplay.wire import RunState, Snapshot

#: Points a slice adds to the train curve at most, and points either curve is thinned to.
POINTS_PER_SLICE = 8
CURVE_LENGTH = 400

#: Seconds of training after which the held-out points are looked at again: as often as one can read
#: the number. Looking after every short slice would take a twentieth of the time from training.
HELD_OUT_EVERY = 0.4

#: The most that this may take of the time of training, where it takes long: where a likelihood is
#: the solution of a differential equation.
HELD_OUT_SHARE = 0.2

_NOTHING = np.zeros(0, np.float32)


def train_slice(
    state: RunState,
    seconds: float | None = None,
    steps: int | None = None,
    *,
    hot: HotSettings | None = None,
    fine: bool = False,
) -> tuple[RunState, Snapshot]:
    """Train a run for a short while.

    A slice ends after `seconds`, after `steps`, or when the budget is used up, whichever comes
    first. Where a run is cut into slices does not change what it learns: with a budget in steps,
    the same config gives the same weights on the same machine. A run that broke goes on from its
    best state.

    Args:
        state: where to begin; it stays valid, so a lost slice can be trained again.
        seconds: time to train, in seconds.
        steps: optimizer steps to take; 0 only looks at the run.
        hot: the settings that may change while a run trains, from now on, instead of the state's.
        fine: take the snapshot at the resolution of a still picture.

    Returns:
        The next state and what a viewer sees of it. If training diverged, the state holds the
        weights of the best step so far, and `failure` says so.

    Raises:
        ValueError: if neither seconds nor steps are given.

    Example:
        >>> from flowplay.config import RunConfig
        >>> from flowplay.training import new_run
        >>> from flowplay.wire import DensityPicture
        >>> state, snapshot = train_slice(new_run(RunConfig(depth=2, width=8)), steps=5)
        >>> snapshot.header.step, snapshot.picture(DensityPicture).code.shape
        (5, (64, 64))
    """
    if seconds is None and steps is None:
        raise ValueError("A slice needs seconds or steps.")
    if hot is not None:
        state = replace(state, hot_settings=hot.model_dump())
        if state.step == 0:
            # What was set before the first step is what the run begins with.
            state = replace(state, settings=state.settings | {"budget": hot.budget})
    live = live_run(state)
    if steps != 0 and state.failure:
        state = cut_at_step(state)
    if not state.failure:
        before = state
        limit = math.inf if seconds is None else seconds
        most = 10**9 if steps is None else steps
        state, live = _advance(state, live, limit, most)
        still = fine or steps is not None
        if not state.failure and (still or _held_out_due(state, live)):
            state, live = _judge(before, state, live, still=still or finished(state))
    snapshot = take_snapshot(live, state, fine=fine)
    retain(live, state.token)
    return state, snapshot


def finished(state: RunState) -> bool:
    """Tell whether the budget of a run is used up."""
    return progress(state.config, state.hot.budget, state.step, state.seconds) >= 1


def _advance(
    state: RunState, live: LiveRun, seconds: float, steps: int
) -> tuple[RunState, LiveRun]:
    """Take the steps; return the state after them, or the old one with the reason of failure."""
    trained = live.train(state, seconds, steps)
    if not trained.losses:
        return state, live
    values = torch.stack(trained.losses).double().cpu().numpy()
    weights = live.vector.detach().cpu().numpy().copy()
    step = state.step + len(values)
    if not (
        np.isfinite(values).all()
        and np.isfinite(weights).all()
        and live.objective.is_sound(live.model)
    ):
        return _broken(state, step)
    after = replace(
        state,
        token=uuid.uuid4().hex,
        step=step,
        seconds=state.seconds + trained.seconds,
        train_loss=float(values.mean()),
        gradient_norm=float(trained.gradient_norm),
        last_rate=trained.rate,
        steps_per_second=len(values) / trained.seconds,
        weights=weights,
        optimizer=live.moments(),
        batch_generator=live.batches.get_state().numpy(),
        noise_generator=live.noise_state.numpy(),
        buffers=flatten_buffers(live.model).cpu().numpy(),
        train_curve=_thin(np.concatenate([state.train_curve, _blocks(values, state.step)])),
        **_best_kept(state),
    )
    return after, live


def _best_kept(state: RunState) -> dict[str, Any]:
    """Return the fields of the best state for one that comes after `state`."""
    if state.best_loss is None or len(state.best_weights):
        return {}
    return {"best_weights": state.weights, "best_buffers": state.buffers}


def _held_out_due(state: RunState, live: LiveRun) -> bool:
    """Tell whether to look at the held-out points: at first often, later as due, at the end."""
    if not len(state.held_out_curve):
        return False
    last = state.held_out_curve[-1, 0]
    enough = min(last, HELD_OUT_EVERY * state.steps_per_second)
    enough = max(enough, live.judging_seconds / HELD_OUT_SHARE * state.steps_per_second)
    return bool(state.step - last >= enough) or finished(state)


def _judge(
    before: RunState, state: RunState, live: LiveRun, *, still: bool
) -> tuple[RunState, LiveRun]:
    """Look at the held-out points, unless they were looked at as closely at this step already.

    Args:
        before: the last state whose numbers are finite.
        state: the one to judge.
        live: the run at this state.
        still: as closely as can be, or quickly, as while it trains.
    """
    curve = state.held_out_curve
    nearer = still and state.judged_roughly
    if not len(curve) or (state.step == curve[-1, 0] and not nearer):
        return state, live
    began = time.perf_counter()
    with nullcontext(False) if still else live.model.quickly(judging=True) as rough:
        judged = live.objective.judge(live.model)
    if not still:
        live.judging_seconds = time.perf_counter() - began
    if not all(map(math.isfinite, judged)):
        return _broken(before, state.step)
    curve = np.concatenate([curve[curve[:, 0] < state.step], [[state.step, *judged]]])
    state = replace(state, held_out_curve=curve, judged_roughly=rough)
    used = state.config, state.hot.budget, state.step, state.seconds
    since = diverged_since(
        state,
        by_likelihood=live.model.trained_by_likelihood,
        settled=live.objective.settled(annealed(*used)),
        finished=progress(*used) >= 1,
    )
    if since is not None:
        return _broken(state, since)
    if state.best_loss is None or judged[0] <= state.best_loss:
        state = replace(
            state,
            best_step=state.step,
            best_seconds=state.seconds,
            best_loss=judged[0],
            best_weights=_NOTHING,
            best_buffers=_NOTHING,
        )
    return replace(state, held_out_curve=_thin(curve)), live


def _broken(state: RunState, step: int) -> tuple[RunState, LiveRun]:
    """Return the best state so far, with a sentence on what came after it.

    Args:
        state: the last one whose numbers are finite.
        step: where training diverged.
    """
    best = state
    if len(state.best_weights):
        best = replace(
            state,
            step=state.best_step,
            seconds=state.best_seconds,
            weights=state.best_weights,
            buffers=state.best_buffers,
            # The optimizer's memory is of what came later.
            optimizer=np.zeros((0, state.best_weights.size), np.float32),
            best_weights=_NOTHING,
            best_buffers=_NOTHING,
        )
    shown = f"step {best.step:,}, the best so far" if best.step else "the untrained model"
    failure = f"Training diverged at step {step:,}: lower the learning rate. Shown is {shown}."
    broken = replace(best, failure=failure, token=uuid.uuid4().hex)
    return broken, LiveRun(broken)


def cut_at_step(state: RunState) -> RunState:
    """Return a state that failed as one that has never gone beyond its step."""
    train, held_out = (
        curve[curve[:, 0] <= state.step] for curve in (state.train_curve, state.held_out_curve)
    )
    return replace(state, failure="", train_curve=train, held_out_curve=held_out)


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
