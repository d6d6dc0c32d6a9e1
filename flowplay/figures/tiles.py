"""Arrays as small pictures: images as ink or colours, numbers as signed colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flowplay.figures.colors import DIVERGING


def ink(levels: NDArray[np.uint8], brightest: int) -> NDArray[np.uint8]:
    """Return images [..., H, W, C] as colours [..., H, W, 3]: grey as ink on paper.

    Args:
        levels: uint8; C is 1 or 3.
        brightest: the highest level that there is.
    """
    light = np.rint(levels * (255.0 / brightest)).astype(np.uint8)
    return light if levels.shape[-1] == 3 else np.repeat(255 - light, 3, -1)


def signed(values: NDArray[np.floating], reach: float) -> NDArray[np.uint8]:
    """Return numbers [...] as colours [..., 3]: blue below 0, orange above.

    Args:
        values: any; those that are further from 0 than `reach` get the colour of the end.
        reach: greater than 0.
    """
    code = np.rint(127 * np.clip(np.nan_to_num(values) / reach, -1, 1)).astype(int) + 127
    colours: NDArray[np.uint8] = DIVERGING[code]
    return colours


def colour_bar() -> NDArray[np.uint8]:
    """Return the colours of `signed` from one end to the other, [1, 255, 3]."""
    return DIVERGING[None]
