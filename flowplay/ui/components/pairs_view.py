"""Every pair of columns of a table: rows below the diagonal, samples of a model above it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowplay.figures.colors import BLUE, ORANGE
from flowplay.ui.components.registration import register, to_base64

#: Standard deviations at the edge of a panel; what lies farther stands on the edge.
REACH: Final = 4.0

#: Points of either kind that are drawn.
_POINTS: Final = 400

_HTML: Final = """
<figure>
  <canvas class="plot" role="img" tabindex="0" aria-describedby="hint"></canvas>
  <figcaption>
    <span class="note"></span>
    <span class="readout" aria-hidden="true"></span>
  </figcaption>
  <span class="unseen" id="hint">Arrow keys move from panel to panel, Enter chooses the two
  columns.</span>
  <span class="unseen spoken" aria-live="polite"></span>
</figure>
"""


def pairs_view(
    data: NDArray[np.floating],
    samples: NDArray[np.floating] | None,
    *,
    columns: Sequence[str],
    pair: tuple[int, int],
    alt: str,
    key: str,
    on_pick: Callable[[], None],
    note: str = "",
    frame_id: str = "",
) -> None:
    """Show all pairs of columns; a click on one, or Enter, chooses its two columns.

    Args:
        data: rows [n, D] in standard deviations, drawn in blue.
        samples: [m, D] samples of the model, drawn in orange; None if there are none.
        columns: names of the D columns.
        pair: indices of the columns that other pictures show, across and up.
        alt: what the picture shows, for screen readers.
        key: names the element across reruns, unique on the page.
        on_pick: called when a pair was chosen; see `read_pair`.
        note: a line below the picture.
        frame_id: appears as `data-frame` on the canvas.
    """
    _COMPONENT(
        key=key,
        data={
            "columns": list(columns),
            "data": to_base64(_coded(data)),
            "samples": None if samples is None else to_base64(_coded(samples)),
            "pair": list(pair),
            "blue": BLUE,
            "orange": ORANGE,
            "alt": alt,
            "note": note,
            "frame": frame_id,
        },
        on_pair_change=on_pick,
    )


def read_pair(state: Any, dim: int) -> tuple[int, int] | None:  # noqa: ANN401
    """Read which columns the browser says were chosen, across and up; None for what are none.

    Args:
        state: of the component in `st.session_state`; it may hold anything, as a browser sends it.
        dim: number of columns.

    Example:
        >>> read_pair({"pair": {"across": 2, "up": 0}}, 3)
        (2, 0)
        >>> read_pair({"pair": {"across": 3, "up": 0}}, 3) is None
        True
    """
    sent = state.get("pair") if hasattr(state, "get") else None
    if not isinstance(sent, dict):
        return None
    across, up = sent.get("across"), sent.get("up")
    if type(across) is not int or type(up) is not int or across == up:
        return None
    return (across, up) if 0 <= across < dim and 0 <= up < dim else None


def _coded(points: NDArray[np.floating]) -> NDArray[np.uint8]:
    share = (np.nan_to_num(points[:_POINTS], posinf=REACH, neginf=-REACH) + REACH) / (2 * REACH)
    code: NDArray[np.uint8] = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
    return code


_COMPONENT: Final = register("pairs_view", _HTML)
