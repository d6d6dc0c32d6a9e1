"""A look inside a flow: one canvas that shows and plays its layers, in the browser alone.

All frames arrive once, as safetensors. After that a slider, a toggle or Play sends nothing to the
server; only a click does, which asks for the ledger of the point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from flowplay.figures.colors import DIVERGING, DOT_OUTLINE, ORANGE, PALETTE
from flowplay.ui.components.registration import register, to_base64

HTML: Final = f"""
<figure>
  <div class="tools">
    <fieldset aria-label="Direction">
      <label title="From noise to data: points of the base go through the layers, z → x.">
        <input type="radio" name="direction" value="generate" checked><span>Generate</span></label>
      <label title="From data to noise: held-out points go back through the layers, x → z.">
        <input type="radio" name="direction" value="normalize"><span>Normalize</span></label>
    </fieldset>
    <select aria-label="Picture" title="What fills the picture.">
      <option value="density">Density</option>
      <option value="layer">Area: this layer, log|det|</option>
      <option value="total">Area: so far, log|det|</option>
      <option value="error">Round-trip error</option>
      <option value="none">No map</option>
    </select>
    <label title="Samples that become data, or held-out data that become noise.">
      <input type="checkbox" name="dots" checked>Dots</label>
    <label title="A square grid of the base, mapped by the layers.">
      <input type="checkbox" name="grid" checked>Grid</label>
    <label title="Colour each cell of the grid by the area it has gained or lost.">
      <input type="checkbox" name="shade">Shade</label>
  </div>
  <div class="y ticks" aria-hidden="true"></div>
  <canvas class="plot" role="img" tabindex="0" aria-describedby="hint"
    data-palette="{to_base64(PALETTE)}" data-diverging="{to_base64(DIVERGING)}"
    data-orange="{ORANGE}" data-outline="{DOT_OUTLINE}"></canvas>
  <span class="zoom">
    <button type="button" class="closer" title="Zoom in" aria-label="Zoom in">+</button>
    <button type="button" class="further" title="Zoom out: show more of the plane"
      aria-label="Zoom out">−</button>
  </span>
  <canvas class="bar" width="1" height="256" aria-hidden="true"></canvas>
  <div class="bar ticks" aria-hidden="true"></div>
  <div class="x ticks" aria-hidden="true"></div>
  <span class="unit" aria-hidden="true"></span>
  <div class="way">
    <button type="button" class="play" title="Play" aria-label="Play">▶</button>
    <span class="where" aria-live="off"></span>
    <input type="range" min="0" max="1" step="0.01" aria-label="Layer"
      title="Drag to move through the layers; between two of them, motion is interpolated.">
  </div>
  <figcaption>
    <span class="readout" aria-hidden="true"></span>
    <span class="note"></span>
  </figcaption>
  <span class="unseen" id="hint">Arrow keys read the picture, Enter chooses a point.</span>
  <span class="unseen spoken" aria-live="polite"></span>
</figure>
"""


@dataclass(frozen=True)
class Pick:
    """A point that was chosen in the picture.

    Attributes:
        k: in the picture of z_k.
        x: first coordinate.
        y: second coordinate.
    """

    k: int
    x: float
    y: float


def inside_view(frames: bytes, *, key: str, on_pick: Callable[[], None] | None = None) -> Any:  # noqa: ANN401
    """Show the frames of a flow; a call with the same `key` replaces them in place.

    Args:
        frames: bytes of `flowplay.wire.LayerFrames`, sent as they are.
        key: names the element across reruns, unique on the page.
        on_pick: called when a point was chosen.

    Returns:
        The component's result, whose `point` is what `read_pick` reads.
    """
    return _COMPONENT(key=key, data=frames, on_point_change=on_pick or _nothing)


def read_pick(value: object, layers: int) -> Pick | None:
    """Read which point the browser says was chosen; None for what no picture can have sent.

    Args:
        value: it may be anything, as it comes from a browser.
        layers: K of the flow that is shown.

    Example:
        >>> read_pick({"k": 2, "x": 0.5, "y": 1}, layers=3)
        Pick(k=2, x=0.5, y=1.0)
        >>> read_pick({"k": 9, "x": 0.5, "y": 1}, layers=3) is None
        True
    """
    if not isinstance(value, dict):
        return None
    k, x, y = (value.get(name) for name in ("k", "x", "y"))
    if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k <= layers:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in (x, y)):
        return None
    pick = Pick(k, float(x), float(y))  # type: ignore[arg-type]
    inside = all(math.isfinite(v) and abs(v) <= FARTHEST for v in (pick.x, pick.y))
    return pick if inside else None


#: No picture reaches further, in data units.
FARTHEST: Final = 100.0


def _nothing() -> None:
    """Do nothing; for a page that does not handle the event."""


_COMPONENT: Final = register("inside_view", HTML)
