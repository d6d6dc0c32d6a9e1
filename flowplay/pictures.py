"""How a density becomes a picture: which window, which cells, which colour scale."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flowplay.targets import Target

#: Cells along each side of the grid on which the target's largest density is looked up.
_SCALE_CELLS = 128

#: Points travel as int16: the window's width (and height) is this many units, so that points up to
#: about half a window outside keep their true place.
POINT_UNITS = 2**14

#: Room above the target's largest density before the colour scale ends.
_HEADROOM = 1.15


def cell_centres(bounds: tuple[float, float, float, float], cells: int) -> NDArray[np.float32]:
    """Return the centres [cells, cells, 2] of a window's cells; row 0 is the lowest y.

    Args:
        bounds: x_min, x_max, y_min, y_max.
        cells: cells along each side.

    Example:
        >>> cell_centres((0, 2, 0, 4), 2)[0].tolist()
        [[0.5, 1.0], [1.5, 1.0]]
    """
    x_min, x_max, y_min, y_max = bounds
    offset = (np.arange(cells) + 0.5) / cells
    x, y = np.meshgrid(x_min + (x_max - x_min) * offset, y_min + (y_max - y_min) * offset)
    return np.stack([x, y], -1).astype(np.float32)


@functools.lru_cache(maxsize=32)
def target_density(target: Target, cells: int) -> NDArray[np.float32]:
    """Return the target's exact density [cells, cells] over its own window, read-only."""
    centres = cell_centres(target.bounds, cells)
    density = np.exp(target.log_prob(centres.reshape(-1, 2))).reshape(cells, cells)
    density = density.astype(np.float32)
    density.flags.writeable = False
    return density


@functools.lru_cache(maxsize=32)
def density_scale(target: Target) -> float:
    """Return the density at the top of the colour scale that target and model share."""
    return _HEADROOM * float(target_density(target, _SCALE_CELLS).max())


def window_units(points: NDArray[np.floating], bounds: Sequence[float]) -> NDArray[np.int16]:
    """Code points [..., 2] by their place in a window, from its lower left, in `POINT_UNITS`.

    Args:
        points: in data units; one that is no number goes far out of sight, so that rows keep
            their place.
        bounds: x_min, x_max, y_min, y_max.

    Example:
        >>> window_units(np.array([[0.0, 1.0], [2.0, 2.0]]), (0, 2, 0, 2)).tolist()
        [[0, 8192], [16384, 16384]]
    """
    x_min, x_max, y_min, y_max = bounds
    unit = (points - [x_min, y_min]) / [x_max - x_min, y_max - y_min]
    limits = np.iinfo(np.int16)
    steps = np.nan_to_num(unit * POINT_UNITS, nan=limits.min)
    return np.clip(np.rint(steps), limits.min, limits.max).astype("<i2")
