"""What is right and what is not with a trained flow: measured on held-out data, said plainly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from flowplay.training.layer_frames import (
    flow_of,
    inverse_states,
    layer_name,
    round_trip_error,
)
from flowplay.training.live_run import LiveRun
from flowplay.wire import Diagnosis, RunState

#: Natural logarithm of an area factor beyond which float32 begins to lose the way back.
EXTREME_LOG_DET = 12.0

#: Round-trip error, as a share of the data's spread, that no picture shows.
FINE_ERROR = 1e-3

#: A layer that moves points by less than this share of their spread does nothing that is seen.
DEAD_MOVE = 0.01

#: A layer is called saturated if it changes area by more than e^±2.85 (17-fold) for this share of
#: the data: an affine coupling layer cannot scale by more than e^±3.
SATURATED_LOG_DET = 2.85
SATURATED_SHARE = 0.01

#: Nats by which the held-out NLL may be above its lowest point, or above the train NLL.
FINE_RISE = 0.02
FINE_GAP = 0.1


@torch.inference_mode()
def diagnose(live: LiveRun, state: RunState) -> Diagnosis:
    """Judge a live run that stands at `state`, over its held-out points."""
    flow, x = flow_of(live), live.held_out
    states, log_dets = inverse_states(flow, x)
    spread = states[:-1].std(1).mean(-1).clamp_min(1e-9)
    moves = (states[1:] - states[:-1]).square().sum(-1).mean(-1).sqrt() / spread
    error = round_trip_error(flow, x)
    per_layer = -log_dets.double().cpu().numpy()
    return Diagnosis(
        step=state.step,
        checks=[
            _determinant(per_layer.sum(0)),
            _inverse(error.double().cpu().numpy(), float(x.std())),
            _likelihood(state, comparable=flow.trained_by_likelihood),
            _dead(moves[: len(per_layer) - 1].cpu().numpy(), state.step),
            _saturated(per_layer[:-1]),
        ],
        names=[layer_name(b) for b in flow.bijections],
        ranges=np.stack([per_layer.min(1), per_layer.max(1)], 1),
        moves=moves.double().cpu().numpy(),
    )


def _check(name: str, value: str, fine: bool, sentence: str) -> dict[str, Any]:
    return {"name": name, "value": value, "fine": bool(fine), "sentence": sentence}


def _determinant(log_det: NDArray[np.float64]) -> dict[str, Any]:
    """Judge log|det dx/dz| [n] of the whole flow."""
    low, high = float(log_det.min()), float(log_det.max())
    fine = math.isfinite(low) and math.isfinite(high) and max(-low, high) < EXTREME_LOG_DET
    return _check(
        "|det J| over the data",
        f"{math.exp(min(low, 700)):.2g} to {math.exp(min(high, 700)):.2g}",
        fine,
        "Nowhere near zero: the flow can be inverted, and densities are finite."
        if fine
        else "Area is squeezed or stretched beyond what float32 can undo. Use a smaller learning "
        "rate or gradient clip, more noise in the target, or fewer layers.",
    )


def _inverse(error: NDArray[np.float64], spread: float) -> dict[str, Any]:
    """Judge |f(f^-1(x)) - x| [n] of data with a standard deviation."""
    solved = bool(np.isfinite(error).all())
    largest = float(error.max()) if solved else math.inf
    fine = largest < FINE_ERROR * spread
    return _check(
        "Largest inverse error",
        f"{largest:.1e}" if solved else "not solved",
        fine,
        "There and back, a point returns to its place."
        if fine
        else "Some points do not return to their place, so densities there are unsafe. Look at the "
        "round-trip map; train with a smaller learning rate, or use fewer layers.",
    )


def _likelihood(state: RunState, *, comparable: bool) -> dict[str, Any]:
    """Judge the held-out curve: it should fall, stay down, and keep near the train NLL if any."""
    curve = state.held_out_curve
    first, now, lowest = float(curve[0, 1]), float(curve[-1, 1]), float(np.nanmin(curve[:, 1]))
    value = f"{first:.3f} to {now:.3f} nats".replace("-", "−")
    if state.step == 0:
        return _check("Held-out NLL", f"{now:.3f} nats", True, "Not trained yet.")
    rose = now - lowest > FINE_RISE
    train = state.train_loss
    overfits = comparable and train is not None and now - train > FINE_GAP
    if overfits:
        sentence = (
            "Held-out points are less likely than trained ones: it learns them by heart. Use more "
            "training samples, some weight decay, or a smaller flow."
        )
    elif rose:
        sentence = (
            f"It was lower before ({lowest:.3f}). Lower the learning rate, or rewind to look at "
            "the better state."
        )
    elif now >= first:
        sentence = "It has not improved yet. Train longer, or with another learning rate."
    else:
        sentence = "The likelihood of unseen points has risen, and stayed up."
    return _check("Held-out NLL", value, not (rose or overfits or now >= first), sentence)


def _dead(moves: NDArray[np.floating], step: int) -> dict[str, Any]:
    """Judge how far each layer [K - 1] moves the data; the standardization is not judged."""
    dead = [k + 1 for k, move in enumerate(moves) if move < DEAD_MOVE]
    if step == 0:
        return _check("Dead layers", "not trained yet", True, "Training will move them.")
    return _check(
        "Dead layers",
        _listed(dead),
        not dead,
        "Every layer moves the data by more than 1 % of its spread."
        if not dead
        else "They move nothing that is seen: the flow could do with fewer layers, or needs longer "
        "training.",
    )


def _saturated(per_layer: NDArray[np.float64]) -> dict[str, Any]:
    """Judge log|det| [K - 1, n] of each layer over the data."""
    share = (np.abs(per_layer) > SATURATED_LOG_DET).mean(1)
    saturated = [k + 1 for k, s in enumerate(share) if s > SATURATED_SHARE]
    return _check(
        "Saturated layers",
        _listed(saturated),
        not saturated,
        "No layer changes area more than 17-fold for more than 1 % of the data."
        if not saturated
        else "They work at their limit, changing area more than 17-fold: more layers, or a spline "
        "flow, would share the work.",
    )


def _listed(layers: list[int]) -> str:
    if not layers:
        return "none"
    shown = ", ".join(map(str, layers[:8]))
    return f"{shown}, …" if len(layers) > 8 else shown
