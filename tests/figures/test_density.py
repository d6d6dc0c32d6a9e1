"""Density figures: true values in binary, square fixed axes, one colour scale."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.typing import NDArray

from flowplay.figures.density import comparison_figure, density_figure, highest

BOUNDS = (-2.5, 2.5, -2.0, 3.0)


def _json(figure: go.Figure) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(figure.to_json())
    return parsed


def test_density_travels_as_exact_float32(density: NDArray[np.float32]) -> None:
    z = _json(density_figure(density, BOUNDS))["data"][0]["z"]
    assert z["dtype"] == "f4"
    sent = np.frombuffer(base64.b64decode(z["bdata"]), "<f4").reshape(density.shape)
    np.testing.assert_array_equal(sent, density)


def test_samples_travel_in_binary(density: NDArray[np.float32]) -> None:
    dots = _json(density_figure(density, BOUNDS, samples=np.zeros((7, 2))))["data"][1]
    assert dots["x"]["dtype"] == dots["y"]["dtype"] == "f4"


def test_cells_are_drawn_at_their_centres(density: NDArray[np.float32]) -> None:
    heatmap = density_figure(density, BOUNDS).data[0]
    assert heatmap.x0 - heatmap.dx / 2 == BOUNDS[0]
    assert heatmap.y0 + heatmap.dy * (len(density) - 0.5) == pytest.approx(BOUNDS[3])


def test_axes_are_fixed_and_square(density: NDArray[np.float32]) -> None:
    layout = density_figure(density, BOUNDS).layout
    assert list(layout.xaxis.range) == [-2.5, 2.5]
    assert list(layout.yaxis.range) == [-2.0, 3.0]
    assert layout.yaxis.scaleanchor == "x"


def test_comparison_has_one_colour_scale_that_ends_at_the_target(
    density: NDArray[np.float32],
) -> None:
    figure = comparison_figure(density, 3 * density, BOUNDS)
    assert {trace.coloraxis for trace in figure.data} == {"coloraxis"}
    assert figure.layout.coloraxis.cmin == 0
    assert figure.layout.coloraxis.cmax == pytest.approx(density.max())
    assert (figure.layout.yaxis.scaleanchor, figure.layout.yaxis2.scaleanchor) == ("x", "x2")


def test_scale_ignores_what_is_no_number() -> None:
    assert highest(np.array([[np.nan, np.inf, 0.5]])) == 0.5
    assert highest(np.zeros((2, 2))) == 1.0
