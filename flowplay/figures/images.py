"""Small images as a Plotly figure."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots


def images_figure(
    data: NDArray[np.uint8], samples: NDArray[np.uint8], brightest: int, height: int = 460
) -> go.Figure:
    """Draw images to learn from beside images of the model, eight in a row.

    Args:
        data: [n, H, W, C], with C 1 for grey, drawn as ink on paper, or 3 for colours.
        samples: [m, H, W, C].
        brightest: the highest level that there is.
        height: pixels.
    """
    figure = make_subplots(
        rows=1, cols=2, subplot_titles=("data", "samples of the model"), horizontal_spacing=0.04
    )
    for column, images in enumerate((data, samples), 1):
        figure.add_trace(go.Image(z=_sheet(images, brightest), hoverinfo="skip"), 1, column)
    figure.update_layout(
        height=height,
        margin={"l": 12, "r": 12, "t": 44, "b": 12},
        dragmode=False,  # a swipe scrolls the page
        paper_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def _sheet(images: NDArray[np.uint8], brightest: int, columns: int = 8) -> NDArray[np.uint8]:
    """Return images in rows as one picture [rows, columns, 3], with lines between them."""
    light = np.rint(images * (255.0 / brightest))
    rgb = light if images.shape[3] == 3 else np.repeat(255 - light, 3, axis=3)
    rows = -(-len(rgb) // columns)
    empty = np.full((rows * columns - len(rgb), *rgb.shape[1:]), 255.0)
    framed = np.pad(
        np.concatenate([rgb, empty]), ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=128
    )
    h, w = framed.shape[1:3]
    grid = framed.reshape(rows, columns, h, w, 3).swapaxes(1, 2)
    return grid.reshape(rows * h, columns * w, 3).astype(np.uint8)
