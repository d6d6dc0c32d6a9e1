"""Scores of several kinds of images, as boxes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from flowplay.figures.colors import BLUE, GRID, ORANGE


def scores_figure(scores: Mapping[str, NDArray[np.floating]], *, corrected: bool) -> go.Figure:
    """Draw the scores of each kind; the first is like what was learned, and its median a line.

    Args:
        scores: of each kind, in bits per dimension.
        corrected: whether the length of a compressed file was subtracted.
    """
    figure = go.Figure()
    for number, (kind, values) in enumerate(reversed(list(scores.items()))):
        first = number == len(scores) - 1
        figure.add_trace(
            go.Box(
                x=values,
                name=kind,
                orientation="h",
                marker={"color": BLUE if first else ORANGE, "size": 4},
                line={"width": 1.5},
                boxpoints="outliers",
                hovertemplate="%{x:.2f}<extra>%{y}</extra>",
            )
        )
    middle = float(np.median(next(iter(scores.values()))))
    figure.add_vline(x=middle, line={"color": BLUE, "width": 1.2, "dash": "dash"}, layer="below")
    figure.update_layout(
        height=70 + 38 * len(scores),
        showlegend=False,
        dragmode=False,
        margin={"l": 8, "r": 16, "t": 8, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis={
            "title": "bits per dimension" + (" less those of the file" if corrected else ""),
            "gridcolor": GRID,
            "zeroline": False,
            "fixedrange": True,
        },
        yaxis={"automargin": True, "fixedrange": True},
    )
    return figure
