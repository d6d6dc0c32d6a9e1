"""A density with lines, such as the contour of a threshold; a click or Enter chooses a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowplay.codes import encode_density, window_units
from flowplay.figures.colors import BLUE, ORANGE
from flowplay.ticks import axis_ticks
from flowplay.ui.components.density_view import HTML, density_frame
from flowplay.ui.components.registration import register, to_base64

#: The key of the component's state under which a chosen point comes.
POINT: Final = "point"

#: Nats below the highest log-density that a picture of it reaches down to.
DEPTH: Final = 15.0

#: The most contour pieces that travel.
_MOST_PIECES: Final = 20_000

_FARTHEST: Final = 1e6


def score_view(
    log_density: NDArray[np.floating] | None,
    *,
    bounds: Sequence[float],
    alt: str,
    key: str,
    on_pick: Callable[[], None] | None,
    scale: float | None = None,
    contour: NDArray[np.floating] | None = None,
    points: NDArray[np.floating] | None = None,
    points_color: str = BLUE,
    mark: tuple[float, float] | None = None,
    marks: Sequence[tuple[float, float]] = (),
    lines: Sequence[tuple[NDArray[np.floating], str]] = (),
    depth: float = DEPTH,
    reads: str = "log p",
    note: str = "",
    frame_id: str = "",
) -> None:
    """Show a density, or a log-density, with a contour and a chosen point.

    Args:
        log_density: [H, W] in nats; row 0 is the lowest y. None draws the points alone.
        bounds: x_min, x_max, y_min, y_max, in data units.
        alt: what the picture shows, for screen readers.
        key: names the element across reruns, unique on the page.
        on_pick: called when a point was chosen; see `read_point`. None: none can be.
        scale: the density at the top of the colour scale; None shows log-densities instead.
        contour: [k, 2, 2] straight pieces of a line, in data units.
        points: [n, 2] in data units.
        points_color: a CSS colour.
        mark: the chosen point, in data units.
        marks: chosen points beside it.
        lines: more lines below the contour: straight pieces [k, 2, 2], and a CSS colour for each.
        depth: below the highest log-density, in nats, that a picture of log-densities reaches.
        reads: what its values are called.
        note: a line below the picture.
        frame_id: names what is shown.
    """
    nats: list[float] | None = None
    code = None
    if log_density is not None and scale is not None:
        code = encode_density(np.exp(log_density.astype(np.float64)), scale)
    elif log_density is not None:
        finite = log_density[np.isfinite(log_density)]
        high = float(finite.max()) if finite.size else 0.0
        nats = [high - depth, high]
        share = np.clip((np.nan_to_num(log_density, neginf=-1e30) - nats[0]) / depth, 0, 1)
        code = np.rint(255 * share).astype(np.uint8)
    frame = density_frame(
        code,
        bounds=bounds,
        scale=scale or 1.0,
        alt=alt,
        points=points,
        points_color=points_color,
        note=note,
        frame_id=frame_id,
    )
    if nats is not None:
        frame["ticks"]["bar"] = axis_ticks(nats[0], nats[1])
    pieces = np.zeros((0, 2, 2)) if contour is None else contour[:_MOST_PIECES]
    frame |= {
        "contour": to_base64(window_units(pieces, bounds)),
        "lines": [
            [to_base64(window_units(line[:_MOST_PIECES], bounds)), color] for line, color in lines
        ],
        "marks": [list(at) for at in (*marks, *([] if mark is None else [mark]))],
        "nats": nats,
        "reads": reads,
        "picks": on_pick is not None,
        "line": ORANGE,
        "replay": None,
    }
    _COMPONENT(key=key, data=frame, on_point_change=on_pick or _nothing)


def polyline(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the straight pieces [n - 1, 2, 2] between neighbours of points [n, 2].

    Example:
        >>> polyline(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]])).shape
        (2, 2, 2)
    """
    return np.stack((points[:-1], points[1:]), 1).astype(np.float64)


def read_point(state: Any) -> tuple[float, float] | None:  # noqa: ANN401
    """Read which point the browser says was chosen; None for what no picture can have sent.

    Args:
        state: of the component in `st.session_state`; it may hold anything, as a browser sends it.

    Example:
        >>> read_point({"point": {"x": 0.5, "y": 1}})
        (0.5, 1.0)
        >>> read_point({"point": {"x": "0.5", "y": 1}}) is None
        True
    """
    sent = state.get(POINT) if hasattr(state, "get") else None
    if not isinstance(sent, dict):
        return None
    x, y = sent.get("x"), sent.get("y")
    for value in (x, y):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
    if not all(math.isfinite(v) and abs(v) < _FARTHEST for v in (x, y)):  # type: ignore[arg-type]
        return None
    return float(x), float(y)  # type: ignore[arg-type]


def _nothing() -> None:
    """Do nothing: in this picture nothing can be chosen."""


_COMPONENT: Final = register(
    "score_view",
    HTML.replace("Arrow keys read the density.", "Arrow keys read the picture, Enter chooses."),
    parts=("density_view",),
)
