"""What compressors need for the same images, as bars."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from flowplay.figures.colors import BLUE, GRID, ORANGE


def sizes_figure(own: tuple[str, int], others: Mapping[str, int], ideal: float | None) -> go.Figure:
    """Draw the bytes of a file beside those of others, the smallest at the top.

    Args:
        own: label and bytes of the model's file.
        others: label -> bytes.
        ideal: the bytes of an ideal code of the model's probabilities, as a line; None if unknown.
    """
    rows = sorted([*others.items(), own], key=lambda row: -row[1])
    figure = go.Figure(
        go.Bar(
            x=[size for _, size in rows],
            y=[label for label, _ in rows],
            orientation="h",
            marker={"color": [ORANGE if row == own else BLUE for row in rows]},
            text=[f"{size:,}" for _, size in rows],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,} bytes<extra></extra>",
        )
    )
    if ideal is not None:
        figure.add_vline(
            x=ideal, line={"color": ORANGE, "width": 1.6, "dash": "dash"}, layer="below"
        )
    figure.update_layout(
        height=60 + 36 * len(rows),
        showlegend=False,
        margin={"l": 8, "r": 56, "t": 24, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis={"title": "bytes", "rangemode": "tozero", "gridcolor": GRID, "zeroline": False},
        yaxis={"automargin": True},
    )
    return figure
