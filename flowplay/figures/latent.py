"""The density along a path, what sampling costs, and a posterior of one latent, as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from flowplay.figures.colors import BLUE, GRID, MUTED, ORANGE

#: Nats below the lower end of the line through z that the straight one is drawn down to.
_DEPTH = 20.0


def interpolation_figure(log_prob: NDArray[np.floating]) -> go.Figure:
    """Draw log-densities along two paths: straight in z, and straight in x.

    Args:
        log_prob: [2, n] in nats.
    """
    share = np.linspace(0, 1, log_prob.shape[1], dtype=np.float32)
    names = ("line in z", "straight line in x")
    figure = go.Figure(
        [
            go.Scatter(
                x=share,
                y=row.astype(np.float32),
                name=name,
                mode="lines",
                line={"color": color, "width": 2.4, "dash": dash},
                hovertemplate="log p %{y:.2f}<extra>" + name + "</extra>",
            )
            for row, name, color, dash in zip(
                log_prob, names, (ORANGE, BLUE), ("solid", "dash"), strict=True
            )
        ]
    )
    finite = log_prob[np.isfinite(log_prob)]
    top = float(finite.max()) if finite.size else 0.0
    bottom = max(float(finite.min()) if finite.size else -1.0, top - _DEPTH)
    margin = 0.06 * max(top - bottom, 0.1)
    _axes(figure, "part of the path from A to B", "log p, in nats")
    figure.update_yaxes(range=[bottom - margin, top + margin])
    return figure


def cost_figure(rows: Sequence[Mapping[str, Any]], data: float) -> go.Figure:
    """Draw how far samples are from data against what they cost, for each sampler.

    Args:
        rows: as of `SamplingCostView`.
        data: distance of data from other data.
    """
    figure = go.Figure()
    looks = {
        "heun": ("Heun", ORANGE, "circle"),
        "ancestral": ("Ancestral", "#8b62d6", "square"),
        "ode": ("ODE, solved to its tolerance", "#1a9a78", "diamond"),
    }
    for sampler, (name, color, symbol) in looks.items():
        own = [row for row in rows if row["sampler"] == sampler]
        figure.add_trace(
            go.Scatter(
                x=[row["evaluations"] for row in own],
                y=[row["sliced_w2"] for row in own],
                error_y={"array": [row["error"] for row in own], "width": 0, "thickness": 1.4},
                customdata=[[row["steps"], row["milliseconds"]] for row in own],
                name=name,
                mode="lines+markers",
                marker={"symbol": symbol, "size": 8, "color": color},
                line={"color": color, "width": 2},
                hovertemplate="%{x} evaluations, %{customdata[1]:.0f} ms<br>sliced W2 %{y:.3f}"
                + ("" if sampler == "ode" else "<br>%{customdata[0]} steps")
                + f"<extra>{name}</extra>",
            )
        )
    figure.add_hline(
        y=data,
        line={"color": BLUE, "width": 1.6, "dash": "dash"},
        annotation={"text": "data against data", "font": {"size": 11, "color": MUTED}},
    )
    _axes(figure, "evaluations of the network for each sample", "sliced W2")
    figure.update_xaxes(type="log", dtick="D2")
    figure.update_yaxes(rangemode="tozero")
    return figure


def posterior_figure(
    log_posterior: NDArray[np.floating], reach: float, mean: float, std: float
) -> go.Figure:
    """Draw the posterior of one latent, and the encoder's Gaussian.

    Args:
        log_posterior: [n] in nats, of z on an even grid from -reach to reach.
        reach: of the grid.
        mean: of the encoder's Gaussian.
        std: of it.
    """
    z = reach * (2 * (np.arange(len(log_posterior)) + 0.5) / len(log_posterior) - 1)
    encoder = np.exp(-0.5 * ((z - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))
    curves = (
        ("p(z|x), true", np.exp(log_posterior), BLUE, "solid"),
        ("q(z|x), encoder", encoder, ORANGE, "dash"),
    )
    figure = go.Figure(
        [
            go.Scatter(
                x=z.astype(np.float32),
                y=y.astype(np.float32),
                name=name,
                mode="lines",
                line={"color": color, "width": 2.2, "dash": dash},
                hovertemplate="z %{x:.2f}, density %{y:.3f}<extra>" + name + "</extra>",
            )
            for name, y, color, dash in curves
        ]
    )
    _axes(figure, "z", "density")
    figure.update_yaxes(rangemode="tozero")
    return figure


def _axes(figure: go.Figure, across: str, up: str) -> None:
    ends = {"gridcolor": GRID, "zeroline": False, "fixedrange": True}
    figure.update_layout(
        height=320,
        dragmode=False,
        margin={"l": 8, "r": 12, "t": 44, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": across, **ends},
        yaxis={"title": up, **ends},
    )
