"""What a run shows: its exact density on a grid, its held-out NLL, samples, and the layer walk."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowplay.pictures import cell_centres, density_scale
from flowplay.snapshot import LayerFrames, Snapshot, encode_density
from flowplay.targets import make_target
from flowplay.training.data import held_out_points
from flowplay.training.live import LiveRun
from flowplay.training.schedule import progress
from flowplay.training.state import RunState

#: Cells along each side of a picture: while it trains, as a still, and for a frame of the walk.
LIVE_CELLS = 64
FINE_CELLS = 192
WALK_CELLS = 128

SAMPLES = 1000
WALK_POINTS = 600

#: Points evaluated at once, so that memory stays bounded.
BLOCK = 4096

#: Held-out points that every slice asks whether the flow still stands.
SENTINELS = 256

#: Half width of the window that holds the base and all standardised layers, in standard deviations.
BASE_REACH = 3.5

#: The share of the data that stays in the window in every layer, unless it goes farther than this.
NEARLY_ALL = 0.98
FARTHEST = 8.0


@torch.inference_mode()
def held_out_nll(live: LiveRun) -> float:
    """Return the mean negative log-likelihood of the held-out points, in nats."""
    return float(-live.flow.log_prob(live.held_out).double().mean())


@torch.inference_mode()
def is_sound(live: LiveRun) -> bool:
    """Tell whether the first few held-out points have a density at all."""
    return bool(live.flow.log_prob(live.held_out[:SENTINELS]).isfinite().all())


@torch.inference_mode()
def held_out_nll_of(state: RunState, n: int) -> float:
    """Judge a state by n fresh held-out points: mean negative log-likelihood, in nats."""
    live = LiveRun(state)
    points = held_out_points(live.config, n).to(live.device)
    return float(-live.flow.log_prob(points).double().mean())


@torch.inference_mode()
def density_on_grid(
    log_prob: Callable[[Tensor], Tensor], centres: NDArray[np.float32], device: torch.device
) -> NDArray[np.float32]:
    """Evaluate exp(log_prob) at the cell centres [H, W, 2] of a picture, as [H, W]."""
    points = torch.from_numpy(centres).reshape(-1, 2).to(device)
    values = torch.cat([log_prob(block) for block in points.split(BLOCK)])
    density = torch.nan_to_num(values.exp(), nan=0.0, posinf=0.0)
    return density.reshape(centres.shape[:2]).cpu().numpy()


@torch.inference_mode()
def take_snapshot(live: LiveRun, state: RunState, *, fine: bool) -> Snapshot:
    """Look at a live run that stands at `state`."""
    target = make_target(live.config.target, live.config.noise)
    scale = density_scale(target)
    centres = cell_centres(target.bounds, FINE_CELLS if fine else LIVE_CELLS)
    density = density_on_grid(live.flow.log_prob, centres, live.device)
    generator = torch.Generator().manual_seed(live.config.seed)
    samples = live.flow.sample(SAMPLES, state.temperature, generator)
    return Snapshot(
        step=state.step,
        seconds=state.seconds,
        steps_per_second=state.steps_per_second,
        learning_rate=state.last_rate,
        grad_norm=state.grad_norm,
        train_loss=state.train_loss,
        held_out_nll=float(state.held_out_curve[-1, 1]),
        parameters=state.weights.size,
        device=live.device.type,
        finished=progress(live.config, state.budget, state.step, state.seconds) >= 1,
        failure=state.failure,
        density_scale=scale,
        bounds=list(target.bounds),
        train_curve=state.train_curve.astype(np.float32),
        held_out_curve=state.held_out_curve.astype(np.float32),
        density=encode_density(density, scale),
        samples=samples.cpu().numpy(),
    )


@torch.inference_mode()
def layer_frames(live: LiveRun, state: RunState) -> LayerFrames:
    """Walk through a live run: the exact density of every z_k, with samples on their way."""
    flow = live.flow
    generator = torch.Generator().manual_seed(live.config.seed)
    z = state.temperature * flow.base_sample(WALK_POINTS, generator)
    points, log_dets = flow.forward_states(z)
    target = make_target(live.config.target, live.config.noise)
    bounds = _common_bounds(target.bounds, flow.inverse_states(live.held_out)[0])
    centres = cell_centres(bounds, WALK_CELLS)
    last = len(flow.bijections)

    return LayerFrames(
        step=state.step,
        bounds=list(bounds),
        labels=_labels(last),
        densities=np.stack(
            [
                density_on_grid(partial(flow.layer_log_prob, k), centres, live.device)
                for k in range(last + 1)
            ]
        ),
        points=points.cpu().numpy(),
        log_dets=log_dets.cpu().numpy(),
    )


def _common_bounds(
    target: tuple[float, float, float, float], states: Tensor
) -> tuple[float, float, float, float]:
    """Return a square window for the base, the data and nearly all points on their way between."""
    on_the_way = float(torch.nan_to_num(states.abs().amax((0, 2))).quantile(NEARLY_ALL))
    reach = max(BASE_REACH, *(abs(side) for side in target), min(on_the_way, FARTHEST))
    return -reach, reach, -reach, reach


def _labels(last: int) -> list[str]:
    """Name z_0 … z_K as a reader meets them: the base, the layers, the data."""
    between = [f"z{_subscript(k)}" for k in range(1, last)]
    return [f"z{_subscript(0)} base", *between, f"z{_subscript(last)} = x data"]


def _subscript(k: int) -> str:
    return str(k).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
