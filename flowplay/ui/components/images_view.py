"""A live picture of small images: one canvas, updated in place, each pixel a sharp square."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowplay.ui.components.registration import register, to_base64

_HTML: Final = """
<figure>
  <canvas class="plot" role="img"></canvas>
  <figcaption class="note"></figcaption>
</figure>
"""


def images_view(
    levels: NDArray[np.uint8],
    *,
    brightest: int,
    alt: str,
    key: str,
    columns: int = 8,
    note: str = "",
    frame_id: str = "",
) -> None:
    """Show images in rows; a call with the same `key` draws the new ones in their place.

    Args:
        levels: [n, H, W, C] uint8; C is 1 for grey, drawn as ink on paper, or 3 for colours.
        brightest: the highest level that there is.
        alt: what the picture shows, for screen readers.
        key: names the element across reruns, unique on the page.
        columns: images in a row.
        note: a line below the picture, as plain text.
        frame_id: appears as `data-frame` on the canvas; a counter if not given.

    Raises:
        ValueError: if `levels` is not [n, H, W, 1 or 3] uint8.
    """
    if levels.ndim != 4 or levels.dtype != np.uint8 or levels.shape[3] not in (1, 3):
        raise ValueError(f"levels must be [n, H, W, 1 or 3] uint8, not {list(levels.shape)}.")
    _COMPONENT(
        key=key,
        data={
            "levels": to_base64(levels),
            "shape": list(levels.shape),
            "brightest": brightest,
            "columns": columns,
            "alt": alt,
            "note": note,
            "frame": frame_id,
        },
    )


_COMPONENT: Final = register("images_view", _HTML)
