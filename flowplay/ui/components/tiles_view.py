"""Rows of small pictures with captions, each pixel a sharp square; updated in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowplay.ui.components.registration import register, to_base64

_HTML: Final = '<figure><div class="rows"></div></figure>'


@dataclass(frozen=True)
class Tiles:
    """One row of pictures.

    Attributes:
        title: above the row, as plain text.
        pixels: [n, H, W, 3] uint8, colours; see `flowplay.figures.tiles`.
        captions: below each picture; none if empty.
        size: pixels of the page that a picture is wide at most.
        step: what is done to come here, drawn as an arrow above the row.
        marked: number of the picture that stands out.
    """

    title: str
    pixels: NDArray[np.uint8]
    captions: Sequence[str] = ()
    size: int = 64
    step: str = ""
    marked: int | None = None


def tiles_view(rows: Sequence[Tiles], *, alt: str, key: str) -> None:
    """Show rows of pictures; a call with the same `key` draws the new ones in their place.

    Args:
        rows: from top to bottom.
        alt: what they show, for screen readers.
        key: names the element across reruns, unique on the page.

    Raises:
        ValueError: if the pixels of a row are not [n, H, W, 3] uint8.
    """
    for row in rows:
        if row.pixels.ndim != 4 or row.pixels.dtype != np.uint8 or row.pixels.shape[3] != 3:
            raise ValueError(f"pixels must be [n, H, W, 3] uint8, not {list(row.pixels.shape)}.")
    _COMPONENT(
        key=key,
        data={
            "alt": alt,
            "rows": [
                {
                    "title": row.title,
                    "pixels": to_base64(np.ascontiguousarray(row.pixels)),
                    "shape": list(row.pixels.shape[:3]),
                    "captions": list(row.captions),
                    "size": row.size,
                    "step": row.step,
                    "marked": row.marked,
                }
                for row in rows
            ],
        },
    )


_COMPONENT: Final = register("tiles_view", _HTML, parts=("pixels",))
