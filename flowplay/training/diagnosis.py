"""Checks of a trained flow on held-out data, each with a verdict and advice."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowplay.flows import Flow
from flowplay.numbers import fixed, number, whole
from flowplay.problems import learns_from_draws
from flowplay.training.layer_frames import (
    flow_of,
    inverse_states,
    layer_name,
    round_trip_error,
)
from flowplay.training.live_run import LiveRun
from flowplay.wire import Diagnosis, RunState

#: Held-out points at which Jacobians are computed.
JACOBIAN_POINTS = 500

#: Largest condition number that is fine: a relative rounding error of float32, about 1e-7, grows
#: at most to `FINE_ERROR`.
FINE_CONDITION = 1e4

#: Round-trip error, as a share of the data's spread, that no picture shows.
FINE_ERROR = 1e-3

#: A layer that moves points by less than this share of their spread is called dead.
DEAD_MOVE = 0.01

#: A layer is called saturated if, for this share of the data, the log-scale of a coordinate is
#: within 5 % of the layer's own bound.
SATURATED_PART = 0.95
SATURATED_SHARE = 0.01

#: Nats by which the held-out NLL may be above its lowest point, or above the train NLL.
FINE_RISE = 0.02
FINE_GAP = 0.1


def diagnose(live: LiveRun, state: RunState) -> Diagnosis:
    """Judge a live run that stands at `state`, over its held-out points."""
    flow, x = flow_of(live), live.held_out
    with torch.inference_mode():
        states, log_dets = inverse_states(flow, x)
        error = round_trip_error(flow, x)
    spread = states[:-1].std(1).mean(-1).clamp_min(1e-9)
    moves = (states[1:] - states[:-1]).square().sum(-1).mean(-1).sqrt() / spread
    per_layer = -log_dets.double().cpu().numpy()
    jacobians = inverse_jacobians(flow, states[:, :JACOBIAN_POINTS])
    checks = [
        _condition(condition_numbers(jacobians).numpy()),
        _inverse(error.double().cpu().numpy(), float(x.std())),
        _judgement(
            state,
            live.objective.judged(flow)[0].label,
            comparable=flow.trained_by_likelihood and not learns_from_draws(live.config.problem()),
        ),
        _dead(moves[: len(per_layer) - 1].cpu().numpy(), state.step),
    ]
    if bounds := {k: b for k, f in enumerate(flow.bijections, 1) if (b := f.log_scale_bound)}:
        checks.append(_saturated(log_scales(jacobians).numpy(), bounds))
    return Diagnosis(
        step=state.step,
        checks=checks,
        names=[layer_name(b) for b in flow.bijections],
        ranges=np.stack([per_layer.min(1), per_layer.max(1)], 1),
        moves=moves.double().cpu().numpy(),
    )


def inverse_jacobians(flow: Flow, states: Tensor) -> Tensor:
    r"""Return :math:`\partial z_{k-1} / \partial z_k` [K, B, D, D] of every layer by autograd.

    The normalizing direction is taken because hardly any layer has to iterate in it.

    Args:
        flow: in evaluation mode; it treats every point by itself.
        states: z_0 … z_K [K + 1, B, D].

    Returns:
        The Jacobians in float64 on the CPU.
    """
    found = []
    with torch.inference_mode(False), torch.enable_grad():
        for bijection, state in zip(flow.bijections, states[1:], strict=True):
            y = state.clone().requires_grad_()
            z, _ = bijection.inverse(y)
            rows = [
                torch.autograd.grad(z[:, i].sum(), y, retain_graph=True)[0] for i in range(flow.dim)
            ]
            found.append(torch.stack(rows, 1).double().cpu())
    return torch.stack(found)


def condition_numbers(jacobians: Tensor) -> Tensor:
    r"""Return the condition number [B] of the whole flow's Jacobian, the same both ways.

    .. math::
        \kappa = \sigma_{\max} / \sigma_{\min} \quad\text{of}\quad
        \frac{\partial z_0}{\partial x} = \prod_{k=1}^{K} \frac{\partial z_{k-1}}{\partial z_k}

    Args:
        jacobians: of every layer [K, B, D, D], finite or not.

    Returns:
        The condition numbers; infinite where the Jacobian is singular or not finite.
    """
    whole = reduce(torch.matmul, jacobians)
    finite = whole.isfinite().all(-1).all(-1)
    singular = torch.linalg.svdvals(torch.where(finite[:, None, None], whole, 0.0))
    return torch.where(finite & (singular[:, -1] > 0), singular[:, 0] / singular[:, -1], math.inf)


def log_scales(jacobians: Tensor) -> Tensor:
    """Return the absolute log [K, B, D] of each diagonal entry of Jacobians, in nats."""
    return jacobians.diagonal(dim1=-2, dim2=-1).abs().log().abs()


def _check(name: str, value: str, fine: bool, sentence: str) -> dict[str, Any]:
    return {"name": name, "value": value, "fine": bool(fine), "sentence": sentence}


def _condition(numbers: NDArray[np.float64]) -> dict[str, Any]:
    """Judge the condition number [n] of the flow's Jacobian: largest over smallest stretch."""
    low, high = float(numbers.min()), float(numbers.max())
    fine = high < FINE_CONDITION
    return _check(
        "Condition number of the Jacobian",
        f"{number(low)} to {number(high)}" if math.isfinite(high) else "not finite",
        fine,
        "In the inverse, relative rounding errors grow at most by about this factor. For float32 "
        "this is small enough."
        if fine
        else "At some points the flow stretches one direction far more than another, so rounding "
        "errors of float32 grow too much in the inverse. Use a smaller learning rate, more noise "
        "in the target, or fewer layers.",
    )


