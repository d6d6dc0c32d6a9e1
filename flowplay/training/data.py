"""The points of a run: what it trains on, and what it is judged by."""

from __future__ import annotations

from collections.abc import Callable

import torch
from cachetools import LRUCache, cached
from numpy.typing import NDArray
from torch import Tensor

from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.problems import DataProblem

#: Held-out points behind every live figure; the command line judges by more.
HELD_OUT = 2000

#: Bytes of points that a process retains, so that runs of one problem share them.
POINTS_BYTES = 64 * 2**20


def training_points(config: RunConfig) -> Tensor:
    """Return the config's training points [n, D], float32, in data units.

    Raises:
        RefusedError: if the problem has no data.
    """
    problem = _data_problem(config)
    return _points(problem.training_points, config.samples, config.seed)


def held_out_points(config: RunConfig, n: int = HELD_OUT) -> Tensor:
    """Return at most n points [n, D], float32, that no training step sees.

    Raises:
        RefusedError: if the problem has no data.
    """
    return _points(_data_problem(config).held_out_points, n, config.seed)


def _data_problem(config: RunConfig) -> DataProblem:
    problem = config.problem()
    if not isinstance(problem, DataProblem):
        raise RefusedError(f"{problem.label} has no data to train on.")
    return problem


def points_size(points: Tensor) -> int:
    """Return the bytes that points count for: those of a larger problem fill the cache alone."""
    return min(points.nbytes, POINTS_BYTES)


@cached(LRUCache(POINTS_BYTES, getsizeof=points_size))
def _points(draw: Callable[[int, int], NDArray], n: int, seed: int) -> Tensor:  # type: ignore[type-arg]
    return torch.from_numpy(draw(n, seed)).float()
