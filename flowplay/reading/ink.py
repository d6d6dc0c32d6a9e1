"""What is dense of a picture: its ink, above a threshold and with a contrast."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from flowplay.reading.errors import UnreadableError
from flowplay.wire import Drawing, Shades

Ink: TypeAlias = Literal["auto", "dark", "bright"]

#: The highest level of a pixel, and of a weight.
LEVELS: Final = 255

#: The share of each colour in how bright a pixel is (ITU-R BT.601).
_BRIGHTNESS: Final = [0.299, 0.587, 0.114]


def inked(
    shades: Shades,
    *,
    ink: Ink = "auto",
    threshold: float = 0.15,
    contrast: float = 1.0,
    title: str = "Picture",
) -> Drawing:
    """Turn a picture into a density.

    Args:
        shades: the picture.
        ink: what is dense, the dark or the bright parts; `auto` takes what there is less of.
        threshold: parts with less ink than this share of the most are left empty.
        contrast: the power of the ink; above 1 only the strongest parts are dense.
        title: what the picture is called.

    Raises:
        UnreadableError: if it has one brightness only.
    """
    bright, opaque = _bright(shades)
    amount = (1 - bright if chosen_ink(shades, ink) == "dark" else bright) * opaque
    return weighed(amount, threshold, contrast, title)


def chosen_ink(shades: Shades, ink: Ink) -> Ink:
    """Return `dark` or `bright`: what `auto` takes, else what is given."""
    if ink != "auto":
        return ink
    bright, opaque = _bright(shades)
    seen = bright[opaque > 0.5]
    return "dark" if seen.size and seen.mean() > 0.5 else "bright"


def weighed(amount: NDArray[np.float64], threshold: float, contrast: float, title: str) -> Drawing:
    """Make a drawing of amounts of ink [H, W], whatever their range is.

    Raises:
        UnreadableError: if they are all about the same.
    """
    most, least = float(amount.max()), float(amount.min())
    if most - least < 0.02:
        raise UnreadableError("This picture has one brightness only: there is nothing to learn.")
    share = (amount - least) / (most - least)
    weights = np.where(share > threshold, share**contrast, 0.0)
    return Drawing(title[:80] or "Picture", np.round(LEVELS * weights).astype(np.uint16))


def _bright(shades: Shades) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return brightness and opacity [H, W], from 0 to 1."""
    channels = shades.pixels.astype(np.float64) / LEVELS
    return channels[..., :3] @ _BRIGHTNESS, channels[..., 3]
