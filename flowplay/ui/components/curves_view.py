"""Several live curves in one chart: one SVG, updated in place under a readout of all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowplay.figures.colors import BLUE, GRID
from flowplay.figures.loss import floor_label
from flowplay.ticks import axis_ticks
from flowplay.ui.components.registration import register, to_base64

#: Each axis is cut into at most this many intervals.
_INTERVALS: Final = 5

_HTML: Final = f"""
<figure style="--blue: {BLUE}; --grid: {GRID}">
  <div class="legend" aria-hidden="true"></div>
  <div class="y ticks" aria-hidden="true"></div>
  <div class="plot" role="img" tabindex="0" aria-describedby="hint">
    <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
      <path class="grid"></path>
      <path class="floor"></path>
      <path class="hair"></path>
      <g></g>
    </svg>
    <span class="label" aria-hidden="true"></span>
    <dl class="readout" aria-hidden="true" hidden></dl>
  </div>
  <div class="x ticks" aria-hidden="true"></div>
  <figcaption aria-hidden="true"></figcaption>
  <span class="unseen" id="hint">Left and right arrow keys read the curves.</span>
  <span class="unseen spoken" aria-live="polite"></span>
</figure>
"""


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        name: in the legend, and where it is read.
        color: a CSS colour.
        dashes: in pixels; none for a solid line.
        points: [n, 2] rows of (across, up), rising; [0, 2] where there is nothing to draw.
        note: stands behind the name in the legend.
    """

    name: str
    color: str
    dashes: Sequence[int]
    points: NDArray[np.floating]
    note: str = ""


def curves_view(
    lines: Sequence[Line],
    *,
    bounds: tuple[float, float],
    floor: float | None,
    floor_name: str,
    across: str,
    unit: str,
    digits: int,
    alt: str,
    key: str,
    height: int = 320,
) -> None:
    """Show curves live; a call with the same `key` updates the chart in place.

    Args:
        lines: the curves.
        bounds: of the axis that goes up.
        floor: a value that is drawn as a line; None for none.
        floor_name: what it is called.
        across: what goes across, at the axis and where it is read.
        unit: of what goes up.
        digits: decimals with which a place across is read.
        alt: what the chart shows, for screen readers.
        key: names the element across reruns, unique on the page.
        height: pixels, legend and axes included.
    """
    ends = [float(line.points[-1, 0]) for line in lines if len(line.points)]
    last = max([1.0, *ends])
    low, high = bounds
    known = floor is not None and math.isfinite(floor)
    _COMPONENT(
        key=key,
        data={
            "lines": [
                {
                    "name": line.name,
                    "note": line.note,
                    "color": line.color,
                    "dashes": " ".join(map(str, line.dashes)),
                    "points": to_base64(line.points.T.astype("<f4")),
                }
                for line in lines
            ],
            "bounds": [0.0, last, low, high],
            "ticks": {
                "x": axis_ticks(0.0, last, _INTERVALS),
                "y": axis_ticks(low, high, _INTERVALS),
            },
            "floor": floor if known else None,
            "label": floor_label(floor, floor_name) if floor is not None and known else "",
            "across": across,
            "unit": unit,
            "digits": digits,
            "alt": alt,
            "height": height,
        },
    )


_COMPONENT: Final = register("curves_view", _HTML)
