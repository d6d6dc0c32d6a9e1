"""A threshold in the plane: its contour, and how much probability lies outside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Mass(NamedTuple):
    """The probability of a model outside a contour.

    Attributes:
        outside: from 0 to 1.
        whole: whether all of the contour lies in the picture; if not, less is outside.
    """

    outside: float
    whole: bool


def mass_outside(log_density: NDArray[np.floating], window: Sequence[float], limit: float) -> Mass:
    r"""Return the probability that a model gives to points above a threshold, by quadrature.

    .. math:: 1 - \int_{-\log p(x) \le t} p(x) \, dx

    Args:
        log_density: [H, W] in nats, at the centres of the cells.
        window: x_min, x_max, y_min, y_max of the cells.
        limit: the threshold t, in nats.

    Example:
        >>> from flowplay.grids import cell_centres
        >>> x = cell_centres((-5, 5, -5, 5), 200)
        >>> normal = -0.5 * (x**2).sum(-1) - np.log(2 * np.pi)
        >>> mass_outside(normal, (-5, 5, -5, 5), np.log(2 * np.pi) + 2).outside  # exp(-2)
        0.135...
    """
    x_min, x_max, y_min, y_max = window
    rows, columns = log_density.shape
    area = (x_max - x_min) * (y_max - y_min) / (rows * columns)
    values = np.maximum(np.nan_to_num(log_density.astype(np.float64), nan=-1e6), -1e6)
    inside = -values <= limit
    # A cell that the line cuts counts by about the share of it that lies inside.
    slope = np.maximum(sum(np.abs(g) for g in np.gradient(values)), 1e-9)
    share = np.clip(0.5 + (values + limit) / slope, 0, 1)
    mass = float((share * np.exp(values)).sum()) * area
    edge = inside[0].any() or inside[-1].any() or inside[:, 0].any() or inside[:, -1].any()
    return Mass(float(np.clip(1 - mass, 0, 1)), not edge)


def contour(
    values: NDArray[np.floating], window: Sequence[float], level: float
) -> NDArray[np.float64]:
    """Return the lines where values cross a level, by marching squares.

    Args:
        values: [H, W] at the centres of cells; row 0 is the lowest y. What is no number is low.
        window: x_min, x_max, y_min, y_max of the cells.
        level: the value on the lines.

    Returns:
        Straight pieces [k, 2, 2]: each with two ends (x, y). An end lies between two neighbouring
        centres, where a straight line through their values crosses the level.

    References:
        Lorensen & Cline, Marching Cubes, 1987: here in two dimensions.

    Example:
        >>> contour(np.array([[0.0, 0.0], [0.0, 2.0]]), (0, 2, 0, 2), 1.0).tolist()
        [[[1.5, 1.0], [1.0, 1.5]]]
    """
    x_min, x_max, y_min, y_max = window
    rows, columns = values.shape
    v = np.nan_to_num(values.astype(np.float64), nan=-1e300, neginf=-1e300, posinf=1e300) - level
    corners = np.stack([v[:-1, :-1], v[:-1, 1:], v[1:, 1:], v[1:, :-1]])  # around each square
    row, column = np.mgrid[: rows - 1, : columns - 1]
    places = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    crossed, ends = [], []
    for a, b in ((0, 1), (1, 2), (2, 3), (3, 0)):
        with np.errstate(divide="ignore", invalid="ignore"):
            t = corners[a] / (corners[a] - corners[b])
        crossed.append((corners[a] > 0) != (corners[b] > 0))
        between = places[a] + np.where(crossed[-1], t, 0.0)[..., None] * (places[b] - places[a])
        ends.append(between + np.stack([column, row], -1))
    sides, cuts = np.stack(ends), np.stack(crossed)
    pieces = []
    twice = cuts.sum(0) == 2
    first = np.argmax(cuts, 0)[twice]
    last = 3 - np.argmax(cuts[::-1], 0)[twice]
    at = sides[:, twice].swapaxes(0, 1)
    number = np.arange(len(first))
    pieces.append(np.stack([at[number, first], at[number, last]], 1))
    # A saddle: its middle tells which corners are joined.
    four = cuts.all(0)
    middle, low = corners.mean(0)[four] > 0, corners[0][four] > 0
    s = sides[:, four].swapaxes(0, 1)
    around = (middle == low)[:, None, None]
    pieces.append(np.where(around, s[:, [0, 1]], s[:, [3, 0]]))
    pieces.append(np.where(around, s[:, [2, 3]], s[:, [1, 2]]))
    size = np.array([(x_max - x_min) / columns, (y_max - y_min) / rows])
    found: NDArray[np.float64] = (np.concatenate(pieces) + 0.5) * size + [x_min, y_min]
    return found
