"""A sheet to draw an image on, with mouse, finger or keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flowplay.figures.colors import ORANGE
from flowplay.ui.components.registration import register

#: The key of the component's state under which a drawn image comes.
DRAWN: Final = "drawn"

_HTML: Final = f"""
<figure style="--orange: {ORANGE}">
  <div class="sheet">
    <canvas class="plot" tabindex="0" role="application" aria-describedby="how"></canvas>
    <p id="how">Draw with the mouse or a finger. Keyboard: arrows move the pen, the space bar puts
    it down or lifts it, Delete clears.</p>
  </div>
  <div class="side">
    <p>As the model sees it</p>
    <canvas class="small" role="img"></canvas>
    <button type="button" class="clear">Clear</button>
  </div>
  <span class="unseen spoken" aria-live="polite"></span>
</figure>
"""


def draw_view(
    *, side: int, brightest: int, fine: int, key: str, on_drawn: Callable[[], None]
) -> None:
    """Show a sheet of `fine` · side pixels; a block of these becomes one pixel of the image.

    Args:
        side: of the square image.
        brightest: the highest level: that of a block that is full of ink.
        fine: pixels of the sheet along a block.
        key: names the element across reruns, unique on the page.
        on_drawn: called when a stroke has ended.
    """
    _COMPONENT(
        key=key,
        data={"side": side, "brightest": brightest, "fine": fine},
        on_drawn_change=on_drawn,
    )


def read_drawn(state: Any, dim: int, brightest: int) -> list[int] | None:  # noqa: ANN401
    """Return the levels that the browser sent, None if they are no image.

    Args:
        state: of the component in `st.session_state`; it may hold anything, as a browser sends it.
        dim: values of an image.
        brightest: the highest level.
    """
    sent = state.get(DRAWN) if hasattr(state, "get") else None
    if not isinstance(sent, list) or len(sent) != dim:
        return None
    if not all(type(v) is int and 0 <= v <= brightest for v in sent):
        return None
    return list(sent)


_COMPONENT: Final = register("draw_view", _HTML, parts=("pixels",))
