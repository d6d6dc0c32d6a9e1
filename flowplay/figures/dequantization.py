"""Dequantization of one pixel: its density over the levels, its noise, and fits without noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from flowplay.figures.colors import BLUE, GRID, ORANGE
from flowplay.wire import NoiseView

_BLUE_FILL = "rgba(48, 121, 198, 0.35)"


def _laid_out(figure: go.Figure, x: str, y: str, **more: Any) -> go.Figure:  # noqa: ANN401
    figure.update_layout(
        height=270,
        margin={"l": 52, "r": 12, "t": 30, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
        bargap=0,
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        xaxis={"title": x, "showgrid": False, "zeroline": False, "fixedrange": True},
        yaxis={"title": y, "gridcolor": GRID, "rangemode": "tozero", "fixedrange": True},
        **more,
    )
    return figure


def pixel_figure(view: NoiseView) -> go.Figure:
    """Draw the density of one value with noise, and the probability of each level."""
    levels = np.arange(len(view.levels))
    figure = go.Figure(
        [
            go.Bar(
                x=levels + 0.5,
                y=view.levels,
                width=1,
                name="probability of the level",
                marker={"color": _BLUE_FILL, "line": {"color": BLUE, "width": 1}},
                customdata=levels,
                hovertemplate="level %{customdata}: %{y:.3f}<extra></extra>",
            ),
            go.Scatter(
                x=view.at,
                y=view.density,
                name="density of y",
                mode="lines",
                line={"color": ORANGE, "width": 1.8},
                hoverinfo="skip",
            ),
        ]
    )
    _laid_out(figure, "y = x + u", "density")
    every = max(1, len(levels) // 8)
    ticks = levels[::every]
    figure.update_xaxes(
        range=[0, len(levels)], tickvals=ticks + 0.5, ticktext=[str(t) for t in ticks]
    )
    return figure


def noise_figure(view: NoiseView) -> go.Figure:
    """Draw the density of the noise within its level, beside the uniform one."""
    bars = len(view.noise)
    figure = go.Figure(
        go.Bar(
            x=view.level + (np.arange(bars) + 0.5) / bars,
            y=view.noise,
            width=1 / bars,
            name="q(u | x)",
            marker={"color": ORANGE},
            hovertemplate="%{y:.2f}<extra></extra>",
        )
    )
    figure.add_hline(y=1, line={"color": BLUE, "width": 1.6, "dash": "dash"})
    _laid_out(figure, f"y within level {view.level}", "density", showlegend=False)
    figure.update_xaxes(range=[view.level, view.level + 1], nticks=5)
    return figure


def undequantized_figure(
    without: Sequence[float], uniform: Sequence[float], entropy: float
) -> go.Figure:
    """Draw bits over steps of two fits to whole levels, without noise and with it.

    Args:
        without: of the fit without noise, at each step.
        uniform: of the one with uniform noise.
        entropy: the least bits of any code.
    """
    steps = np.arange(1, len(without) + 1)
    figure = go.Figure(
        [
            go.Scatter(x=steps, y=without, name="without noise", line={"color": ORANGE}),
            go.Scatter(
                x=steps,
                y=uniform,
                name="with uniform noise",
                line={"color": ORANGE, "dash": "dot"},
            ),
        ]
    )
    figure.add_hline(
        y=entropy,
        line={"color": BLUE, "width": 1.6, "dash": "dash"},
        annotation={"text": f"entropy {entropy:.2f}", "font": {"color": BLUE}},
    )
    _laid_out(figure, "optimizer step", "−log₂ p, in bits")
    figure.update_yaxes(rangemode="normal", zeroline=True, zerolinecolor=GRID)
    return figure
