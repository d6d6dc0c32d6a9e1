"""An exact density as a Plotly figure: alone, or target beside model on one colour scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from flowplay.figures.colors import DOT_OUTLINE, GRID, ORANGE, plotly_colorscale
from flowplay.numbers import number

_HOVER = "x = %{x:.2f}<br>y = %{y:.2f}<br>density = %{z:.4f}<extra></extra>"
_BAR_PIXELS = 240


def density_figure(
    density: NDArray[np.floating],
    bounds: Sequence[float],
    *,
    scale: float | None = None,
    samples: NDArray[np.floating] | None = None,
    height: int = 460,
) -> go.Figure:
    """Draw an exact density as a heatmap with square axes.

    Args:
        density: [H, W] at the centres of H x W cells of `bounds`, in 1 / (data unit)^2; row 0 is
            the lowest y.
        bounds: x_min, x_max, y_min, y_max, in data units.
        scale: density at the top of the colour scale; the largest one shown if not given.
        samples: [n, 2] points to draw on it as orange dots.
        height: pixels.
    """
    figure = go.Figure(density_trace(density, bounds))
    if samples is not None:
        figure.add_trace(dots_trace(samples))
    figure.update_layout(
        height=height,
        coloraxis=color_axis(scale or highest(density)),
        margin={"l": 40, "r": 12, "t": 44, "b": 36},
        hovermode="closest",
        dragmode=False,  # a swipe scrolls the page
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
    )
    square_axes(figure, bounds)
    return figure


def comparison_figure(
    target: NDArray[np.floating],
    model: NDArray[np.floating],
    bounds: Sequence[float],
    *,
    names: tuple[str, str] = ("target", "model"),
    samples: NDArray[np.floating] | None = None,
    height: int = 460,
) -> go.Figure:
    """Draw two densities side by side, on one colour scale that ends at the target's largest.

    Args:
        target: [H, W] the left density, in 1 / (data unit)^2; row 0 is the lowest y.
        model: [H, W] the right one.
        bounds: x_min, x_max, y_min, y_max of both, in data units.
        names: what stands above the two.
        samples: [n, 2] points to draw on the right one as orange dots.
        height: pixels.
    """
    figure = make_subplots(rows=1, cols=2, subplot_titles=names, horizontal_spacing=0.04)
    for column, density in enumerate((target, model), start=1):
        figure.add_trace(density_trace(density, bounds), row=1, col=column)
    if samples is not None:
        figure.add_trace(dots_trace(samples), row=1, col=2)
    figure.update_layout(
        height=height,
        coloraxis=color_axis(highest(target)),
        margin={"l": 40, "r": 12, "t": 76, "b": 36},
        hovermode="closest",
        dragmode=False,  # a swipe scrolls the page
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
    )
    square_axes(figure, bounds)
    figure.update_yaxes(showticklabels=False, col=2)
    return figure


def describe_density(name: str, density: NDArray[np.floating], bounds: Sequence[float]) -> str:
    """Say in a sentence what a picture of a density shows, for those who do not see it.

    Args:
        name: whose density, as in "the model".
        density: [H, W], in 1 / (data unit)^2; row 0 is the lowest y.
        bounds: x_min, x_max, y_min, y_max, in data units.

    Example:
        >>> print(describe_density("the target", np.eye(2), (0, 2, 0, 2)))
        Exact density of the target for x from 0 to 2 and y from 0 to 2,
        highest (1) near x = 0.5, y = 0.5.
    """
    x_min, x_max, y_min, y_max = bounds
    values = np.nan_to_num(density, nan=0.0)
    row, column = np.unravel_index(int(np.argmax(values)), values.shape)
    x = x_min + (column + 0.5) * (x_max - x_min) / values.shape[1]
    y = y_min + (row + 0.5) * (y_max - y_min) / values.shape[0]
    return (
        f"Exact density of {name} for x from {x_min:g} to {x_max:g} and y from {y_min:g} to "
        f"{y_max:g}, highest ({number(values[row, column], 3)}) near x = {x:.2g}, y = {y:.2g}."
    )


def density_trace(density: NDArray[np.floating], bounds: Sequence[float]) -> go.Heatmap:
    """Return the heatmap of a density [H, W] over `bounds`, coloured by the layout's color axis."""
    x_min, x_max, y_min, y_max = bounds
    rows, columns = density.shape
    dx, dy = (x_max - x_min) / columns, (y_max - y_min) / rows
    return go.Heatmap(
        z=density_values(density),
        x0=x_min + dx / 2,
        dx=dx,
        y0=y_min + dy / 2,
        dy=dy,
        coloraxis="coloraxis",
        zsmooth="fast",
        hovertemplate=_HOVER,
    )


def density_values(density: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return a density as the float32 that Plotly sends in binary; what is no number is absent."""
    return np.where(np.isfinite(density), density, np.nan).astype(np.float32)


def dots_trace(points: NDArray[np.floating]) -> go.Scatter:
    """Return points [n, 2] as small orange dots; hovering reads the density below them."""
    return go.Scatter(
        x=points[:, 0].astype(np.float32),
        y=points[:, 1].astype(np.float32),
        mode="markers",
        marker={
            "size": 4.5,
            "color": ORANGE,
            "opacity": 0.85,
            "line": {"width": 0.6, "color": DOT_OUTLINE},
        },
        hoverinfo="skip",
    )


def color_axis(scale: float) -> go.layout.Coloraxis:
    """Return the color axis from density 0 to `scale`, with its bar at the top of the figure."""
    bar = {
        # The spaces keep the word from the bar.
        "title": {"text": "density&nbsp;&nbsp;", "side": "right", "font": {"size": 12}},
        "orientation": "h",
        "thickness": 9,
        # A fixed length: a share of the width would outgrow the square picture on a wide page.
        "lenmode": "pixels",
        "len": _BAR_PIXELS,
        "x": 0.5,
        "y": 1.0,
        "yref": "container",
        "yanchor": "top",
        "ypad": 6,
        "outlinewidth": 0,
        "nticks": 5,
        "ticks": "outside",
        "ticklen": 3,
        "tickcolor": GRID,
    }
    return go.layout.Coloraxis(cmin=0, cmax=scale, colorscale=plotly_colorscale(), colorbar=bar)


def square_axes(figure: go.Figure, bounds: Sequence[float]) -> None:
    """Fix every pair of axes to `bounds`, with equal units along both and no grid."""
    x_min, x_max, y_min, y_max = bounds
    plain = {"showgrid": False, "zeroline": False, "ticks": "outside", "ticklen": 4, "nticks": 6}
    plain |= {"tickcolor": GRID, "constrain": "domain"}
    figure.update_xaxes(range=[x_min, x_max], **plain)
    figure.update_yaxes(range=[y_min, y_max], constraintoward="top", **plain)
    for axis in figure.select_yaxes():
        axis.scaleanchor = axis.anchor or "x"


def highest(*densities: NDArray[np.floating]) -> float:
    """Return the largest finite density, or 1 where there is none: the top of a colour scale."""
    finite = [float(np.max(d, initial=0.0, where=np.isfinite(d))) for d in densities]
    return max(finite) or 1.0