def _inverse(error: NDArray[np.float64], spread: float) -> dict[str, Any]:
    """Judge |f(f^-1(x)) - x| [n] of data with a standard deviation."""
    solved = bool(np.isfinite(error).all())
    largest = float(error.max()) if solved else math.inf
    fine = largest < FINE_ERROR * spread
    return _check(
        "Largest inverse error",
        number(largest) if solved else "not solved",
        fine,
        "From x to z and back, every point returns to within 0.1 % of the data's spread."
        if fine
        else "Some points do not return to x, so the densities there are not reliable. Look at "
        "the round-trip map; train with a smaller learning rate, or use fewer layers.",
    )


def _judgement(state: RunState, label: str, *, comparable: bool) -> dict[str, Any]:
    """Judge the held-out curve: it should fall, stay down, and keep near the train loss if any."""
    name = label[:1].upper() + label[1:]
    curve = state.held_out_curve
    assert state.judgement is not None, "the untrained model is judged"
    first, now = float(curve[0, 1]), float(state.judgement[1])
    lowest = float(np.nanmin(curve[:, 1]))
    value = f"{fixed(first)} to {fixed(now)} nats"
    if state.step == 0:
        return _check(name, f"{fixed(now)} nats", True, "Not trained yet.")
    rose = now - lowest > FINE_RISE
    train = state.train_loss
    overfits = comparable and train is not None and now - train > FINE_GAP
    if overfits:
        sentence = (
            "Held-out points have a lower mean log-density than training points: the flow "
            "overfits. Use more training samples, some weight decay, or a smaller flow."
        )
    elif rose:
        sentence = (
            f"It was lower before ({fixed(lowest)}). Lower the learning rate, or rewind to the "
            "better state."
        )
    elif now >= first:
        sentence = "It has not improved yet. Train longer, or use another learning rate."
    else:
        sentence = "It has fallen, and is still near its lowest value."
    return _check(name, value, not (rose or overfits or now >= first), sentence)


def _dead(moves: NDArray[np.floating], step: int) -> dict[str, Any]:
    """Judge how far each layer [K - 1] moves the data; the standardization is not judged."""
    dead = [k + 1 for k, move in enumerate(moves) if move < DEAD_MOVE]
    if step == 0:
        return _check("Dead layers", "not trained yet", True, "Judged once the flow is trained.")
    return _check(
        "Dead layers",
        _listed(dead),
        not dead,
        "Every layer moves the data by more than 1 % of its spread."
        if not dead
        else "These layers move the data by less than 1 % of its spread. Train longer, or use "
        "fewer layers.",
    )


def _saturated(log_scales: NDArray[np.float64], bounds: dict[int, float]) -> dict[str, Any]:
    """Judge the log-scales [K, n, D] of those layers that bound them: number of layer -> bound."""
    saturated = [
        k
        for k, bound in bounds.items()
        if (log_scales[k - 1] > SATURATED_PART * bound).any(1).mean() > SATURATED_SHARE
    ]
    largest = whole(math.exp(max(bounds.values())))
    return _check(
        "Saturated layers",
        _listed(saturated),
        not saturated,
        f"These layers can scale a coordinate by at most {largest}, up or down. None is near this "
        "limit for more than 1 % of the data."
        if not saturated
        else f"They scale some points by nearly {largest}, up or down, the most that they can. "
        "Use more layers, or a family without this limit: neural splines or Flow++.",
    )


def _listed(layers: list[int]) -> str:
    if not layers:
        return "none"
    shown = ", ".join(map(str, layers[:8]))
    return f"{shown}, …" if len(layers) > 8 else shown
