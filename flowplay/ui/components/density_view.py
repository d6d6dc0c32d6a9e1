"""A live picture of a density or of points: one canvas, updated in place and cross-faded.

`st.image` and `st.plotly_chart` replace their element with each frame. Here the canvas stays, and
the browser fades from one frame to the next, so that four snapshots a second look continuous.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowplay.codes import window_units
from flowplay.figures.colors import DOT_OUTLINE, ORANGE, PALETTE
from flowplay.ticks import axis_ticks, density_ticks
from flowplay.ui.components.registration import register, to_base64
from flowplay.wire import Replay

HTML: Final = f"""
<figure>
  <div class="y ticks" aria-hidden="true"></div>
  <canvas class="plot" role="img" tabindex="0"
    aria-describedby="hint" data-palette="{to_base64(PALETTE)}"></canvas>
  <canvas class="bar" width="1" height="256" aria-hidden="true"></canvas>
  <div class="bar ticks" aria-hidden="true"></div>
  <div class="x ticks" aria-hidden="true"></div>
  <figcaption>
    <span class="note"></span>
    <span class="readout" aria-hidden="true"></span>
  </figcaption>
  <span class="unseen" id="hint">Arrow keys read the density.</span>
  <span class="unseen spoken" aria-live="polite"></span>
</figure>
"""


#: Cells through which the cursor moves if there is no density.
_NOTHING: Final = np.zeros((64, 64), np.uint8)


def density_view(
    code: NDArray[np.uint8] | None,
    *,
    bounds: Sequence[float],
    scale: float = 1.0,
    alt: str,
    key: str,
    points: NDArray[np.floating] | None = None,
    points_color: str = ORANGE,
    note: str = "",
    fade_ms: int = 250,
    frame_id: str = "",
    replay: Replay | None = None,
) -> None:
    """Show a density live; a call with the same `key` fades the picture to the new frame.

    Args:
        code: [H, W] uint8 from `flowplay.codes.encode_density`; row 0 is the lowest y. None draws
            the points alone.
        bounds: x_min, x_max, y_min, y_max, in data units.
        scale: the density that code 255 stands for, in 1 / (data unit)^2.
        alt: what the picture shows, for screen readers.
        key: names the element across reruns, unique on the page.
        points: [n, 2] points in data units. They move from frame to frame if n stays the same: row
            i of each frame is then taken to be the same draw of the base.
        points_color: a CSS colour.
        note: a line below the picture, as plain text.
        fade_ms: milliseconds of the cross-fade; none where the system asks for reduced motion.
        replay: earlier pictures, on the same scale, shown one after the other before the first
            frame; once in a browser's tab, not where the system asks for reduced motion.
        frame_id: appears as `data-frame` on the canvas; a counter if not given.

    Raises:
        ValueError: if `code` is not [H, W] uint8, or `scale` or a side of `bounds` not positive.
    """
    _COMPONENT(
        key=key,
        data={
            **density_frame(
                code,
                bounds=bounds,
                scale=scale,
                alt=alt,
                points=points,
                points_color=points_color,
                note=note,
                fade_ms=fade_ms,
                frame_id=frame_id,
            ),
            "replay": None if replay is None else _replay(replay),
        },
    )


def _replay(replay: Replay) -> dict[str, Any]:
    _, height, width = replay.code.shape
    return {
        "steps": replay.steps.tolist(),
        "height": height,
        "width": width,
        "code": to_base64(replay.code),
    }


def density_frame(
    code: NDArray[np.uint8] | None,
    *,
    bounds: Sequence[float],
    scale: float = 1.0,
    alt: str,
    points: NDArray[np.floating] | None = None,
    points_color: str = ORANGE,
    note: str = "",
    fade_ms: int = 250,
    frame_id: str = "",
) -> dict[str, Any]:
    """Return what the browser gets to draw; see `density_view`."""
    return {
        **_picture(_NOTHING if code is None else code, bounds, scale),
        "plain": code is None,
        "points": None if points is None else to_base64(window_units(points, bounds)),
        "color": points_color,
        "outline": DOT_OUTLINE,
        "alt": alt,
        "note": note,
        "fade": fade_ms,
        "frame": frame_id,
    }


def _picture(code: NDArray[np.uint8], bounds: Sequence[float], scale: float) -> dict[str, Any]:
    x_min, x_max, y_min, y_max = (float(b) for b in bounds)
    if code.ndim != 2 or code.dtype != np.uint8:
        raise ValueError(f"code must be [H, W] uint8, not {list(code.shape)} {code.dtype}.")
    if not (0 < scale < np.inf and x_min < x_max and y_min < y_max):
        raise ValueError(f"scale and bounds must span something, not {scale} and {bounds}.")
    return {
        "height": code.shape[0],
        "width": code.shape[1],
        "code": to_base64(code),
        "scale": float(scale),
        "bounds": [x_min, x_max, y_min, y_max],
        "ticks": {
            "x": axis_ticks(x_min, x_max),
            "y": axis_ticks(y_min, y_max),
            "bar": density_ticks(scale),
        },
    }


_COMPONENT: Final = register("density_view", HTML)
