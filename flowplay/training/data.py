"""The points of a run: what it trains on, and what it is judged by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from cachetools import LRUCache, cached
from numpy.typing import NDArray
from torch import Tensor

from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.problems import DataProblem, ImageProblem
from flowplay.problems.images import Part

#: Held-out points behind every live figure; the command line judges by more.
HELD_OUT = 2000

#: Bytes of points that a process retains, so that runs of one problem share them.
POINTS_BYTES = 64 * 2**20


def training_points(config: RunConfig) -> Tensor:
    """Return the config's training points [n, D], float32, in data units.

    Where labels are given, images have them as one more coordinate.

    Raises:
        RefusedError: if the problem has no data.
    """
    problem = _data_problem(config)
    if gives_labels(config):
        return _labelled(problem, "train", config.seed)[: config.samples]
    return _points(problem.training_points, config.samples, config.seed)


def held_out_points(config: RunConfig, n: int = HELD_OUT) -> Tensor:
    """Return at most n points [n, D], float32, that no training step sees.

    Raises:
        RefusedError: if the problem has no data.
    """
    problem = _data_problem(config)
    if gives_labels(config):
        return _labelled(problem, "validation", config.seed)[:n]
    return _points(problem.held_out_points, n, config.seed)


def images_to_judge(config: RunConfig) -> Tensor:
    """Return the images [n, D] on which final figures are measured, and nothing else.

    Raises:
        RefusedError: if the problem is not of images.
    """
    problem = _data_problem(config)
    if gives_labels(config):
        return _labelled(problem, "test", config.seed)
    if not isinstance(problem, ImageProblem):
        raise RefusedError(f"{problem.label} has no images.")
    return torch.from_numpy(problem.points("test", config.seed)).float()


def gives_labels(config: RunConfig) -> bool:
    """Tell whether a run's model is given the label of an image, as a coordinate after its D."""
    return config.options.get("label") == "given"


def _labelled(problem: DataProblem, part: Part, seed: int) -> Tensor:
    """Return images of a part with their labels [n, D + 1], float32.

    Raises:
        RefusedError: if the problem has no labels.
    """
    if not isinstance(problem, ImageProblem) or not problem.classes:
        raise RefusedError(f"{problem.label} has no labels that could be given.")
    labels = problem.images(part, seed).labels
    assert labels is not None, "a problem with classes has labels"
    points = np.column_stack([problem.points(part, seed), labels])
    return torch.from_numpy(points).float()


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
