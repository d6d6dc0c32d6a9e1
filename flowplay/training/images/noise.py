"""Dequantization seen at one pixel: its steps, the noise that was learned for it, the bounds."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowplay.models.images import NOISE_SEED, DequantizedFlow
from flowplay.training.images.subject import (
    flow_of_images,
    images_of,
    points_of,
    problem_of,
    with_labels,
)
from flowplay.training.live_run import LiveRun
from flowplay.wire import NoiseView

#: Places within each level at which the density is computed, and of all levels at least.
INSIDE, LEAST = 32, 512

#: Draws of the noise of one pixel, and bars in which they are counted.
DRAWS, BARS = 4000, 20

#: Draws that are taken at once, so that memory stays bounded.
BLOCK = 250

#: Draws of the importance-weighted bounds, and images that all bounds are measured on: fewer where
#: these have many values, so that it takes about as long.
IMPORTANCE, IMAGES, VALUES, LEAST_IMAGES = (8, 64), 100, 100 * 192, 20


@torch.inference_mode()
def noise_view(live: LiveRun, number: int, coordinate: int) -> NoiseView:
    r"""Look at one value of an image of the validation part.

    The density is that of :math:`y_d` given the other values with their noise, by quadrature; the
    area over one level is that level's probability given them.

    Args:
        live: the run.
        number: of the image.
        coordinate: d, from 0 to D − 1.
    """
    model, problem, images = flow_of_images(live), problem_of(live), images_of(live)
    number, coordinate = number % len(images.levels), coordinate % problem.dim
    one = slice(number, number + 1)
    labels = None if images.labels is None else images.labels[one]
    x = with_labels(model, points_of(live, images.levels[one]), labels)
    inside = max(2, min(INSIDE, -(-LEAST * 4 // problem.levels)))
    at = (torch.arange(problem.levels * inside) + 0.5) / inside
    with model.dequantized(x) as (y, _):
        copies = y.repeat(len(at), 1)
        copies[:, coordinate] = at.to(y)
        log_density = torch.cat(
            [_log_density(model, b, x) for b in copies.split(model.at_once)]
        ).double()
        u = _noise_of(model, x[:, : model.dim], coordinate)
    density = (log_density - log_density.logsumexp(0) + math.log(inside)).exp().cpu().numpy()
    counts = np.histogram(u, BARS, (0, 1))[0]
    return NoiseView(
        image=images.levels[number],
        brightest=problem.levels - 1,
        level=int(x[0, coordinate]),
        at=at.numpy().astype(np.float32),
        density=density.astype(np.float32),
        levels=density.reshape(problem.levels, inside).mean(1).astype(np.float32),
        noise=(counts * BARS / DRAWS).astype(np.float32),
        bounds=_bounds(live, model),
    )


def _noise_of(model: DequantizedFlow, image: Tensor, coordinate: int) -> NDArray[np.float64]:
    """Return draws of the noise of one value of an image [1, D]."""
    generator = torch.Generator().manual_seed(NOISE_SEED)
    copies = image.repeat(BLOCK, 1)
    parts = [model.noise(copies, generator)[0][:, coordinate] for _ in range(DRAWS // BLOCK)]
    drawn: NDArray[np.float64] = torch.cat(parts).double().cpu().numpy()
    return drawn


def _log_density(model: DequantizedFlow, y: Tensor, x: Tensor) -> Tensor:
    """Return log p(y) of copies of one image x with other noise, with the label of x."""
    told = x[:, model.dim :].expand(len(y), -1)
    with model.told(torch.cat((y, told), 1)) as images:
        return model.flow.log_prob(images)


def _bounds(live: LiveRun, model: DequantizedFlow) -> dict[str, float]:
    """Return bounds in bits per dimension of images of the validation part, by their name."""
    problem, images = problem_of(live), images_of(live)
    first = slice(max(LEAST_IMAGES, min(IMAGES, VALUES // problem.dim)))
    labels = None if images.labels is None else images.labels[first]
    x = with_labels(model, points_of(live, images.levels[first]), labels)
    scale = -1 / (problem.dim * math.log(2))

    def mean(log_prob: Tensor) -> float:
        return scale * float(log_prob.double().mean())

    found = {"uniform": mean(model.uniform_bound(x, 8)), "own": mean(model.bound(x, 8))}
    return found | {f"iw{k}": mean(model.importance_bound(x, k)) for k in IMPORTANCE}
