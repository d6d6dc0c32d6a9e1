"""What a run shows: its header, curves, measurements, and the pictures that it can make."""

from __future__ import annotations

import numpy as np
import torch

from flowplay.models import BoundModel
from flowplay.problems import ImageProblem, bits_per_dim
from flowplay.training.data import held_out_points
from flowplay.training.live_run import LiveRun
from flowplay.training.objectives import Judged, held_out_nll
from flowplay.training.picture_makers import made_pictures
from flowplay.training.references import references
from flowplay.training.sample_metrics import Estimate, sample_metrics
from flowplay.training.schedule import progress
from flowplay.wire import Curve, Header, Measurement, RunState, Snapshot


def judged(state: RunState, n: int) -> dict[str, float]:
    """Judge a state by n held-out points, or draws of its model.

    Returns:
        Values by the names that the run's objective gives them; `held_out` is its held-out loss in
        nats. Nothing for a model without a likelihood.
    """
    live = LiveRun(state)
    names = [found.name for found in live.objective.judged(live.model)]
    return dict(zip(names, live.objective.judge(live.model, n), strict=True))


def held_out_loss_of(state: RunState, n: int) -> float | None:
    """Judge a state by n held-out points: the mean of -log_prob, in nats; None without one."""
    live = LiveRun(state)
    if live.likelihood is None:
        return None
    return held_out_nll(live.likelihood, held_out_points(live.config, n).to(live.device))


def is_exact(state: RunState) -> bool:
    """Tell whether a state's log-density is exact, with the weights that it has."""
    return LiveRun(state).exactness == "exact"


def bound_of(state: RunState, n: int) -> float | None:
    """Return the mean of -ELBO over n held-out points, in nats; None for a model without one."""
    live = LiveRun(state)
    if not isinstance(live.model, BoundModel):
        return None
    points = held_out_points(live.config, n).to(live.device)
    with torch.inference_mode():
        return -float(live.model.bound(points, 8).double().mean())


def samples_of(state: RunState) -> dict[str, Estimate]:
    """Return the sample metrics of a state; see `sample_metrics`."""
    return sample_metrics(LiveRun(state))


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
    factor, unit = _shown_in(live, unit)
    curves = {"train": Curve(label, unit, (state.train_curve * [1, factor]).astype(np.float32))}
    for column, found in _judged(live, state):
        factor, unit = _shown_in(live, found.unit)
        rows = state.held_out_curve[:, [0, column]] * [1, factor]
        # The unit stands in the legend.
        label = found.label.removesuffix(" of bits/dim")
        curves[found.name] = Curve(label, unit, rows.astype(np.float32))
    return curves


def _measurements(live: LiveRun, state: RunState) -> dict[str, Measurement]:
    measured = {}
    if state.train_loss is not None:
        label, unit = live.objective.name(live.model)
        factor, unit = _shown_in(live, unit)
        # A mean over batches, while the weights move.
        measured["train"] = Measurement(label, factor * state.train_loss, unit, "estimate")
    for column, found in _judged(live, state):
        factor, unit = _shown_in(live, found.unit)
        assert state.judgement is not None, "the untrained model is judged"
        value = factor * float(state.judgement[column])
        exactness = "estimate" if state.judged_roughly else found.exactness
        if exactness == "exact" and live.exactness == "estimate":
            exactness = "estimate"
        measured[found.name] = Measurement(found.label, value, unit, exactness)
    # They take a moment: the first picture does not wait for them.
    if "held_out" in measured and state.step and (known := references(live.config)) is not None:
        label = f"Gaussian mixture ({known.components})"
        measured["gaussian"] = Measurement("best Gaussian", known.gaussian, "nats", "exact")
        measured["mixture"] = Measurement(label, known.mixture, "nats", "exact")
    return measured


def _shown_in(live: LiveRun, unit: str) -> tuple[float, str]:
    """Return what values of a unit are multiplied by to be shown, and the unit then.

    Nats of an image are shown as bits per dimension.
    """
    problem = live.config.problem()
    if unit != "nats" or not isinstance(problem, ImageProblem):
        return 1.0, unit
    return bits_per_dim(1.0, problem.dim), "bits/dim"


def _judged(live: LiveRun, state: RunState) -> list[tuple[int, Judged]]:
    """Return what the run is judged by, each with its column of the held-out curve."""
    columns = state.held_out_curve.shape[1] if len(state.held_out_curve) else 1
    # Of earlier weights only the first is kept.
    return list(enumerate(live.objective.judged(live.model), 1))[: columns - 1]
