"""A canvas to paint a density on, with mouse, finger, pen or keyboard."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from flowplay.figures.colors import DOT_OUTLINE, ORANGE, PALETTE
from flowplay.problems.own.canvas import MOST_DOTS, read_dots, write_dots
from flowplay.problems.own.drawing import CANVAS, SIDE
from flowplay.ui.components.registration import register, to_base64

Act: TypeAlias = Literal["learn", "update", "start"]

#: The key of the component's state under which its messages come.
_PAINTED: Final = "painted"

_HTML: Final = f"""
<figure data-palette="{to_base64(PALETTE)}" data-orange="{ORANGE}" data-outline="{DOT_OUTLINE}">
  <div class="sheet">
    <canvas class="plot" tabindex="0" role="application" aria-describedby="how"></canvas>
    <p class="count"></p>
  </div>
  <div class="tools">
    <div class="row" role="group" aria-label="Tool">
      <button type="button" class="brush" title="Add dots, as long as you press (key B).">Brush
      </button><button type="button" class="eraser" title="Take dots away (key E).">Eraser
      </button>
    </div>
    <label title="How wide the brush and the eraser are (keys [ and ])."><span>Size</span>
      <input type="range" class="size" min="0.02" max="0.8" step="0.02" value="0.12"></label>
    <div class="row">
      <button type="button" class="undo" title="Take back the last stroke (Ctrl+Z).">Undo</button>
      <button type="button" class="redo" title="Do it again (Ctrl+Y).">Redo</button>
      <button type="button" class="clear" title="Take all dots away (Delete). Undo brings them
 back.">Clear</button>
    </div>
    <label title="Put the dots of a built-in target on the canvas. Undo brings yours back.">
      <span>Start from</span><select class="start"></select></label>
    <div class="row main">
      <button type="button" class="update" title="The run goes on from the weights that it has, on
 the painting. Watch how it forgets the old data and learns the new ones.">Update the data</button>
      <button type="button" class="learn" title="The painting becomes the target of a new
 run.">Learn this painting</button>
    </div>
    <p class="refusal" role="status"></p>
    <p id="how">Press and hold to spray dots. Keyboard: arrows move the cursor (with Shift
      further), the space bar stamps.</p>
  </div>
  <span class="unseen spoken" aria-live="polite"></span>
</figure>
"""


class Painted(NamedTuple):
    """What a visitor did on the canvas.

    Attributes:
        act: `learn` or `update` with what was painted, or `start` from a target.
        dots: [CANVAS, CANVAS] of each cell, None for `start`.
        start: name of the target to start from, else empty.
    """

    act: Act
    dots: NDArray[np.uint16] | None
    start: str


def paint_view(
    dots: NDArray[np.uint16],
    *,
    load: str,
    is_target: bool,
    noise: float,
    starts: Mapping[str, str],
    can_update: bool,
    refusal: str,
    key: str,
    on_painted: Callable[[], None],
) -> None:
    """Show the canvas; what was painted in the browser stays until `load` changes.

    Args:
        dots: [CANVAS, CANVAS] of each cell, to begin with.
        load: names these dots; with another name than before they replace what is on the canvas.
        is_target: whether these dots are what is learned now.
        noise: standard deviation of the Gaussian of each dot, in data units.
        starts: what a painting can start from: name -> label.
        can_update: whether there is a run that could go on with what is painted.
        refusal: a sentence about what was refused last.
        key: names the element across reruns, unique on the page.
        on_painted: called when the browser has sent something; see `read_painted`.
    """
    _COMPONENT(
        key=key,
        data={
            "cells": CANVAS,
            "side": SIDE,
            "most": MOST_DOTS,
            "dots": write_dots(dots),
            "load": load,
            "isTarget": is_target,
            "noise": noise,
            "starts": [list(pair) for pair in starts.items()],
            "canUpdate": can_update,
            "refusal": refusal,
        },
        on_painted_change=on_painted,
    )


def read_painted(state: Any, starts: Collection[str]) -> Painted | None:  # noqa: ANN401
    """Return what the browser sent, None if it is no message of the canvas.

    Args:
        state: of the component in `st.session_state`; it may hold anything, as a browser sends it.
        starts: names that a painting can start from.

    Raises:
        ValueError: if what was painted is refused; the message is one sentence.

    Example:
        >>> read_painted({"painted": {"act": "start", "start": "moons"}}, ["moons"])
        Painted(act='start', dots=None, start='moons')
        >>> read_painted({"painted": {"act": "start", "start": "secrets"}}, ["moons"]) is None
        True
    """
    sent = state.get(_PAINTED) if hasattr(state, "get") else None
    if not isinstance(sent, dict):
        return None
    act, start = sent.get("act"), sent.get("start")
    if act == "start" and isinstance(start, str) and start in starts:
        return Painted("start", None, start)
    if act in ("learn", "update"):
        return Painted(cast(Act, act), read_dots(sent.get("dots")), "")
    return None


_COMPONENT: Final = register("paint_view", _HTML)
