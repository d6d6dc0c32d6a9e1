"""What a run shows: its header, curves, measurements, and the pictures that it can make."""

from __future__ import annotations

import numpy as np
import torch

from flowplay.problems import ImageProblem, bits_per_dim
from flowplay.training.data import held_out_points
from flowplay.training.live_run import LiveRun
from flowplay.training.picture_makers import made_pictures
from flowplay.training.schedule import progress
from flowplay.wire import Curve, Exactness, Header, Measurement, RunState, Snapshot

#: Held-out points whose density is checked after every slice.
SOUNDNESS_POINTS = 256


@torch.inference_mode()
def held_out_loss(live: LiveRun) -> float:
    """Return the mean of -log_prob over the held-out points, in nats.

    Raises:
        ValueError: if the model has no likelihood.
    """
    if live.likelihood is None:
        raise ValueError("A model without a likelihood has no held-out loss.")
    return float(-live.likelihood.log_prob(live.held_out).double().mean())


@torch.inference_mode()
def is_sound(live: LiveRun) -> bool:
    """Tell whether the first few held-out points have a finite log-density, if they have any."""
    if live.likelihood is None:
        return True
    points = live.held_out[:SOUNDNESS_POINTS]
    return bool(live.likelihood.log_prob(points).isfinite().all())


@torch.inference_mode()
def held_out_loss_of(state: RunState, n: int) -> float | None:
    """Judge a state by n held-out points: the mean of -log_prob, in nats; None without one."""
    live = LiveRun(state)
    if live.likelihood is None:
        return None
    points = held_out_points(live.config, n).to(live.device)
    return float(-live.likelihood.log_prob(points).double().mean())


@torch.inference_mode()
def take_snapshot(live: LiveRun, state: RunState, *, fine: bool) -> Snapshot:
    """Look at a live run that stands at `state`.

    Args:
        live: the run.
        state: where it stands.
        fine: with pictures at the resolution of a still, or quickly, as while it trains.
    """
    return Snapshot(
        header=Header(
            step=state.step,
            seconds=state.seconds,
            steps_per_second=state.steps_per_second,
            learning_rate=state.last_rate,
            gradient_norm=state.gradient_norm,
            parameters=state.weights.size,
            device=live.device.type,
            finished=progress(live.config, state.hot.budget, state.step, state.seconds) >= 1,
            failure=state.failure,
        ),
        curves=_curves(live, state),
        measurements=_measurements(live, state),
        pictures=made_pictures(live, state, fine),
    )


def _curves(live: LiveRun, state: RunState) -> dict[str, Curve]:
    label, unit = live.objective.name(live.model)
    rows = {"train": (label, unit, state.train_curve)}
    if len(state.held_out_curve):
        label = _held_out_label(live).removesuffix(" of bits/dim")
        rows["held_out"] = (label, "nats", state.held_out_curve)
    curves = {}
    for name, (label, unit, points) in rows.items():
        factor, shown = _shown_in(live, unit)
        curves[name] = Curve(label, shown, (points * [1, factor]).astype(np.float32))
    return curves


def _measurements(live: LiveRun, state: RunState) -> dict[str, Measurement]:
    found = {}
    if state.train_loss is not None:
        label, unit = live.objective.name(live.model)
        factor, unit = _shown_in(live, unit)
        # A mean over batches, while the weights move.
        found["train"] = Measurement(label, factor * state.train_loss, unit, "estimate")
    if len(state.held_out_curve):
        factor, unit = _shown_in(live, "nats")
        value = factor * float(state.held_out_curve[-1, 1])
        found["held_out"] = Measurement(_held_out_label(live), value, unit, _exactness(live))
    return found


def _shown_in(live: LiveRun, unit: str) -> tuple[float, str]:
    """Return what values of a unit are multiplied by to be shown, and the unit then.

    Nats of an image are shown as bits per dimension.
    """
    problem = live.config.problem()
    if unit != "nats" or not isinstance(problem, ImageProblem):
        return 1.0, unit
    return bits_per_dim(1.0, problem.dim), "bits/dim"


def _exactness(live: LiveRun) -> Exactness:
    likelihood = live.config.entry.likelihood
    assert likelihood != "none", "a model that has a likelihood says so in the catalog"
    return likelihood


def _held_out_label(live: LiveRun) -> str:
    exact = _exactness(live) == "exact"
    if isinstance(live.config.problem(), ImageProblem):
        return "held-out bits/dim" if exact else "held-out bound of bits/dim"
    return "held-out NLL" if exact else "held-out bound of the NLL"
