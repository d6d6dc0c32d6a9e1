"""More than two columns: the rows along two of them, and the log-density through one row."""

from __future__ import annotations

import numpy as np
import streamlit as st

from flowplay.anomalies import percentile, threshold
from flowplay.anomalies.plane import contour
from flowplay.numbers import fixed, whole
from flowplay.problems import Tabular
from flowplay.ui.components.score_view import read_point, score_view
from flowplay.ui.picture_views import chosen_pair, pair_picker, pair_window
from flowplay.ui.trained import Trained
from flowplay.wire import SliceView

_VIEW = "anomalies_pair"
_ROW = "_anomaly_row"

#: Rows that the picture shows at most.
_SHOWN = 2000


def slice_section(trained: Trained, problem: Tabular, share: float) -> None:
    """Show two columns of the rows, and the log-density along them through a chosen row."""
    st.subheader("Through one row", anchor=False)
    with st.container(horizontal=True):
        pair_picker(problem)
    across, up = chosen_pair(problem)
    if across == up:
        st.caption("Choose two columns that differ.")
        return
    window = pair_window(problem, across, up)
    scaling = problem.scaling(trained.config.seed)
    rows = problem.table.rows[:_SHOWN]
    points = scaling.apply(rows)[:, [across, up]]
    number = min(int(st.session_state.get(_ROW, 0)), len(rows) - 1)
    names = f"{problem.columns[across]} across, {problem.columns[up]} up"

    def choose() -> None:
        if (at := read_point(st.session_state.get(_VIEW))) is not None:
            st.session_state[_ROW] = int(np.argmin(((points - at) ** 2).sum(1)))

    left, right = st.columns(2)
    with left:
        st.markdown(f"**Rows of {problem.title}**")
        score_view(
            None,
            bounds=window,
            points=points,
            mark=(float(points[number, 0]), float(points[number, 1])),
            alt=f"{whole(len(rows))} rows of {problem.title}, {names}.",
            key=_VIEW,
            note=f"Click a row. {names}",
            on_pick=choose,
        )
    with right:
        st.markdown(f"**log p through row {number + 1}**")
        found = trained.found(
            SliceView,
            "density_slice",
            across,
            up,
            tuple(float(v) for v in rows[number]),
            tuple(float(v) for v in window),
        )
        if found is None:
            return
        limit = threshold(found.calibration, share)
        kinds = {"exact": "Exact", "bound": "Lower bound of the"}
        exact = kinds.get(found.exactness, "Estimate of the")
        score_view(
            found.log_density,
            bounds=window,
            contour=contour(found.log_density, window, -limit),
            mark=(float(points[number, 0]), float(points[number, 1])),
            alt=f"Log-density of the model along two columns, {names}; all others as in row "
            f"{number + 1}.",
            key="anomalies_slice",
            note=f"{exact} log-density in nats; all other columns as in this row",
            on_pick=None,
        )
    split = problem.split(trained.config.seed)
    part = "trained on" if number in split.train else "held out"
    rank = percentile(found.calibration, found.score)
    st.caption(
        f"Row {number + 1} was {part}. Its score is {fixed(found.score, 2)} nats, which is at "
        f"percentile {fixed(100 * rank, 0)} of held-out rows. On the line, −log p is the "
        f"threshold of {fixed(limit, 2)} nats: outside of it the row would be called anomalous, "
        "if only these two columns changed. Numbers are in standard deviations."
    )
