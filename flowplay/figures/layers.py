"""The walk through a flow as an animation: one frame for each z_k, from the base to the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from flowplay.codes import decode_density, window_points
from flowplay.figures.colors import GRID, MUTED, ORANGE, PALETTE
from flowplay.figures.density import color_axis, density_trace, dots_trace, square_axes
from flowplay.numbers import fixed
from flowplay.wire import LayerFrames

#: Milliseconds for which Play shows each layer.
_FRAME_MS = 900

#: Share of the samples that stays in the window in every layer, unless it goes farther than this.
_NEARLY_ALL = 0.95
_FARTHEST = 5.0

#: Where the names of the slider's ends stand, in pixels from the picture's lower edge.
_ENDS = -136

# Plotly turns a hovered button near-white in every theme, so its text is dark in every theme.
_BUTTON_TEXT, _BUTTON = "#1d2b3f", "#e6ebf2"

_INSTANT = {"mode": "immediate", "transition": {"duration": 0}}


def density_told(frames: LayerFrames, of: str) -> str:
    """Say what the densities of frames are, as exact as they have been computed.

    Args:
        frames: of a flow.
        of: what they are the density of.
    """
    if frames.solved:
        return f"the density of {of} up to the ODE solver's tolerance"
    return f"the exact density of {of}"


def layers_figure(frames: LayerFrames, height: int = 580) -> go.Figure:
    """Draw the density of every shown z_k, and the same samples after each of them.

    All frames share their axes and one colour scale; a layer that exceeds it says so.

    Args:
        frames: of a flow.
        height: pixels.
    """
    points = window_points(frames.samples, frames.window)
    reach = _reach(frames, points)
    window = (-reach, reach, -reach, reach)
    figure = go.Figure(
        data=[_heatmap(frames, 0), _dots(points[0])],
        frames=[_frame(frames, i, points[i]) for i in range(len(frames.states))],
    )
    figure.update_layout(
        height=height,
        coloraxis=color_axis(frames.density_scale),
        margin={"l": 40, "r": 12, "t": 44, "b": 160},
        hovermode="closest",
        dragmode=False,  # a swipe scrolls the page
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        # A heatmap fills only the box that holds its probability.
        plot_bgcolor=f"rgb{tuple(int(c) for c in PALETTE[0])}",
        annotations=_annotations(frames, 0),
        updatemenus=[_buttons()],
        sliders=[_slider(len(frames.states))],
    )
    square_axes(figure, window)
    return figure


def frame_label(frames: LayerFrames, i: int) -> str:
    """Name a frame: the base, z with its index, or the data."""
    k = frames.states[i]
    name = "z" + str(k).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    if k == 0:
        return f"{name} base"
    return f"{name} = x data" if k == frames.layers else name


def log_det_text(frames: LayerFrames, i: int) -> str:
    """Say how much the layers of frame i stretch (+) or squeeze (−) area, on average, in nats.

    The average is over the samples.
    """
    if i == 0:
        return "base: no layer yet"
    count = frames.states[i] - frames.states[i - 1]
    layers = "this layer" if count == 1 else f"these {count} layers"
    return f"{layers}: mean log|det| {fixed(frames.mean_log_dets[i], sign=True)} nats"


def _reach(frames: LayerFrames, points: NDArray[np.float64]) -> float:
    """Return the half width of a window for base, data and nearly all samples between."""
    most = max(float(np.quantile(np.abs(state), _NEARLY_ALL)) for state in points)
    return max(frames.near, min(most, _FARTHEST))


def _heatmap(frames: LayerFrames, i: int) -> go.Heatmap:
    density = decode_density(frames.density[i], frames.density_scale)
    return density_trace(density, frames.boxes[i])


def _clipped_text(frames: LayerFrames, i: int) -> str:
    return "<br>denser in places than the colours tell" if frames.density[i].max() == 255 else ""


def _frame(frames: LayerFrames, i: int, points: NDArray[np.float64]) -> go.Frame:
    heatmap = _heatmap(frames, i)
    return go.Frame(
        name=str(i),
        data=[
            go.Heatmap(z=heatmap.z, x0=heatmap.x0, dx=heatmap.dx, y0=heatmap.y0, dy=heatmap.dy),
            go.Scatter(x=points[:, 0].astype(np.float32), y=points[:, 1].astype(np.float32)),
        ],
        traces=[0, 1],
        layout={"annotations": _annotations(frames, i)},
    )


def _dots(points: NDArray[np.float64]) -> go.Scatter:
    """Return samples as dots small enough that the density is seen between them."""
    dots = dots_trace(points)
    dots.update(marker_size=3, marker_opacity=0.6, marker_line_width=0.4)
    return dots


def _annotations(frames: LayerFrames, i: int) -> list[dict[str, Any]]:
    """Return what is written below: the frame, and the ends of the slider.

    Plotly drops labels of steps that have no room, the last one first.
    """
    last = len(frames.states) - 1
    told = f"<b>{frame_label(frames, i)}</b><br>{log_det_text(frames, i)}"
    places = [
        (told + _clipped_text(frames, i), 0.5, "center", -32),
        (frame_label(frames, 0), 0.0, "left", _ENDS),
        (frame_label(frames, last), 1.0, "right", _ENDS),
    ]
    return [
        {
            "text": text,
            "showarrow": False,
            "xref": "paper",
            "yref": "paper",
            "x": x,
            "xanchor": anchor,
            "y": 0,
            "yshift": shift,
            "yanchor": "top",
        }
        for text, x, anchor, shift in places
    ]


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
        "pad": {"t": 76},
        "bgcolor": _BUTTON,
        "bordercolor": _BUTTON,
        "font": {"color": _BUTTON_TEXT},
        "buttons": [
            {"label": "▶ Play", "method": "animate", "args": [None, play]},
            {"label": "❚❚ Pause", "method": "animate", "args": [[None], pause]},
        ],
    }


def _slider(count: int) -> dict[str, Any]:
    show = {"frame": {"duration": 0, "redraw": True}} | _INSTANT
    return {
        "x": 0,
        "len": 1,
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 118, "b": 8},
        "currentvalue": {"visible": False},
        "bgcolor": MUTED,
        "activebgcolor": ORANGE,
        "bordercolor": GRID,
        "tickcolor": GRID,
        "ticklen": 4,
        "minorticklen": 0,
        "steps": [
            {"label": "", "method": "animate", "args": [[str(k)], show]} for k in range(count)
        ],
    }
