"""A small picture of each section, as SVG that is legible on a light and on a dark page.

Blue is what is fixed, orange what is learned, as in all pictures here; the rest has the colour of
the text around it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flowplay.figures.colors import BLUE, ORANGE

#: Size of a picture, in its own units; y points down.
WIDTH, HEIGHT = 160, 90

_INK = "currentColor"


def picture(key: str) -> str:
    """Return the SVG of a section.

    Raises:
        KeyError: if there is no section of that key.
    """
    return _svg(PICTURES[key])


@functools.cache
def _svg(draw: Callable[[], list[str]]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" xmlns="http://www.w3.org/2000/svg" '
        f'aria-hidden="true" fill="none" stroke-width="2" stroke-linecap="round">'
        f"{''.join(draw())}</svg>"
    )


def _line(x: ArrayLike, y: ArrayLike, colour: str = _INK, **more: object) -> str:
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in np.broadcast(x, y))
    return f'<polyline points="{points}" stroke="{colour}"{_attributes(more)}/>'


def _area(x: ArrayLike, y: ArrayLike, colour: str) -> str:
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in np.broadcast(x, y))
    return f'<polygon points="{points}" fill="{colour}" fill-opacity="0.22" stroke="{colour}"/>'


def _dots(xy: Iterable[tuple[float, float]], colour: str = _INK, r: float = 2.5) -> str:
    return "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{colour}"/>' for x, y in xy)


def _box(
    x: float, y: float, width: float, height: float, colour: str = _INK, **more: object
) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" '
        f'stroke="{colour}"{_attributes(more)}/>'
    )


def _text(x: float, y: float, words: str, colour: str = _INK, size: int = 14) -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" font-size="{size}" text-anchor="middle" '
        f'font-family="serif" font-style="italic">{words}</text>'
    )


def _arrow(x0: float, y0: float, x1: float, y1: float, colour: str = _INK) -> str:
    along = np.array([x1 - x0, y1 - y0])
    along = 6 * along / np.hypot(*along)
    across = np.array([-along[1], along[0]]) * 0.6
    tip = np.array([x1, y1])
    left, right = tip - along + across, tip - along - across
    head = _line([left[0], x1, right[0]], [left[1], y1, right[1]], colour)
    return _line([x0, x1], [y0, y1], colour) + head


def _attributes(more: Mapping[str, object]) -> str:
    return "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())


def _bell(x: NDArray[np.float64], mean: float, std: float, height: float) -> NDArray[np.float64]:
    curve: NDArray[np.float64] = height * np.exp(-(((x - mean) / std) ** 2) / 2)
    return curve


_X = np.linspace(8, 152, 73)
_GROUND = 78.0


def _likelihood() -> list[str]:
    y = _GROUND - _bell(_X, 55, 14, 40) - _bell(_X, 108, 18, 54)
    place = 44
    return [
        _area([8, *_X, 152], [_GROUND, *y, _GROUND], ORANGE),
        _line([_X[place]] * 2, [_GROUND, y[place]], stroke_dasharray="3 4"),
        _dots([(_X[place], y[place])], BLUE, 4),
        _text(124, 24, "p(x)"),
    ]


def _change_of_variables() -> list[str]:
    narrow, wide = np.linspace(8, 60, 40), np.linspace(84, 154, 40)
    return [
        _area(narrow, _GROUND - _bell(narrow, 34, 8, 60), BLUE),
        _arrow(60, 40, 82, 40),
        _area(wide, _GROUND - _bell(wide, 119, 13, 36), ORANGE),
        _text(71, 32, "f"),
    ]


def _requirements() -> list[str]:
    x = np.linspace(26, 134, 40)
    y = 72 - 54 / (1 + np.exp(-(x - 80) / 14))
    return [
        _line([20, 20, 142], [10, 78, 78], stroke_opacity=0.5),
        _line(x, y, ORANGE),
        _arrow(88, 78, 88, 42, BLUE),
        _arrow(88, 38, 24, 38, BLUE),
    ]


def _composition() -> list[str]:
    parts = []
    for k, x in enumerate((16, 57, 98, 139)):
        angle = np.linspace(0, 2 * np.pi, 40)
        radius = 12 + k * 1.2 * np.cos(2 * angle + 0.8) + k * 0.8 * np.sin(3 * angle)
        parts.append(
            _area(x + radius * np.cos(angle), 45 + radius * np.sin(angle), ORANGE if k else BLUE)
        )
        if k:
            parts.append(_arrow(x - 26, 45, x - 16, 45))
    return parts


def _by_hand() -> list[str]:
    return [
        _line([30, 24, 24, 30], [14, 14, 76, 76]),
        _line([92, 98, 98, 92], [14, 14, 76, 76]),
        _text(44, 38, "1"),
        _text(78, 38, "0"),
        _text(44, 68, "0.64"),
        _text(78, 68, "1.35", ORANGE),
        _text(126, 50, "→ 0.30", ORANGE, 15),
    ]


def _negative_nll() -> list[str]:
    y = _GROUND - _bell(_X, 80, 9, 68)
    return [
        _area([8, *_X, 152], [_GROUND, *y, _GROUND], ORANGE),
        _line([8, 152], [46, 46], BLUE, stroke_dasharray="5 5"),
        _text(20, 40, "1", BLUE),
    ]


def _cheap_jacobians() -> list[str]:
    size = 15
    diagonal = {"fill": ORANGE, "fill_opacity": 0.8}
    below = {"fill": BLUE, "fill_opacity": 0.25}
    return [
        f'<rect x="{43 + size * j}" y="{8 + size * i}" width="{size - 2}" height="{size - 2}" '
        f'rx="2" stroke="{_INK}" stroke-opacity="0.35" stroke-width="1"'
        f"{_attributes(diagonal if i == j else below if j < i else {})}/>"
        for i in range(5)
        for j in range(5)
    ]


def _alternation() -> list[str]:
    parts = []
    for k in range(4):
        x, here, there = 14 + 36 * k, *((24, 66) if k % 2 == 0 else (66, 24))
        parts += [
            _line([x - 6, x + 30], [here, here]),
            _line([x - 6, x + 30], [there, there], ORANGE),
            _arrow(x + 4, here, x + 14, there + (8 if there < here else -8), BLUE),
            _dots([(x + 16, there)], ORANGE, 5),
        ]
    return parts


def _families() -> list[str]:
    line = np.linspace(-1, 1, 30)
    parts = []
    for c in np.linspace(-1, 1, 7):
        for u, v, colour in ((line, c, _INK), (c, line, ORANGE)):
            x = 80 + 52 * (u + 0.25 * np.sin(2.6 * v))
            y = 45 + 32 * (v + 0.22 * np.sin(2.6 * u))
            parts.append(_line(x, y, colour, stroke_width=1.2, stroke_opacity=0.85))
    return parts


def _costs() -> list[str]:
    counts = ((1, 1), (1, 5), (5, 1))
    return [
        _box(x + 50 * k, 70 - 13 * j, 16, 10, colour, fill=colour, fill_opacity=0.3)
        for k, both in enumerate(counts)
        for x, colour, count in zip((14, 34), (BLUE, ORANGE), both, strict=True)
        for j in range(count)
    ]


def _inversion() -> list[str]:
    def map_of(x: float) -> float:
        return 22 + 0.62 * x + 6 * float(np.sin(x / 14))

    xs = np.linspace(10, 84, 40)
    path, at = [(14.0, 14.0)], 14.0
    for _ in range(7):
        path += [(at, map_of(at)), (map_of(at), map_of(at))]
        at = map_of(at)
    px, py = np.array(path).T
    return [
        _line([10 + 30, 84 + 30], [94 - 10, 94 - 84], stroke_opacity=0.5),
        _line(xs + 30, 94 - np.array([map_of(x) for x in xs]), BLUE),
        _line(px + 30, 94 - py, ORANGE, stroke_width=1.5),
    ]


def _cutting() -> list[str]:
    angle = np.linspace(0, 2 * np.pi, 60)
    parts = []
    for bridge, size, opacity in ((0.32, 1.0, 1), (0.12, 0.72, 0.8), (0.0, 0.42, 0.6)):
        if bridge:
            # Two lobes and the neck between them.
            x = 80 + 62 * size * np.cos(angle)
            neck = np.abs(np.cos(angle)) ** 1.5 * (1 - bridge) + bridge
            y = 45 + 46 * size * np.sin(angle) * neck * (0.4 + np.abs(np.cos(angle)))
            parts.append(_line(x, y, ORANGE, stroke_opacity=opacity))
            continue
        for side in (-1, 1):
            x = 80 + side * 40 + 20 * size * np.cos(angle)
            parts.append(_area(x, 45 + 26 * size * np.sin(angle), BLUE))
    return parts


def _matching() -> list[str]:
    random = np.random.default_rng(4)
    left = [(24 + 7 * random.normal(), 45 + 15 * random.normal()) for _ in range(9)]
    right = [(138 + 5 * random.normal(), (22, 68)[k % 2] + 6 * random.normal()) for k in range(9)]
    lines = [
        _line([a[0], b[0]], [a[1], b[1]], stroke_opacity=0.45, stroke_width=1.2)
        for a, b in zip(left, right, strict=True)
    ]
    return [*lines, _dots(left, BLUE), _dots(right, ORANGE)]


def _conditional() -> list[str]:
    parts = []
    for k, (c, mean, std) in enumerate(((40, 50, 9), (80, 92, 13), (120, 74, 7))):
        ground = 30 + 24 * k
        y = ground - _bell(_X, mean, std, 20 * 9 / std)
        parts += [_area([8, *_X, 152], [ground, *y, ground], ORANGE), _dots([(c, ground)], BLUE, 3)]
    return parts


def _variational_inference() -> list[str]:
    two = _GROUND - _bell(_X, 48, 13, 58) - _bell(_X, 112, 13, 58)
    return [
        _line(_X, two, BLUE),
        _area([8, *_X, 152], [_GROUND, *(_GROUND - _bell(_X, 48, 11, 66)), _GROUND], ORANGE),
        _line([8, 152], [_GROUND, _GROUND], stroke_opacity=0.5),
    ]


def _training() -> list[str]:
    y = 16 + (64 - 16) * (1 - np.exp(-(_X - 8) / 26)) + 3 * np.sin(_X / 3) * np.exp(-_X / 70)
    return [_line(_X, y, ORANGE), _line([8, 152], [72, 72], BLUE, stroke_dasharray="5 5")]


def _hyperparameters() -> list[str]:
    parts = []
    for k, at in enumerate((52, 112, 78)):
        y = 22 + 23 * k
        parts += [_line([16, 144], [y, y], stroke_opacity=0.4), _line([16, at], [y, y], ORANGE)]
        parts.append(_dots([(at, y)], ORANGE, 6))
    return parts


def _debugging() -> list[str]:
    y = 74 - 56 * np.exp(-(_X - 8) / 24) - _bell(_X, 112, 3.5, 58)
    return [_line(_X, y, ORANGE), _dots([(112, 16)], BLUE, 4)]


def _exercises() -> list[str]:
    parts = []
    for k, done in enumerate((True, True, False)):
        y = 12 + 25 * k
        parts += [_box(26, y, 16, 16), _line([56, 132], [y + 8, y + 8], stroke_opacity=0.4)]
        if done:
            parts.append(_line([29, 33, 40], [y + 8, y + 13, y + 2], ORANGE, stroke_width=3))
    return parts


def _sampling() -> list[str]:
    random = np.random.default_rng(2)
    wide, narrow = random.normal(size=(34, 2)), 0.4 * random.normal(size=(34, 2))
    return [
        _dots([(44 + 15 * a, 45 + 15 * b) for a, b in wide], ORANGE, 2),
        _arrow(78, 45, 92, 45),
        _dots([(122 + 15 * a, 45 + 15 * b) for a, b in narrow], ORANGE, 2),
        _text(85, 36, "τ"),
    ]


def _bits() -> list[str]:
    y = _GROUND - _bell(_X, 80, 26, 62)
    bars = [
        _box(
            16 + 16 * k,
            _GROUND - _bell(np.array([24.0 + 16 * k]), 80, 26, 62)[0],
            14,
            _bell(np.array([24.0 + 16 * k]), 80, 26, 62)[0],
            BLUE,
            fill=BLUE,
            fill_opacity=0.22,
            stroke_width=1,
        )
        for k in range(8)
    ]
    return [*bars, _line(_X, y, ORANGE)]


def _images() -> list[str]:
    def grid(left: float, top: float, cells: int, size: float, colour: str) -> list[str]:
        return [
            _box(left + size * i, top + size * j, size, size, colour, stroke_width=1.2)
            for i in range(cells)
            for j in range(cells)
        ]

    return [
        *grid(10, 21, 4, 12, BLUE),
        _arrow(64, 45, 80, 45),
        *grid(92, 8, 2, 14, ORANGE),
        *grid(100, 14, 2, 14, ORANGE),
        *grid(108, 46, 2, 14, BLUE),
        *grid(116, 52, 2, 14, BLUE),
    ]


def _when() -> list[str]:
    return [
        _line([14, 66], [45, 45]),
        _arrow(66, 45, 112, 22, ORANGE),
        _arrow(66, 45, 112, 68, BLUE),
        _dots([(66, 45)], _INK, 4),
        _text(136, 27, "p(x)", ORANGE, 15),
        _text(136, 74, "…", BLUE, 18),
    ]


def _words() -> list[str]:
    return [
        _text(80, 50, "log-det", size=26),
        _line([40, 120], [58, 58], ORANGE, stroke_dasharray="1 5", stroke_width=2.5),
    ]


def _papers() -> list[str]:
    lines = [_line([62, 62 + w], [30 + 11 * k] * 2, ORANGE) for k, w in enumerate((36, 36, 28, 36))]
    return [
        _line([46, 46, 96], [70, 10, 10], stroke_opacity=0.4),
        _box(52, 16, 56, 66),
        *lines,
    ]


def _topics() -> list[str]:
    parts = []
    for k, indent in enumerate((0, 16, 16, 0, 16)):
        y = 14 + 15.5 * k
        parts += [
            _dots([(34 + indent, y)], BLUE if indent == 0 else ORANGE, 3),
            _line([44 + indent, 122 - indent / 2], [y, y], stroke_opacity=0.5),
        ]
    return parts


#: What draws the picture of each section, by its key.
PICTURES: Mapping[str, Callable[[], list[str]]] = {
    "likelihood": _likelihood,
    "change-of-variables": _change_of_variables,
    "requirements": _requirements,
    "composition": _composition,
    "by-hand": _by_hand,
    "negative-nll": _negative_nll,
    "cheap-jacobians": _cheap_jacobians,
    "alternation": _alternation,
    "families": _families,
    "costs": _costs,
    "inversion": _inversion,
    "cutting": _cutting,
    "matching": _matching,
    "conditional": _conditional,
    "variational-inference": _variational_inference,
    "training": _training,
    "hyperparameters": _hyperparameters,
    "debugging": _debugging,
    "exercises": _exercises,
    "sampling": _sampling,
    "bits": _bits,
    "images": _images,
    "when": _when,
    "words": _words,
    "papers": _papers,
    "topics": _topics,
}
