"""What each value of a photograph is expected to be, from its neighbours that are known already."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowplay.flows.integer.pixels import Shape

Values = TypeVar("Values", Tensor, NDArray[np.int64])


def prediction_index(shape: Shape) -> Tensor:
    """Return for each value the seven values that its prediction is made of [D, 7].

    Left, above, and above left, of its own channel; the same of the channel before it; and the
    channel before it at its own pixel. D stands for the middle level, D + 1 for 0.
    """
    height, width, channels = shape
    middle, zero = height * width * channels, height * width * channels + 1

    def at(row: int, column: int, channel: int) -> int:
        if channel < 0:
            return zero
        return (row * width + column) * channels + channel if row >= 0 <= column else middle

    index = []
    for row, column, channel in np.ndindex(*shape):
        left, above, corner = (row, column - 1), (row - 1, column), (row - 1, column - 1)
        if not row:
            above = corner = left
        elif not column:
            left = corner = above
        around = [at(*place, c) for c in (channel, channel - 1) for place in (left, above, corner)]
        index.append([*around, at(row, column, channel - 1)])
    return torch.tensor(index)


def predicted(v: Values, levels: int) -> Values:
    r"""Return predictions [...] from the seven values [..., 7] of `prediction_index`.

    In differences to the channel before it, a value is expected to be the median of the one at
    its left, the one above it, and left plus above minus above left.

    Args:
        v: whole numbers.
        levels: number of levels; predictions are levels.

    References:
        Weinberger, Seroussi & Sapiro, The LOCO-I Lossless Image Compression Algorithm, 2000.
    """
    kind = torch if isinstance(v, Tensor) else np
    left, above, corner = (v[..., k] - v[..., k + 3] for k in range(3))
    low, high = kind.minimum(left, above), kind.maximum(left, above)
    median = kind.maximum(low, kind.minimum(high, left + above - corner))
    found: Values = (median + v[..., 6]).clip(0, levels - 1)
    return found
