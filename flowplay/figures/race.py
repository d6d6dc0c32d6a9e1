"""The contestants of a race in one chart, and in one figure with what each has cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from flowplay.figures.colors import BLUE, GRID, RACERS
from flowplay.figures.loss import Rows, floor_label, loss_range
from flowplay.race import Standing, leaders, shown_columns
from flowplay.ticks import round_up
from flowplay.wire import Curve

#: Plotly's names of the dashes of `RACERS`.
_DASHES = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True)
class RacerCurve:
    """The held-out loss of one contestant.

    Attributes:
        label: what it is called.
        place: its number in the race from 0, which decides its colour.
        steps: [n, 2] float rows of (optimizer step, loss).
        seconds: [n] seconds of training at these steps.
    """

    label: str
    place: int
    steps: Rows
    seconds: NDArray[np.floating]

    def rows(self, *, over_seconds: bool) -> Rows:
        """Return [m, 2] rows of (step or seconds, loss), all finite."""
        across = self.seconds if over_seconds else self.steps[:, 0]
        rows = np.column_stack([across, self.steps[:, 1]])
        finite: Rows = rows[np.isfinite(rows).all(axis=1)]
        return finite


def race_range(curves: Sequence[RacerCurve], floor: float | None) -> tuple[float, float]:
    """Return the axis of the loss (low, high) that suits all contestants.

    It ends a little above the best untrained model: a loss beyond that is that of a run that
    diverges.
    """
    rows = [c.rows(over_seconds=False) for c in curves]
    named = {c.label: Curve(c.label, "", r) for c, r in zip(curves, rows, strict=True)}
    low, high = loss_range(named, floor)
    start = min((float(r[0, 1]) for r in rows if len(r)), default=high)
    step = round_up((high - low) / 20)
    return low, min(high, round(step * math.ceil((start + 0.1 * (start - low)) / step), 6))


def race_figure(
    curves: Sequence[RacerCurve],
    standings: Sequence[Standing],
    *,
    floor: float | None,
    floor_name: str,
    unit: str,
) -> go.Figure:
    """Draw the summary of a race: the loss over seconds, and a table of what each has cost.

    Args:
        curves: of the contestants that have a held-out loss.
        standings: of all contestants.
        floor: of the loss, None if unknown.
        floor_name: what it is called.
        unit: of the loss.
    """
    figure = make_subplots(
        rows=2,
        cols=1,
        row_heights=[0.5, 0.5],
        vertical_spacing=0.14,
        specs=[[{"type": "xy"}], [{"type": "table"}]],
    )
    for curve in curves:
        x, y = curve.rows(over_seconds=True).T
        color, _ = RACERS[curve.place]
        figure.add_trace(
            go.Scatter(
                x=x.astype(np.float32),
                y=y.astype(np.float32),
                name=curve.label,
                mode="lines",
                line={"color": color, "width": 2.4, "dash": _DASHES[curve.place]},
                hovertemplate="%{y:.4f}",
            ),
            row=1,
            col=1,
        )
    if floor is not None:
        figure.add_hline(
            y=floor,
            row=1,
            col=1,
            line={"color": BLUE, "width": 1.6, "dash": "dash"},
            annotation={
                "text": floor_label(floor, floor_name),
                "font": {"color": BLUE},
                "xanchor": "right",
                "yanchor": "top",
            },
        )
    figure.add_trace(_table(standings), row=2, col=1)
    figure.update_layout(
        height=520 + 62 * len(standings),
        hovermode="x unified",
        dragmode=False,  # a swipe scrolls the page
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        margin={"l": 52, "r": 12, "t": 40, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_xaxes(title="seconds of training", rangemode="tozero", showgrid=False)
    figure.update_xaxes(zeroline=False, unifiedhovertitle={"text": "%{x:.1f} s"})
    low, high = race_range(curves, floor)
    figure.update_yaxes(title=unit, range=[low, high], gridcolor=GRID, zeroline=False)
    return figure


def _table(standings: Sequence[Standing]) -> go.Table:
    lead, shown = leaders(standings), shown_columns(standings)
    first, *others = [(c.title, [c.shown(s) for s in standings], lead[c.name]) for c in shown]
    columns = [
        ("Contestant", [s.label for s in standings], set()),
        first,
        ("Kind", [s.kind for s in standings], set()),
        *others,
    ]
    clear = "rgba(0,0,0,0)"
    cells = {"align": ["left", "left", "right"], "line": {"color": GRID}, "height": 30}
    # A column of its own: markup in a name is shown as text where the column is narrow.
    colors = [RACERS[at][0] for at in range(len(standings))]
    return go.Table(
        columnwidth=[2, *(_characters(title, values) for title, values, _ in columns)],
        header={
            "values": ["", *(title for title, _, _ in columns)],
            "fill": {"color": clear},
            **cells,
        },
        cells={
            "values": [
                ["" for _ in standings],
                *(
                    [f"<b>{value}</b>" if at in best else value for at, value in enumerate(values)]
                    for _, values, best in columns
                ),
            ],
            "fill": {"color": [colors, *(clear for _ in columns)]},
            **cells,
        },
    )


def _characters(title: str, values: Sequence[str]) -> int:
    """Return the width that a column of a table needs: titles are broken between words."""
    return 2 + max(map(len, [*title.split(), *values]))
