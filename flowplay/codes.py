"""How the values of a picture become bytes: densities, signed values, errors, positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Points travel as int16: the window's width (and height) is this many units, so that points up to
#: about half a window outside keep their true place.
POINT_UNITS = 2**14

#: Powers of ten between which a round-trip error is coded, 0 to `UNSOLVED` - 1.
ERROR_DECADES = (-8.0, 0.0)

#: Code of a round trip that a numeric inverse did not solve to its tolerance.
UNSOLVED = 255


def encode_density(density: NDArray[np.floating], scale: float) -> NDArray[np.uint8]:
    r"""Code densities as bytes, finer where density is low: :math:`c = 255\sqrt{p / s}`.

    Args:
        density: probability density p, any shape, in 1 / (data unit)^2.
        scale: the density s that code 255 stands for; higher densities are shown as s.

    Example:
        >>> encode_density(np.array([0.0, 0.25, 1.0, 9.0]), scale=1.0)
        array([  0, 128, 255, 255], dtype=uint8)
    """
    root = np.sqrt(np.clip(np.nan_to_num(density, nan=0.0, posinf=scale) / scale, 0.0, 1.0))
    code: NDArray[np.uint8] = np.rint(255 * root).astype(np.uint8)
    return code


def decode_density(code: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    """Undo `encode_density`, up to rounding."""
    return (np.square(code.astype(np.float32) / 255) * np.float32(scale)).astype(np.float32)


def encode_signed(values: NDArray[np.floating], limit: float) -> NDArray[np.int8]:
    """Code values as bytes from -127 (-limit or below) to 127 (limit or above).

    Example:
        >>> encode_signed(np.array([-9.0, 0.0, 0.5]), limit=1.0)
        array([-127,    0,   64], dtype=int8)
    """
    unit = np.clip(np.nan_to_num(values / limit, nan=0.0), -1.0, 1.0)
    code: NDArray[np.int8] = np.rint(127 * unit).astype(np.int8)
    return code


def encode_error(errors: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Code errors by their decade within `ERROR_DECADES`; what is no number as `UNSOLVED`.

    Example:
        >>> encode_error(np.array([0.0, 1e-4, 7.0, np.nan]))
        array([  0, 127, 254, 255], dtype=uint8)
    """
    low, high = ERROR_DECADES
    decades = np.log10(np.maximum(np.nan_to_num(errors, nan=1.0), 10.0**low))
    unit = np.clip((decades - low) / (high - low), 0.0, 1.0)
    code: NDArray[np.uint8] = np.rint((UNSOLVED - 1) * unit).astype(np.uint8)
    code[~np.isfinite(errors)] = UNSOLVED
    return code


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


def window_points(units: NDArray[np.integer], window: Sequence[float]) -> NDArray[np.float64]:
    """Undo `window_units`, up to rounding: return points [..., 2] in data units.

    Example:
        >>> window_points(np.array([[0, 8192]], np.int16), (0, 2, 0, 2)).tolist()
        [[0.0, 1.0]]
    """
    x_min, x_max, y_min, y_max = window
    points: NDArray[np.float64] = [x_min, y_min] + units / POINT_UNITS * [
        x_max - x_min,
        y_max - y_min,
    ]
    return points
