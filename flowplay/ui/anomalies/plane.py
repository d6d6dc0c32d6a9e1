"""The plane: the exact density, the contour of the threshold, and a point that is chosen."""

from __future__ import annotations

import numpy as np
import streamlit as st

from flowplay.anomalies import percentile, threshold, verdicts
from flowplay.anomalies.plane import contour, mass_outside
from flowplay.figures import describe_density
from flowplay.grids import density_scale
from flowplay.numbers import fixed, whole
from flowplay.problems import Tabular
from flowplay.ui.components.score_view import read_point, score_view
from flowplay.ui.trained import Trained
from flowplay.wire import PlaneScores, Scored, TestRows

_VIEW = "anomalies_plane"
_POINT = "_anomaly_point"


def plane_section(trained: Trained, share: float) -> None:
    """Show which part of the plane is called anomalous, and the score of a chosen point."""
    found = trained.found(PlaneScores, "scores_of_plane")
    if found is None:
        return
    problem = trained.config.problem()
    limit = threshold(found.calibration, share)
    mass = mass_outside(found.log_density, found.window, limit)
    point: tuple[float, float] | None = st.session_state.get(_POINT)
    left, right = st.columns([3, 2])
    with left:
        kinds = {"exact": "Exact density", "bound": "Lower bound of the density"}
        exact = kinds.get(found.exactness, "Estimate of the density")
        density = np.exp(found.log_density.astype(np.float64))
        score_view(
            found.log_density,
            bounds=found.window,
            scale=density_scale(problem),
            contour=contour(found.log_density, found.window, -limit),
            mark=point,
            alt=describe_density("the model", density, found.window)
            + f" Outside of the line, where −log p is above {fixed(limit, 2)} nats, points are "
            "called anomalous.",
            key=_VIEW,
            note=f"{exact}. On the line, −log p is the threshold",
            frame_id=f"{trained.run_id[:6]}-{trained.step}",
            on_pick=_choose,
        )
    with right:
        with st.container(horizontal=True):
            st.metric(
                "Threshold",
                f"{fixed(limit, 2)} nats",
                help=f"{fixed(100 * share, 1)} % of {whole(len(found.calibration))} held-out "
                "points have a higher score.",
            )
            st.metric(
                "Mass outside the line",
                f"{'' if mass.whole else '≤ '}{fixed(100 * mass.outside, 1)} %",
                help="The probability that the model itself gives to all points outside of the "
                "line: an integral of its density over the cells of the picture. If the model "
                "were perfect, it would be the share of held-out points."
                + ("" if mass.whole else " Part of the line lies outside of the picture."),
            )
        if point is None:
            st.caption(
                ":material/ads_click: Click the picture to test a point. With the keyboard: arrows "
                "move, Enter chooses."
            )
        else:
            _show_point(trained, point, limit)


def _choose() -> None:
    if (point := read_point(st.session_state.get(_VIEW))) is not None:
        st.session_state[_POINT] = point


def _show_point(trained: Trained, point: tuple[float, float], limit: float) -> None:
    problem = trained.config.problem()
    row = np.array([point])
    if isinstance(problem, Tabular):
        row = problem.scaling(trained.config.seed).undo(row)
    rows = TestRows(["x", "y"], row, np.zeros(0, np.int8), [])
    found = trained.found(Scored, "scored_rows", rows.to_bytes())
    if found is None:
        return
    score = float(found.scores[0])
    rank = percentile(found.calibration, score)
    verdict = verdicts(found.scores, limit)[0]
    st.markdown(
        f"**The point** ({fixed(point[0], 2)}, {fixed(point[1], 2)}): "
        + (":orange-badge[anomaly]" if verdict == "anomaly" else ":blue-badge[normal]")
    )
    with st.container(horizontal=True):
        st.metric("Score", f"{fixed(score, 2)} nats", help="−log p of this point.")
        st.metric(
            "Percentile",
            fixed(100 * rank, 1),
            help=f"So many percent of {whole(len(found.calibration))} held-out points have this "
            "score or a lower one.",
        )
