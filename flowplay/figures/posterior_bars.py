"""The probability of each label, as bars."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from flowplay.figures.colors import GRID, ORANGE


def posterior_bars(posterior: Sequence[float], classes: Sequence[str]) -> go.Figure:
    """Draw P(y | x) of every label y.

    Args:
        posterior: of each label.
        classes: their names.
    """
    figure = go.Figure(
        go.Bar(
            x=list(classes),
            y=list(posterior),
            marker={"color": ORANGE},
            hovertemplate="%{x}: %{y:.1%}<extra></extra>",
        )
    )
    figure.update_layout(
        height=210,
        margin={"l": 48, "r": 8, "t": 8, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
        xaxis={"title": "label", "type": "category", "fixedrange": True},
        yaxis={"title": "P(y | x)", "range": [0, 1], "gridcolor": GRID, "fixedrange": True},
    )
    return figure
