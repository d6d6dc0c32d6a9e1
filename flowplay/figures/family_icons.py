"""A small picture for each family: what one layer of it makes of a square grid.

The layers are made up, of the family's own form and strong enough to be seen small.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from flowplay.figures.colors import BLUE, ORANGE

Points = NDArray[np.float64]

#: Lines of the grid each way, points of a line, and half the width of what is shown.
_LINES, _POINTS, _REACH = 6, 17, 2.6

#: Side of a picture in its own units.
_SIDE = 64


def _columns(points: Points) -> tuple[Points, Points]:
    return points[..., 0], points[..., 1]


def _planar(z: Points) -> Points:
    bend: Points = np.tanh(z @ np.array([1.3, -1.6]))[..., None]
    return np.asarray(z + bend * np.array([1.0, 0.55]))


def _radial(z: Points) -> Points:
    away = z - np.array([0.4, 0.3])
    radius = np.linalg.norm(away, axis=-1, keepdims=True)
    return np.asarray(z - 0.75 / (0.8 + radius) * away)


def _nice(z: Points) -> Points:
    a, b = _columns(z)
    return np.stack([a, b + 0.9 * np.sin(1.5 * a)], -1)


def _realnvp(z: Points) -> Points:
    a, b = _columns(z)
    return np.stack([a, 0.8 * b * np.exp(0.55 * np.sin(1.4 * a)) + 0.6 * np.cos(1.4 * a)], -1)


def _glow(z: Points) -> Points:
    turn = np.array([[0.85, -0.45], [0.5, 0.8]])
    return np.asarray(_realnvp(z) @ turn.T)


def _nsf(z: Points) -> Points:
    a, b = _columns(z)
    return np.stack([a, b + 0.42 * np.sin(2.2 * b + 1.6 * a)], -1)


def _flowpp(z: Points) -> Points:
    a, b = _columns(z)
    where = 0.8 * np.sin(1.2 * a)
    return np.stack([a, 0.45 * b + 0.5 * (np.tanh(3 * (b - where)) + np.tanh(3 * (b + 1.2)))], -1)


def _maf(z: Points) -> Points:
    a, b = _columns(z)
    x = 0.75 * a + 0.3
    return np.stack([x, 0.8 * b * np.exp(-0.5 * x) + 0.7 * np.sin(1.6 * x)], -1)


def _iaf(z: Points) -> Points:
    a, b = _columns(z)
    return np.stack([0.75 * a - 0.3, (b - 0.8 * np.sin(1.6 * a)) * np.exp(-0.35 * a) * 0.8], -1)


def _residual(z: Points) -> Points:
    a, b = _columns(z)
    return z + 0.5 * np.stack([np.sin(1.7 * b), np.sin(1.7 * a + 1.0)], -1)


def _mixed(z: Points) -> Points:
    return _nsf(0.85 * _planar(z))


def _swirl(z: Points, time: float) -> Points:
    """Return where the field of a continuous flow has carried points at a time."""
    angle = 2.0 * time * np.exp(-np.sum(z**2, -1) / 2.2)
    a, b = _columns(z)
    return np.stack(
        [np.cos(angle) * a - np.sin(angle) * b, np.sin(angle) * a + np.cos(angle) * b], -1
    )


_LAYERS: Mapping[str, Callable[[Points], Points]] = MappingProxyType(
    {
        "planar": _planar,
        "radial": _radial,
        "nice": _nice,
        "realnvp": _realnvp,
        "glow": _glow,
        "nsf": _nsf,
        "flowpp": _flowpp,
        "maf": _maf,
        "iaf": _iaf,
        "residual": _residual,
        "mixed": _mixed,
    }
)


@functools.cache
def family_icon(name: str) -> str:
    """Return the address of a family's small picture as SVG, empty if it has none.

    Example:
        >>> family_icon("realnvp")[:26]
        'data:image/svg+xml;base64,'
        >>> family_icon("nope")
        ''
    """
    if name in _LAYERS:
        shapes = _grid(_LAYERS[name])
    elif name == "ffjord":
        shapes = _paths([_swirl(_starts(), t) for t in np.linspace(0, 1, 9)])
    elif name == "flow_matching":
        shapes = _paths([_starts(), _swirl(_starts(), 1.0)])
    elif name == "graphical":
        shapes = _graph()
    else:
        return ""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIDE} {_SIDE}">{shapes}</svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _grid(layer: Callable[[Points], Points]) -> str:
    at, along = np.linspace(-2, 2, _LINES), np.linspace(-2, 2, _POINTS)
    rows = np.stack(np.meshgrid(along, at), -1)
    lines = np.concatenate([layer(rows), layer(rows[..., ::-1])])
    corners = lines.min((0, 1)), lines.max((0, 1))
    middle, half = (corners[0] + corners[1]) / 2, (corners[1] - corners[0]).max() / 2
    lines = 0.94 * _REACH * (lines - middle) / half
    return _stroke("".join(map(_line, lines)), ORANGE)


def _starts() -> Points:
    side = np.linspace(-1.8, 1.8, 5)
    return np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)


def _paths(states: list[Points]) -> str:
    lines = np.stack(states, 1)
    ends = "".join(
        f'<circle cx="{x}" cy="{y}" r="2.6" fill="{ORANGE}"/>' for x, y in _pixels(lines[:, -1])
    )
    return _stroke("".join(map(_line, lines)), BLUE) + ends


def _graph() -> str:
    arrow = "M20 32H38M33 26L39 32L33 38"
    nodes = "".join(
        f'<circle cx="{x}" cy="32" r="9" fill="none" stroke="{color}" stroke-width="2.5"/>'
        for x, color in ((11, BLUE), (51, ORANGE))
    )
    return nodes + _stroke(arrow, ORANGE)


def _stroke(path: str, color: str) -> str:
    return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.6"/>'


def _line(points: Points) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in _pixels(points))


def _pixels(points: Points) -> list[list[float]]:
    share = (points / _REACH + 1) / 2
    share[..., 1] = 1 - share[..., 1]
    found: list[list[float]] = np.round(_SIDE * share, 1).tolist()
    return found
