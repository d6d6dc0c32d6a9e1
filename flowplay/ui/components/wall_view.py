"""A wall of small live densities: one element and one message for a whole class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flowplay.figures.colors import PALETTE
from flowplay.ui.components.registration import register, to_base64

_HTML: Final = f"""
<figure data-palette="{to_base64(PALETTE)}">
  <div class="tools">
    <label>Sort by
      <select aria-label="Sort by" title="Order of the pictures.">
        <option value="joined">joining</option>
        <option value="name">name</option>
        <option value="gap">gap</option>
        <option value="time">time to the goal</option>
      </select>
    </label>
    <span class="count" aria-live="polite"></span>
    <span class="hint">Choose a picture to show it in large.</span>
  </div>
  <div class="tiles"></div>
  <dialog class="spot" aria-label="Spotlight">
    <div class="head"><strong class="name"></strong><span class="facts"></span>
      <a target="_blank" rel="noopener" title="Open a copy of this run, layer by layer.">See
        inside</a>
      <button type="button" class="close" title="Back to the wall (Escape)">Close</button></div>
    <canvas role="img"></canvas>
  </dialog>
</figure>
"""


def wall_view(tiles: Sequence[dict[str, Any]], *, key: str) -> None:
    """Show tiles; a call with the same `key` updates them in place.

    Args:
        tiles: of each student `id`, `name`, `family`, `facts` (plain text), `gap` and `time`
            (numbers or None), `reached`, `active`, `inside` (an address, may be empty), `frame`,
            and the picture: `code`, base64 of [side, side] uint8, row 0 lowest, empty if none.
        key: names the element across reruns, unique on the page.
    """
    _COMPONENT(key=key, data={"tiles": list(tiles)})


_COMPONENT: Final = register("wall_view", _HTML)
