"""What is painted: how many dots lie in each cell of a canvas, and how a browser writes that."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from flowplay.problems.base import DataProblem
from flowplay.problems.own.drawing import CANVAS, SIDE

if TYPE_CHECKING:
    from flowplay.wire.own_data import Drawing

#: Dots of a painting at most.
MOST_DOTS: Final = 100_000

#: Dots that a target starts a painting with.
START_DOTS: Final = 4_000

_PAIR = np.dtype([("cell", "<u2"), ("dots", "<u2")])
_LONGEST: Final = 4 * -(-CANVAS * CANVAS * _PAIR.itemsize // 3)

_NO_PAINTING: Final = "What the browser sent is no painting."


def write_dots(weights: NDArray[np.uint16]) -> str:
    """Return the cells that are not empty, as base64 of pairs of uint16: cell, dots.

    Args:
        weights: dots [CANVAS, CANVAS] of each cell; row 0 is the top. A cell's number counts along
            the rows.
    """
    cells = np.flatnonzero(weights)
    pairs = np.empty(len(cells), _PAIR)
    pairs["cell"], pairs["dots"] = cells, weights.reshape(-1)[cells]
    return base64.b64encode(pairs.tobytes()).decode("ascii")


def read_dots(sent: object) -> NDArray[np.uint16]:
    """Return the dots [CANVAS, CANVAS] that a browser wrote; see `write_dots`.

    Args:
        sent: anything, since a browser may send anything.

    Raises:
        ValueError: if they are none, or too many; the message is one sentence.

    Example:
        >>> weights = np.zeros((CANVAS, CANVAS), np.uint16)
        >>> weights[2, 3] = 5
        >>> read_dots(write_dots(weights))[2, 3]
        np.uint16(5)
    """
    if not isinstance(sent, str) or len(sent) > _LONGEST:
        raise ValueError(_NO_PAINTING)
    try:
        content = base64.b64decode(sent, validate=True)
        pairs = np.frombuffer(content, _PAIR)
    except (binascii.Error, ValueError):
        raise ValueError(_NO_PAINTING) from None
    cells = pairs["cell"].astype(np.int64)
    if (cells >= CANVAS * CANVAS).any() or (np.diff(cells) <= 0).any():
        raise ValueError(_NO_PAINTING)
    total = int(pairs["dots"].sum(dtype=np.int64))
    if total == 0:
        raise ValueError("The canvas is empty: paint something first.")
    if total > MOST_DOTS:
        raise ValueError(f"A painting has at most {MOST_DOTS:,} dots, not {total:,}.")
    weights = np.zeros(CANVAS * CANVAS, np.uint16)
    weights[cells] = pairs["dots"]
    return weights.reshape(CANVAS, CANVAS)


def on_canvas(drawing: Drawing) -> NDArray[np.uint16]:
    """Return a drawing's weights as dots [CANVAS, CANVAS]; those of a picture are scaled down."""
    weights = drawing.weights
    height, width = weights.shape
    if height == width == CANVAS and int(weights.sum(dtype=np.int64)) <= MOST_DOTS:
        return weights
    cell = SIDE / max(height, width)
    x = (np.arange(width) + 0.5 - width / 2) * cell
    y = (np.arange(height) + 0.5 - height / 2) * cell
    dots = np.zeros((CANVAS, CANVAS))
    np.add.at(dots, (_cells(y)[:, None], _cells(x)[None, :]), weights.astype(np.float64))
    dots *= min(1.0, 0.9 * MOST_DOTS / dots.sum())
    return _whole(dots)


def dots_of(problem: DataProblem) -> NDArray[np.uint16]:
    """Return points of a problem of the plane as dots [CANVAS, CANVAS].

    Its window is moved, and scaled if it must be, to fill the canvas.
    """
    assert problem.window is not None, "a problem of the plane has a window"
    x_min, x_max, y_min, y_max = problem.window
    points = problem.training_points(START_DOTS, 0)
    scale = SIDE / max(x_max - x_min, y_max - y_min)
    x = scale * (points[:, 0] - (x_min + x_max) / 2)
    y = scale * (points[:, 1] - (y_min + y_max) / 2)
    inside = np.maximum(np.abs(x), np.abs(y)) < SIDE / 2
    dots = np.zeros((CANVAS, CANVAS))
    np.add.at(dots, (_cells(-y[inside]), _cells(x[inside])), 1)
    return _whole(dots)


def _cells(at: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the column of each x, or the row of each distance below the middle."""
    return np.clip(np.floor((at / SIDE + 0.5) * CANVAS), 0, CANVAS - 1).astype(np.intp)


def _whole(dots: NDArray[np.float64]) -> NDArray[np.uint16]:
    return np.minimum(np.rint(dots), np.iinfo(np.uint16).max).astype(np.uint16)
