"""One affine map of the plane: unit square, grid and circles of the base, before and after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowplay.figures.colors import BLUE, GRID, ORANGE
from flowplay.numbers import fixed
from flowplay.onedim.kinds import Values
from flowplay.onedim.plane import PLANE_PARAMETERS, PlaneMap
from flowplay.ticks import axis_ticks
from flowplay.ui.components.dials import dials
from flowplay.ui.components.registration import register

#: Half width of the plane that is shown.
REACH: Final = 4.0

_LINES: Final = "".join(f"M{k},-8V8M-8,{k}H8" for k in range(-8, 9))

_HTML: Final = f"""
<figure style="--orange: {ORANGE}; --blue: {BLUE}; --grid: {GRID}">
  <div class="dials"></div>
  <p class="refusal" role="status"></p>
  <div class="y ticks" aria-hidden="true"></div>
  <div class="plot" role="img">
    <svg viewBox="{-REACH} {-REACH} {2 * REACH} {2 * REACH}" aria-hidden="true">
      <g transform="scale(1 -1)">
        <path class="axes" d="M-8,0H8M0,-8V8"></path>
        <g class="before"><path class="square" d="M0,0H1V1H0Z"></path>
          <circle r="1"></circle><circle r="2"></circle></g>
        <g class="after"><path class="lines" d="{_LINES}"></path>
          <path class="square" d="M0,0H1V1H0Z"></path>
          <circle r="1"></circle><circle r="2"></circle></g>
      </g>
    </svg>
  </div>
  <div class="x ticks" aria-hidden="true"></div>
  <dl>
    <div><dt>A</dt><dd class="matrix"></dd></div>
    <div><dt>area of the square's image</dt><dd class="area"></dd></div>
    <div><dt>|det A|</dt><dd class="determinant"></dd></div>
    <div><dt>log|det A|</dt><dd class="log"></dd></div>
  </dl>
</figure>
"""


def plane_view(
    drawn: PlaneMap,
    values: Values,
    *,
    number: int,
    refusal: str,
    key: str,
    on_sent: Callable[[], None],
) -> None:
    """Show a map of the plane, with its sliders; the same `key` updates it in place.

    Args:
        drawn: the map.
        values: of the sliders; they differ from the map only if they were refused.
        number: of the last message seen.
        refusal: a sentence about what was refused last.
        key: names the element across reruns, unique on the page.
        on_sent: called when the browser has sent a message.
    """
    ticks = axis_ticks(-REACH, REACH, 4)
    _COMPONENT(
        key=key,
        data={
            "number": number,
            "dials": dials(PLANE_PARAMETERS, values),
            "matrix": drawn.matrix.tolist(),
            "area": drawn.area,
            "determinant": drawn.determinant,
            "ticks": {"x": ticks, "y": ticks},
            "refusal": refusal,
            "alt": "The unit square and two circles in blue, and their images under the map in "
            f"orange. Area of the square's image: {fixed(drawn.area)}.",
        },
        on_sent_change=on_sent,
    )


_COMPONENT: Final = register("plane_view", _HTML, parts=("dials",))
