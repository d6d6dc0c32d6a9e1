"""How a density becomes a picture: which cells, and which colour scale."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from flowplay.problems import DataProblem, Problem

#: Cells along each side of the grid on which the largest density of a problem is looked up.
_SCALE_CELLS = 128

#: Cells and points of the histogram that stands in for a density that is not known.
_HISTOGRAM_CELLS = 32
_HISTOGRAM_POINTS = 20_000

#: Room above the largest density before the colour scale ends.
_HEADROOM = 1.15


def cell_centres(window: tuple[float, float, float, float], cells: int) -> NDArray[np.float32]:
    """Return the centres [cells, cells, 2] of a window's cells; row 0 is the lowest y.

    Args:
        window: x_min, x_max, y_min, y_max.
        cells: cells along each side.

    Example:
        >>> cell_centres((0, 2, 0, 4), 2)[0].tolist()
        [[0.5, 1.0], [1.5, 1.0]]
    """
    x_min, x_max, y_min, y_max = window
    offset = (np.arange(cells) + 0.5) / cells
    x, y = np.meshgrid(x_min + (x_max - x_min) * offset, y_min + (y_max - y_min) * offset)
    return np.stack([x, y], -1).astype(np.float32)


@functools.lru_cache(maxsize=96)
def exact_density(problem: Problem, cells: int) -> NDArray[np.float32] | None:
    """Return a problem's exact density [cells, cells] over its window, read-only.

    None where the density is not known, or the problem has no window in the plane.
    """
    density = _computed_density(problem, cells)
    if density is not None:
        density.flags.writeable = False
    return density


def _computed_density(problem: Problem, cells: int) -> NDArray[np.float32] | None:
    if problem.density is None or problem.window is None:
        return None
    centres = cell_centres(problem.window, cells)
    density = np.exp(problem.density.log_prob(centres.reshape(-1, 2))).reshape(cells, cells)
    return density.astype(np.float32)


@functools.lru_cache(maxsize=96)
def density_scale(problem: Problem) -> float:
    """Return the density at the top of the colour scale that problem and model share.

    It is a little more than the largest exact density; where that is not known, than the largest
    one of a histogram of training points, and 1 where there are none.
    """
    exact = _computed_density(problem, _SCALE_CELLS)
    if exact is not None:
        return _HEADROOM * float(exact.max())
    if not isinstance(problem, DataProblem) or problem.window is None:
        return 1.0
    x_min, x_max, y_min, y_max = problem.window
    points = problem.training_points(_HISTOGRAM_POINTS, seed=0)
    histogram, _, _ = np.histogram2d(
        points[:, 0],
        points[:, 1],
        bins=_HISTOGRAM_CELLS,
        range=((x_min, x_max), (y_min, y_max)),
        density=True,
    )
    largest = float(np.nan_to_num(histogram).max())
    return _HEADROOM * largest if largest > 0 else 1.0
