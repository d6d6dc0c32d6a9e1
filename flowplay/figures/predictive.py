"""What a posterior predicts: the mean and a band over the input, beside the exact mean."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from flowplay.figures.colors import BLUE, DOT_OUTLINE, GRID, MUTED, ORANGE
from flowplay.ticks import axis_ticks

#: The picture's own units; the plot lies within these margins: left, right, top, bottom.
_SIDE = 400
_MARGINS = (40, 10, 10, 44)

#: Room above and below what is drawn, as a share of its height.
_ROOM = 0.06

Values = NDArray[np.floating]


def predictive_svg(
    inputs: Values,
    *,
    exact: Values,
    data: Values,
    output: str,
    mean: Values | None = None,
    low: Values | None = None,
    high: Values | None = None,
) -> str:
    """Draw a predictive as an SVG picture that reads on a white and on a dark page.

    Args:
        inputs: [n] where it is evaluated, rising.
        exact: [n] the exact mean.
        data: [m, 2] the data, inputs and outputs.
        output: what is predicted.
        mean: [n] the model's mean; None before there is a model.
        low: [n] lower edge of the model's band.
        high: [n] upper edge.
    """
    drawn = [exact, *(v for v in (mean, low, high) if v is not None), data[:, 1]]
    values = np.concatenate(drawn)
    bottom, top = float(values.min()), float(values.max())
    room = _ROOM * max(top - bottom, 1e-9)
    frame = _Frame(float(inputs[0]), float(inputs[-1]), bottom - room, top + room)
    parts = [*frame.axes(output)]
    if low is not None and high is not None:
        around = [*frame.points(inputs, high), *reversed(frame.points(inputs, low))]
        style = f'fill="{ORANGE}" fill-opacity="0.22" stroke="none"'
        parts.append(f'<polygon points="{" ".join(around)}" {style}/>')
    if mean is not None:
        parts.append(frame.line(inputs, mean, ORANGE, 'stroke-width="3"'))
    parts.append(frame.line(inputs, exact, BLUE, 'stroke-width="2" stroke-dasharray="7 5"'))
    for x, y in data.tolist():
        px, py = frame.at(x, y)
        parts.append(
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="5" fill="{BLUE}" stroke="{DOT_OUTLINE}"/>'
        )
    size = f'width="{_SIDE}" height="{_SIDE}" viewBox="0 0 {_SIDE} {_SIDE}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="14">'
        f"{''.join(parts)}</svg>"
    )


class _Frame:
    """The axes of a picture."""

    def __init__(self, x_min: float, x_max: float, y_min: float, y_max: float) -> None:
        self.x_min, self.x_max, self.y_min, self.y_max = x_min, x_max, y_min, y_max
        self.left, self.top = _MARGINS[0], _MARGINS[2]
        self.width = _SIDE - _MARGINS[0] - _MARGINS[1]
        self.height = _SIDE - _MARGINS[2] - _MARGINS[3]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point is drawn."""
        across = (x - self.x_min) / (self.x_max - self.x_min)
        up = (y - self.y_min) / (self.y_max - self.y_min)
        return self.left + self.width * across, self.top + self.height * (1 - up)

    def points(self, x: Values, y: Values) -> list[str]:
        """Return corners of a line, as SVG has them."""
        return ["{:.1f},{:.1f}".format(*self.at(*p)) for p in zip(x, y, strict=True)]

    def line(self, x: Values, y: Values, color: str, style: str) -> str:
        """Draw a line."""
        points = " ".join(self.points(x, y))
        return f'<polyline points="{points}" fill="none" stroke="{color}" {style}/>'

    def axes(self, output: str) -> Sequence[str]:
        """Draw grid, ticks and labels."""
        parts = []
        bottom = self.top + self.height
        for share, label in axis_ticks(self.y_min, self.y_max, 5):
            y = self.top + self.height * (1 - share)
            parts.append(
                f'<path d="M{self.left},{y:.1f}h{self.width}" stroke="{GRID}"/>'
                f'<text x="{self.left - 6}" y="{y + 5:.1f}" text-anchor="end" fill="{MUTED}">'
                f"{label}</text>"
            )
        for share, label in axis_ticks(self.x_min, self.x_max, 6):
            x = self.left + self.width * share
            parts.append(
                f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle" fill="{MUTED}">'
                f"{label}</text>"
            )
        parts.append(
            f'<text x="{self.left + self.width / 2}" y="{bottom + 37}" text-anchor="middle" '
            f'fill="{MUTED}">input x; vertical: {escape(output)}</text>'
        )
        return parts
