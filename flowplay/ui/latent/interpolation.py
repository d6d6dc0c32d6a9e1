"""Between two points: the straight line between their latents, as a curve among the data."""

from __future__ import annotations

import numpy as np
import streamlit as st

from flowplay.config import RunConfig
from flowplay.figures.colors import BLUE
from flowplay.figures.latent import interpolation_figure
from flowplay.numbers import fixed
from flowplay.ui.components.score_view import polyline, read_point, score_view
from flowplay.ui.latent.asking import found_of, log_density_of
from flowplay.ui.look import Look
from flowplay.ui.picture_views import NOTES
from flowplay.wire import InterpolationView, PlaneView

_VIEW = "interpolation_view"
_ENDS = "_interpolation_ends"

#: Where the ends are at first, as parts of the window's sides.
_FIRST = ((0.3, 0.62), (0.7, 0.38))


def interpolation_section(config: RunConfig, look: Look) -> None:
    """Show the paths between two points that a visitor clicks: straight in z, and straight in x."""
    st.subheader("Between two points", anchor=False)
    plane = found_of(PlaneView, "plane_of", look)
    if plane is None:
        return
    start, end = _ends(plane)
    found = found_of(InterpolationView, "interpolation_between", look, start, end)
    through = (
        "The encoder's means are taken as the latents of the two points, and the decoder's mean "
        "leads back. So the curve need not begin and end at the points."
        if config.architecture == "vae"
        else "Each point has one z. The line between the two z is straight; in the data it is the "
        "orange curve."
    )
    left, right = st.columns(2, gap="medium")
    with left:
        lines = []
        if found is not None:
            lines = [(polyline(found.paths[1]), BLUE)]
        score_view(
            log_density_of(plane),
            bounds=plane.window,
            scale=plane.scale,
            alt=f"The model's density with two points, A at {_said(start)} and B at {_said(end)}; "
            "an orange curve between them is straight in z, a blue one is straight in x.",
            key=_VIEW,
            on_pick=_choose,
            contour=None if found is None else polyline(found.paths[0]),
            lines=lines,
            marks=(start, end),
            note=f"{NOTES[plane.exactness]}. Orange: line in z. Blue: straight line in x",
            frame_id=f"{look.run_id[:6]}-{look.step}",
        )
    with right:
        if found is not None:
            st.plotly_chart(
                interpolation_figure(found.log_prob),
                key="interpolation_chart",
                config={"displayModeBar": False},
            )
            lowest = [float(np.nanmin(row)) for row in found.log_prob]
            st.markdown(
                f"Lowest log-density: **{fixed(lowest[0], 2)}** on the line in z, "
                f"**{fixed(lowest[1], 2)}** on the straight line, in nats."
            )
        st.caption(
            f":material/ads_click: A is {_said(start)}, B is {_said(end)}. Click the picture: each "
            f"click moves the end that was set longer ago. {through}"
        )


def _ends(plane: PlaneView) -> tuple[tuple[float, float], tuple[float, float]]:
    held: list[tuple[float, float]] | None = st.session_state.get(_ENDS)
    if held is not None:
        return held[0], held[1]
    left, right, bottom, top = plane.window
    first, second = (
        (left + across * (right - left), bottom + up * (top - bottom)) for across, up in _FIRST
    )
    st.session_state[_ENDS] = [first, second, 0]
    return first, second


def _choose() -> None:
    held = st.session_state.get(_ENDS)
    point = read_point(st.session_state.get(_VIEW))
    if held is not None and point is not None:
        first, second, turn = held
        ends = (point, second) if turn == 0 else (first, point)
        st.session_state[_ENDS] = [*ends, 1 - turn]


def _said(point: tuple[float, float]) -> str:
    return f"({fixed(point[0], 2)}, {fixed(point[1], 2)})"
