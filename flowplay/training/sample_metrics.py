"""How near samples are to data, by figures that need no likelihood."""

from __future__ import annotations

import math
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowplay.problems import DataProblem, ImageProblem
from flowplay.problems.targets.base import Target
from flowplay.training.data import held_out_points
from flowplay.training.live_run import LiveRun
from flowplay.training.streams import generator

#: Points of one comparison, and comparisons, whose spread gives the standard errors.
POINTS = 1000
REPEATS = 8

#: Directions of the sliced distance, and neighbours of precision and recall.
DIRECTIONS = 64
NEIGHBOURS = 3

#: A mode is found if at least this part of what data have there is there.
FOUND = 0.25


class Estimate(TypedDict):
    """A figure of samples against fresh data, and of fresh data against other fresh data.

    Errors are standard errors of the means over the comparisons.
    """

    value: float
    error: float
    data: float
    data_error: float


@torch.no_grad()
def sample_metrics(live: LiveRun) -> dict[str, Estimate]:
    """Compare samples of a run's model with points that no training step saw.

    Returns:
        `sliced_w2` and `energy_distance` (0 for equal distributions, but for noise), `precision`
        and `recall`, and `modes` where the target has modes: the share of them that was found.
        Nothing for images.
    """
    problem = live.config.problem()
    if isinstance(problem, ImageProblem) or not isinstance(problem, DataProblem):
        return {}
    drawn = live.model.sample(POINTS * REPEATS, 1.0, generator(live.config.seed, "judgement"))
    return compared_with_data(live, drawn, REPEATS)


@torch.no_grad()
def compared_with_data(live: LiveRun, drawn: Tensor, parts: int) -> dict[str, Estimate]:
    """Compare points [n, D] with as many that no training step of a run saw; see `sample_metrics`.

    Args:
        live: the run, of points.
        drawn: samples.
        parts: comparisons, each of n / parts points.
    """
    problem = live.config.problem()
    assert isinstance(problem, DataProblem), "only points are compared"
    points = held_out_points(live.config, 2 * len(drawn)).double()
    n = min(len(drawn) // parts, len(points) // (2 * parts))
    drawn = drawn[: n * parts].cpu().double()
    if n <= NEIGHBOURS or not bool(drawn.isfinite().all()):
        return {}
    fresh, others = points[: n * parts].split(n), points[n * parts :][: n * parts].split(n)
    of_model = [_compared(x, y, problem) for x, y in zip(drawn.split(n), fresh, strict=True)]
    of_data = [_compared(x, y, problem) for x, y in zip(others, fresh, strict=True)]
    return {
        name: _estimate([found[name] for found in of_model], [found[name] for found in of_data])
        for name in of_model[0]
    }


def _estimate(model: list[float], data: list[float]) -> Estimate:
    root = math.sqrt(len(model))
    return Estimate(
        value=float(np.mean(model)),
        error=float(np.std(model, ddof=1)) / root,
        data=float(np.mean(data)),
        data_error=float(np.std(data, ddof=1)) / root,
    )


def _compared(x: Tensor, y: Tensor, problem: DataProblem) -> dict[str, float]:
    precision, recall = precision_and_recall(x, y)
    found = {
        "sliced_w2": sliced_wasserstein(x, y),
        "energy_distance": energy_distance(x, y),
        "precision": precision,
        "recall": recall,
    }
    if isinstance(problem, Target) and problem.modes is not None:
        found["modes"] = modes_found(x.numpy(), y.numpy(), *problem.modes)
    return found


def directions(dim: int) -> Tensor:
    """Return fixed unit vectors [L, D]: evenly spread in the plane, random elsewhere."""
    if dim == 2:
        angle = math.pi * (torch.arange(DIRECTIONS, dtype=torch.float64) + 0.5) / DIRECTIONS
        return torch.stack((angle.cos(), angle.sin()), 1)
    random = torch.randn(
        DIRECTIONS, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    return torch.nn.functional.normalize(random, dim=-1)


def sliced_wasserstein(x: Tensor, y: Tensor) -> float:
    r"""Return the sliced 2-Wasserstein distance of as many points x and y [n, D], in data units.

    .. math:: \Bigl(\frac1L \sum_l W_2^2\bigl(\theta_l^\top x, \theta_l^\top y\bigr)\Bigr)^{1/2}

    References:
        Bonneel, Rabin, Peyré & Pfister, Sliced and Radon Wasserstein Barycenters of Measures, 2015.
    """
    lines = directions(x.shape[1]).to(x)
    of_x, of_y = (x @ lines.t()).sort(0).values, (y @ lines.t()).sort(0).values
    return float((of_x - of_y).square().mean().sqrt())


def energy_distance(x: Tensor, y: Tensor) -> float:
    r"""Return the energy distance of points x [n, D] and y [m, D], in data units.

    .. math:: 2\,\mathbb{E}\|X - Y\| - \mathbb{E}\|X - X'\| - \mathbb{E}\|Y - Y'\|

    References:
        Székely & Rizzo, Energy Statistics, 2013.
    """
    cross, of_x, of_y = torch.cdist(x, y), torch.cdist(x, x), torch.cdist(y, y)
    return float(2 * cross.mean() - of_x.mean() - of_y.mean())


def precision_and_recall(x: Tensor, y: Tensor, neighbours: int = NEIGHBOURS) -> tuple[float, float]:
    """Return which part of samples x [n, D] lies near data y [m, D], and of data near samples.

    Near is: within the distance of some point to its k-th neighbour in its own set.

    References:
        Kynkäänniemi, Karras, Laine, Lehtinen & Aila, Improved Precision and Recall Metric for
        Assessing Generative Models, 2019.
    """
    between = torch.cdist(x, y)
    reach_x = torch.cdist(x, x).kthvalue(neighbours + 1, dim=1).values
    reach_y = torch.cdist(y, y).kthvalue(neighbours + 1, dim=1).values
    precision = (between <= reach_y).any(1).double().mean()
    recall = (between <= reach_x.unsqueeze(1)).any(0).double().mean()
    return float(precision), float(recall)


def modes_found(
    x: NDArray[np.float64], y: NDArray[np.float64], centres: NDArray[np.float64], radius: float
) -> float:
    """Return the share of modes where samples x [n, 2] have at least a quarter of what data have.

    Args:
        x: samples.
        y: data [m, 2].
        centres: of the modes [K, 2].
        radius: of each mode.
    """
    of_x, of_y = ((np.linalg.norm(p[:, None] - centres, axis=-1) <= radius).mean(0) for p in (x, y))
    return float((of_x >= FOUND * of_y).mean())
