"""Where likelihood deceives: points of a tighter Gaussian, which are no data, score best."""

from __future__ import annotations

import numpy as np
import streamlit as st

from flowplay.anomalies import threshold
from flowplay.figures.scores import scores_figure
from flowplay.numbers import fixed, whole
from flowplay.ui.terms import prose
from flowplay.ui.trained import Trained
from flowplay.wire import TighterView


def deceived_section(trained: Trained, share: float) -> None:
    """Show that draws of a tight Gaussian where the data are dense look better than the data."""
    st.subheader("Where likelihood deceives", anchor=False)
    prose(
        "A high [[density]] does not say that a point is typical. Here a test set is made that "
        "does not come from the data: draws of a Gaussian around the most likely held-out point, "
        "with a fiftieth of the spread of the data in every direction. As a set it is plainly "
        "something else. But the score looks at one point at a time, and finds these points "
        "*less* anomalous than the data."
    )
    found = trained.found(TighterView, "tighter_points")
    if found is None:
        return
    limit = threshold(found.held_out, share)
    above = int((found.tighter > limit).sum())
    better = float((found.tighter < np.median(found.held_out)).mean())
    with st.container(horizontal=True):
        st.metric(
            "Mean score of held-out points",
            f"{fixed(float(found.held_out.mean()), 2)} nats",
            help="The mean of −log p.",
        )
        st.metric("Mean score of the tighter set", f"{fixed(float(found.tighter.mean()), 2)} nats")
        st.metric(
            "AUC of the tighter set",
            fixed(found.auc),
            help="How often a point of the tighter set has a higher score than a held-out point. "
            "0.5 is chance; below it the score points the wrong way.",
        )
        st.metric(
            "Better than the median",
            f"{fixed(100 * better, 0)} %",
            help="The share of the tighter set whose score is below the median of held-out "
            "points: 50 % of the data have that.",
        )
        st.metric("Called anomalous", f"{whole(above)} of {whole(len(found.tighter))}")
    st.plotly_chart(
        scores_figure({"held-out points": found.held_out, "tighter set": found.tighter}, limit),
        key="tighter_chart",
        config={"displayModeBar": False},
        alt="Histograms of the scores of held-out points and of the tighter set.",
    )
    st.caption(
        "The same happens with images, where flows find other, simpler data sets more likely than "
        "their own (Nalisnick et al., Do Deep Generative Models Know What They Don't Know?, 2019)."
    )
