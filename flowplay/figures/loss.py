"""The loss of a run: train and held-out NLL above the target's entropy, in nats."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from flowplay.figures.colors import BLUE, GRID, ORANGE
from flowplay.ticks import round_up

Curve = NDArray[np.floating]
"""[n, 2] rows of (optimizer step, NLL in nats), in order of step."""

TRAIN = "train NLL"
HELD_OUT = "held-out NLL"

_TRAIN_WIDTH, _HELD_OUT_WIDTH, _FLOOR_WIDTH = 1.2, 2.4, 1.6
_TRAIN_OPACITY = 0.5

#: The y axis reaches this many times as far above its foot as three quarters of the curve do.
_ZOOM = 3.0

#: The least height of the y axis, in nats: below, one would watch noise.
_MIN_SPAN = 0.25


def loss_figure(
    train: Curve, held_out: Curve, entropy: float | None, height: int = 340
) -> go.Figure:
    """Draw a run's loss as a Plotly figure.

    Args:
        train: [n, 2] rows of (step, mean train NLL since the row before), in nats.
        held_out: [m, 2] rows of (step, held-out NLL), in nats.
        entropy: the target's entropy in nats, which no honest held-out NLL passes; None if unknown.
        height: pixels.
    """
    table = loss_table(train, held_out)
    low, high = loss_range(train, held_out, entropy)
    figure = go.Figure(
        [
            _line(table, TRAIN, _TRAIN_WIDTH, _TRAIN_OPACITY),
            _line(table, HELD_OUT, _HELD_OUT_WIDTH, 1.0),
        ]
    )
    if entropy is not None:
        figure.add_hline(
            y=entropy,
            line={"color": BLUE, "width": _FLOOR_WIDTH, "dash": "dash"},
            annotation={
                "text": floor_label(entropy),
                "font": {"color": BLUE},
                "xanchor": "right",
                "yanchor": "top",
            },
        )
    figure.update_layout(
        height=height,
        hovermode="x unified",
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        margin={"l": 52, "r": 12, "t": 32, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis={
            "title": "optimizer step",
            "rangemode": "tozero",
            "showgrid": False,
            "zeroline": False,
            "nticks": 6,
        },
        yaxis={"title": "nats", "range": [low, high], "gridcolor": GRID, "zeroline": False},
    )
    figure.update_xaxes(unifiedhovertitle={"text": "step %{x}"})
    return figure


def loss_table(train: Curve, held_out: Curve) -> pd.DataFrame:
    """Return both curves on the union of their steps, each as the straight lines drawn of it.

    So a hover can read both at every step; outside a curve's own steps it has no value. Rows that
    hold no finite number are left out.

    Args:
        train: [n, 2] rows of (step, NLL in nats).
        held_out: [m, 2] rows of (step, NLL in nats).
    """
    curves = {TRAIN: _finite(train), HELD_OUT: _finite(held_out)}
    steps = np.unique(np.concatenate([curve[:, 0] for curve in curves.values()]))
    columns = {name: _read_off(curve, steps) for name, curve in curves.items()}
    return pd.DataFrame({"step": steps.astype(np.int32), **columns})


def loss_range(train: Curve, held_out: Curve, entropy: float | None) -> tuple[float, float]:
    """Return the y axis (low, high) in nats, at round values: a huge first loss runs off its top.

    Args:
        train: [n, 2] rows of (step, NLL in nats).
        held_out: [m, 2] rows of (step, NLL in nats).
        entropy: the target's entropy in nats, always inside; None if unknown.
    """
    values = np.concatenate([_finite(train)[:, 1], _finite(held_out)[:, 1]])
    floor = [] if entropy is None else [entropy]
    if not len(values):
        values = np.array([0.0, 1.0]) + (entropy or 0.0)
    low = min([float(values.min()), *floor])
    reach = _ZOOM * (float(np.quantile(values, 0.75)) - low)
    high = min(float(values.max()), low + max(reach, _MIN_SPAN))
    span = max(high - low, _MIN_SPAN)
    # Round values, so that the axis rests between most snapshots, with room for the floor's label.
    step = round_up(span / 20)
    return (
        round(step * math.floor((low - 0.12 * span) / step), 6),
        round(step * math.ceil((low + 1.04 * span) / step), 6),
    )


def floor_label(entropy: float) -> str:
    """Return what stands at the floor.

    Example:
        >>> floor_label(0.28983)
        'entropy floor 0.290'
    """
    return f"entropy floor {entropy:.3f}"


def _finite(curve: Curve) -> Curve:
    return curve[np.isfinite(curve).all(axis=1)]


def _read_off(curve: Curve, steps: NDArray[np.floating]) -> NDArray[np.float32]:
    if not len(curve):
        return np.full(len(steps), np.nan, np.float32)
    known, values = curve.T
    read: NDArray[np.float64] = np.interp(steps, known, values, left=np.nan, right=np.nan)
    return read.astype(np.float32)


def _line(table: pd.DataFrame, name: str, width: float, opacity: float) -> go.Scatter:
    return go.Scatter(
        x=table["step"].to_numpy(),
        y=table[name].to_numpy(),
        name=name,
        mode="lines",
        opacity=opacity,
        line={"color": ORANGE, "width": width},
        hovertemplate="%{y:.4f}",
    )
