"""Anomaly scores as histograms, and how well they tell anomalies, as curves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from flowplay.figures.colors import BLUE, GRID, MUTED, ORANGE

_BINS = 48

#: Share of the scores at each end that may lie beyond the histogram.
_BEYOND = 0.01


def scores_figure(groups: Mapping[str, NDArray[np.floating]], threshold: float) -> go.Figure:
    """Draw the scores of each group as a histogram, with the threshold as a line.

    Each histogram has an area of 1, so that groups of any size compare. Scores that are far beyond
    the others are counted in the last bin of their side.

    Args:
        groups: label -> scores [n] in nats, ordinary ones first.
        threshold: in nats.
    """
    finite = {label: s[np.isfinite(s)] for label, s in groups.items()}
    ends = [np.quantile(s, (_BEYOND, 1 - _BEYOND)) for s in finite.values() if len(s)]
    low = min([threshold, *(float(e[0]) for e in ends)])
    high = max([threshold, *(float(e[1]) for e in ends)])
    middle = float(np.median(np.concatenate(list(finite.values()))))
    # One group may lie thousands of nats away: the others must still be seen.
    high = min(high, middle + 12 * max(1.0, threshold - low))
    margin = 0.03 * max(high - low, 1e-6)
    edges = np.linspace(low - margin, high + margin, _BINS + 1)
    centres, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    figure = go.Figure()
    for number, (label, scores) in enumerate(finite.items()):
        counts, _ = np.histogram(np.clip(scores, edges[0], edges[-1]), edges)
        figure.add_trace(
            go.Bar(
                x=centres.astype(np.float32),
                y=(counts / max(1, counts.sum()) / width).astype(np.float32),
                width=width,
                name=f"{label} ({len(groups[label]):,})",
                marker={"color": (BLUE, ORANGE, MUTED)[number], "line": {"width": 0}},
                opacity=0.6,
                hovertemplate="score %{x:.2f}<extra>" + label + "</extra>",
            )
        )
    figure.add_vline(
        x=threshold,
        line={"color": MUTED, "width": 1.6, "dash": "dash"},
        annotation={"text": "threshold", "font": {"size": 11, "color": MUTED}},
    )
    figure.update_layout(
        height=280,
        barmode="overlay",
        bargap=0,
        dragmode=False,
        margin={"l": 8, "r": 12, "t": 44, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={
            "title": "anomaly score, −log p, in nats",
            "gridcolor": GRID,
            "zeroline": False,
            "fixedrange": True,
        },
        yaxis={"visible": False, "fixedrange": True},
    )
    return figure


def roc_figure(curves: NDArray[np.floating]) -> go.Figure:
    """Draw the ROC curve: how many anomalies are found for how many false alarms.

    Args:
        curves: [k, 4] rows of false positive rate, true positive rate, recall, precision.
    """
    names = ("false positive rate", "true positive rate")
    return _curve(curves[:, 0], curves[:, 1], names, chance=(0, 1), shape="hv")


def precision_recall_figure(curves: NDArray[np.floating], anomalies: float) -> go.Figure:
    """Draw the precision-recall curve: how many of those that are called are anomalies.

    Args:
        curves: as of `roc_figure`.
        anomalies: share of anomalies among the rows: what chance has as precision.
    """
    names = ("recall", "precision")
    return _curve(curves[:, 2], curves[:, 3], names, chance=(anomalies, anomalies), shape="linear")


def _curve(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    names: tuple[str, str],
    *,
    chance: tuple[float, float],
    shape: str,
) -> go.Figure:
    across, up = names
    figure = go.Figure(
        [
            go.Scatter(
                x=[0, 1],
                y=chance,
                mode="lines",
                line={"color": MUTED, "width": 1.2, "dash": "dash"},
                hovertemplate="chance<extra></extra>",
            ),
            go.Scatter(
                x=x.astype(np.float32),
                y=y.astype(np.float32),
                mode="lines",
                line={"color": ORANGE, "width": 2, "shape": shape},
                hovertemplate=f"{across} %{{x:.3f}}<br>{up} %{{y:.3f}}<extra></extra>",
            ),
        ]
    )
    ends = {"range": [-0.02, 1.02], "gridcolor": GRID, "zeroline": False, "fixedrange": True}
    figure.update_layout(
        height=320,
        showlegend=False,
        dragmode=False,
        margin={"l": 8, "r": 12, "t": 12, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis={"title": across, **ends},
        yaxis={"title": up, **ends},
    )
    return figure
