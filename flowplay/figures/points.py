"""Points of the plane as a Plotly figure, where there is no density to draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from flowplay.figures.colors import BLUE
from flowplay.figures.density import dots_trace, square_axes


def points_figure(
    data: NDArray[np.floating],
    samples: NDArray[np.floating],
    window: Sequence[float],
    height: int = 460,
) -> go.Figure:
    """Draw data beside samples of the model, on the same axes.

    Args:
        data: [n, 2] in data units.
        samples: [m, 2] in data units.
        window: x_min, x_max, y_min, y_max of both.
        height: pixels.
    """
    figure = make_subplots(
        rows=1, cols=2, subplot_titles=("data", "samples of the model"), horizontal_spacing=0.04
    )
    figure.add_trace(dots_trace(data).update(marker={"color": BLUE}), row=1, col=1)
    figure.add_trace(dots_trace(samples), row=1, col=2)
    figure.update_layout(
        height=height,
        margin={"l": 40, "r": 12, "t": 44, "b": 36},
        dragmode=False,  # a swipe scrolls the page
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
    )
    square_axes(figure, window)
    figure.update_yaxes(showticklabels=False, col=2)
    return figure
