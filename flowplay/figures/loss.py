"""The loss of a run over optimizer steps, above the target's entropy where that is known."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from flowplay.figures.colors import BLUE, GRID, ORANGE
from flowplay.numbers import fixed
from flowplay.ticks import round_up
from flowplay.wire import Curve

Rows = NDArray[np.floating]
"""[n, 2] rows of (optimizer step, value), in order of step."""

_TRAIN_WIDTH, _HELD_OUT_WIDTH, _FLOOR_WIDTH = 1.2, 2.4, 1.6
_TRAIN_OPACITY = 0.5

#: The y axis reaches this many times as far above its foot as three quarters of the curve do.
_ZOOM = 3.0

#: And at most so many times as far as the first value does: what diverges runs off its top.
_FAR = 10.0

#: The least height of the y axis, in nats: below, one would watch noise.
_MIN_SPAN = 0.25


def curves_of_one_unit(curves: Mapping[str, Curve]) -> dict[str, Curve]:
    """Return the curves that one axis can show: the held-out loss, and the train loss beside it.

    A train loss of another unit is left out; where nothing is held out, it stands alone.

    Args:
        curves: of a snapshot, by name.
    """
    shown = {name: curves[name] for name in ("train", "held_out") if name in curves}
    if "held_out" in shown and "train" in shown and shown["train"].unit != shown["held_out"].unit:
        del shown["train"]
    return shown


def loss_figure(
    curves: Mapping[str, Curve],
    entropy: float | None,
    height: int = 340,
    floor: str = "entropy floor",
) -> go.Figure:
    """Draw a run's loss as a Plotly figure.

    Args:
        curves: of a snapshot, by name; see `curves_of_one_unit`.
        entropy: the least loss that can be expected, in nats; None if unknown.
        height: pixels.
        floor: what that is called.
    """
    shown = curves_of_one_unit(curves)
    table = loss_table(shown)
    low, high = loss_range(shown, entropy)
    figure = go.Figure([_line(table, name, curve.label) for name, curve in shown.items()])
    if entropy is not None:
        figure.add_hline(
            y=entropy,
            line={"color": BLUE, "width": _FLOOR_WIDTH, "dash": "dash"},
            annotation={
                "text": floor_label(entropy, floor),
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
        yaxis={
            "title": axis_title(shown),
            "range": [low, high],
            "gridcolor": GRID,
            "zeroline": False,
        },
    )
    figure.update_xaxes(unifiedhovertitle={"text": "step %{x}"})
    return figure


def axis_title(curves: Mapping[str, Curve]) -> str:
    """Return what stands at the axis: the unit, or the loss where it has none."""
    curve = next(iter(curves.values()), None)
    return "" if curve is None else curve.unit or curve.label


def loss_rows(
    curves: Mapping[str, Curve],
) -> tuple[NDArray[np.floating], dict[str, NDArray[np.float32]]]:
    """Return the union of the curves' steps, and each curve as the straight lines drawn of it.

    So a hover can read all of them at every step; outside a curve's own steps it has no value.
    Points that are no finite numbers are left out.
    """
    points = {name: _finite(curve.points) for name, curve in curves.items()}
    steps = np.unique(np.concatenate([np.zeros(0), *(own[:, 0] for own in points.values())]))
    return steps, {name: _read_off(own, steps) for name, own in points.items()}


def loss_table(curves: Mapping[str, Curve]) -> pd.DataFrame:
    """Return what `loss_rows` does as a table.

    Args:
        curves: by name, which becomes the column's.
    """
    steps, rows = loss_rows(curves)
    return pd.DataFrame({"step": steps.astype(np.int32), **rows})


def loss_range(
    curves: Mapping[str, Curve], entropy: float | None, *, rising: bool = False
) -> tuple[float, float]:
    """Return the y axis (low, high), at round values: a huge first loss runs off its top.

    Args:
        curves: by name.
        entropy: the floor in nats, always inside; None if unknown.
        rising: the curves rise, towards a ceiling in place of a floor.
    """
    if rising:
        turned = {
            n: Curve(c.label, c.unit, c.points * np.array([1, -1], np.float32))
            for n, c in curves.items()
        }
        low, high = loss_range(turned, None if entropy is None else -entropy)
        return -high, -low
    values = np.concatenate([np.zeros(0), *(_finite(c.points)[:, 1] for c in curves.values())])
    floor = [] if entropy is None else [entropy]
    if not len(values):
        values = np.array([0.0, 1.0]) + (entropy or 0.0)
    low = min([float(values.min()), *floor])
    # The first values are those of the untrained model; where it diverged, most may be far above.
    firsts = [float(_finite(c.points)[0, 1]) for c in curves.values() if len(_finite(c.points))]
    most = _FAR * max(min(firsts, default=0.0) - low, _MIN_SPAN)
    reach = min(_ZOOM * (float(np.quantile(values, 0.75)) - low), most)
    high = min(float(values.max()), low + max(reach, _MIN_SPAN))
    span = max(high - low, _MIN_SPAN)
    # Round values, so that the axis rests between most snapshots, with room for the floor's label.
    step = round_up(span / 20)
    return (
        round(step * math.floor((low - 0.12 * span) / step), 6),
        round(step * math.ceil((low + 1.04 * span) / step), 6),
    )


def floor_label(entropy: float, name: str = "entropy floor") -> str:
    """Return what stands at the floor.

    Example:
        >>> floor_label(0.28983)
        'entropy floor 0.290'
    """
    return f"{name} {fixed(entropy)}"


def _finite(rows: Rows) -> Rows:
    return rows[np.isfinite(rows).all(axis=1)]


def _read_off(rows: Rows, steps: NDArray[np.floating]) -> NDArray[np.float32]:
    if not len(rows):
        return np.full(len(steps), np.nan, np.float32)
    known, values = rows.T
    read: NDArray[np.float64] = np.interp(steps, known, values, left=np.nan, right=np.nan)
    return read.astype(np.float32)


def _line(table: pd.DataFrame, name: str, label: str) -> go.Scatter:
    thin = name == "train"
    return go.Scatter(
        x=table["step"].to_numpy(),
        y=table[name].to_numpy(),
        name=label,
        mode="lines",
        opacity=_TRAIN_OPACITY if thin else 1.0,
        line={"color": ORANGE, "width": _TRAIN_WIDTH if thin else _HELD_OUT_WIDTH},
        hovertemplate="%{y:.4f}",
    )
