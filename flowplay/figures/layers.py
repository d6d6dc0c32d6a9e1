"""The walk through a flow as an animation: one frame for each z_k, from the base to the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from flowplay.figures.colors import GRID, MUTED, ORANGE
from flowplay.figures.density import (
    color_axis,
    density_trace,
    density_values,
    dots_trace,
    highest,
    square_axes,
)
from flowplay.snapshot import LayerFrames

#: Milliseconds for which Play shows each layer.
_FRAME_MS = 900

# Plotly turns a hovered button near-white in every theme, so its text is dark in every theme.
_BUTTON_TEXT, _BUTTON = "#1d2b3f", "#e6ebf2"

_INSTANT = {"mode": "immediate", "transition": {"duration": 0}}


def layers_figure(frames: LayerFrames, height: int = 630) -> go.Figure:
    """Draw the exact density of every z_k, and the same points on their way through the layers.

    All frames share their axes and one colour scale, which ends at the larger of the largest
    densities of base and data; a layer between that exceeds it is clipped, and says so.

    Args:
        frames: densities [K + 1, H, W], points [K + 1, n, 2] and log-determinants [K, n].
        height: pixels.
    """
    figure = go.Figure(
        data=[density_trace(frames.densities[0], frames.bounds), dots_trace(frames.points[0])],
        frames=[_frame(frames, k) for k in range(len(frames.labels))],
    )
    figure.update_layout(
        height=height,
        coloraxis=color_axis(_scale(frames)),
        margin={"l": 40, "r": 12, "t": 44, "b": 188},
        hovermode="closest",
        dragmode=False,  # a swipe scrolls the page
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        annotations=[_annotation(frames, 0)],
        updatemenus=[_buttons()],
        sliders=[_slider(frames.labels)],
    )
    square_axes(figure, frames.bounds)
    return figure


def log_det_text(frames: LayerFrames, k: int) -> str:
    """Say how much layer k stretches (+) or squeezes (−) area at its points, on average, in nats.

    Args:
        frames: with log-determinants [K, n].
        k: 0 (the base, no layer yet) to K.
    """
    if k == 0:
        return "base: no layer yet"
    mean = float(np.mean(frames.log_dets[k - 1]))
    return f"this layer: mean log|det| {mean:+.3f} nats".replace("-", "−")


def _scale(frames: LayerFrames) -> float:
    return highest(frames.densities[0], frames.densities[-1])


def _clipped_text(frames: LayerFrames, k: int) -> str:
    top = highest(frames.densities[k])
    return f"<br>density up to {top:.2g}, beyond the colours" if top > _scale(frames) else ""


def _frame(frames: LayerFrames, k: int) -> go.Frame:
    points = frames.points[k].astype(np.float32)
    return go.Frame(
        name=str(k),
        data=[
            go.Heatmap(z=density_values(frames.densities[k])),
            go.Scatter(x=points[:, 0], y=points[:, 1]),
        ],
        traces=[0, 1],
        layout={"annotations": [_annotation(frames, k)]},
    )


def _annotation(frames: LayerFrames, k: int) -> dict[str, Any]:
    return {
        "text": log_det_text(frames, k) + _clipped_text(frames, k),
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0,
        "yshift": -28,
        "yanchor": "top",
    }


def _buttons() -> dict[str, Any]:
    play = {"frame": {"duration": _FRAME_MS, "redraw": True}, "fromcurrent": True} | _INSTANT
    pause = {"frame": {"duration": 0, "redraw": False}} | _INSTANT
    return {
        "type": "buttons",
        "direction": "right",
        "showactive": False,
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 68},
        "bgcolor": _BUTTON,
        "bordercolor": _BUTTON,
        "font": {"color": _BUTTON_TEXT},
        "buttons": [
            {"label": "▶ Play", "method": "animate", "args": [None, play]},
            {"label": "❚❚ Pause", "method": "animate", "args": [[None], pause]},
        ],
    }


def _slider(labels: list[str]) -> dict[str, Any]:
    show = {"frame": {"duration": 0, "redraw": True}} | _INSTANT
    return {
        "x": 0,
        "len": 1,
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 104, "b": 8},
        "currentvalue": {"xanchor": "left", "offset": 8, "prefix": ""},
        "bgcolor": MUTED,
        "activebgcolor": ORANGE,
        "bordercolor": GRID,
        "tickcolor": GRID,
        "ticklen": 4,
        "minorticklen": 0,
        "steps": [
            {"label": label, "method": "animate", "args": [[str(k)], show]}
            for k, label in enumerate(labels)
        ],
    }
