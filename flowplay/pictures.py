"""How a density becomes a picture: which window, which cells, which colour scale."""

from __future__ import annotations

import functools
import numpy as np
from numpy.typing import NDArray

from flowplay.targets import Target

#: Cells along each side of the grid on which the target's largest density is looked up.
_SCALE_CELLS = 128

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
