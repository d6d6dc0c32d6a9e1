"""The page: the share that is called anomalous, and its sections."""

from __future__ import annotations

from typing import Final

import streamlit as st

from flowplay.config import RunConfig
from flowplay.engine import Run, RunView
from flowplay.problems import Energy, ImageProblem, Tabular
from flowplay.ui.anomalies.deceived import deceived_section
from flowplay.ui.anomalies.plane import plane_section
from flowplay.ui.anomalies.rows import rows_section
from flowplay.ui.anomalies.slice import slice_section
from flowplay.ui.runs import ACTIVE
from flowplay.ui.shell import page_link
from flowplay.ui.terms import prose
from flowplay.ui.trained import Trained, stands_at, wait_for

#: The built-in example: a flow that has seen benign rows alone. It is small, and learns rows with
#: noise: of 25 settings it has the best NLL of held-out benign rows (seeds 10 and 11). No
#: malignant row had a say in that.
EXAMPLE: Final = RunConfig(
    target="table",
    target_options={"data": "breast_cancer_benign", "jitter": 0.15},
    architecture="maf",
    depth=3,
    width=8,
    batch_size=128,
    samples=100_000,
    budget=15,
    budget_unit="seconds",
)

_MOONS: Final = RunConfig(target="moons", architecture="nsf")


def why_no_scores(config: RunConfig) -> str:
    """Say in one sentence why a config's model cannot be asked for scores here; empty if it can."""
    if isinstance(config.problem(), ImageProblem):
        return "Anomalies among images have a section on the page Images."
    if config.entry.likelihood == "none":
        return f"{config.entry.label} gives points no likelihood, so it cannot score them."
    return ""


def anomalies_page(config: RunConfig, run: Run, view: RunView) -> None:
    """Show what a run finds unlikely.

    Args:
        config: of the run.
        run: the run.
        view: of it, looked at before anything of the page was drawn.
    """
    prose(
        "A model that knows the [[density]] of its data can say which points are unlikely. The "
        "anomaly score of a point is −log p, in [[nats]]. A point is called an anomaly if its "
        "score lies above a threshold, which is a [[quantile]] of the scores of [[held-out]] "
        "points."
    )
    if why := why_no_scores(config):
        st.info(why, icon=":material/block:")
        _offers(config)
        return
    if view.header is None or view.header.step == 0 or run.state is None:
        st.caption("Press Train. The scores appear when the model has learned for a while.")
        _offers(config)
        wait_for(run, view, first=True)
        return
    if view.phase in ACTIVE:
        stands_at(view.header.step, active=True, key="anomalies_look")
    trained = Trained(config, run.id, view.header.step, run.state)
    share = _pick_share(config)
    problem = config.problem()
    if problem.window is not None:
        plane_section(trained, share)
    elif isinstance(problem, Tabular):
        slice_section(trained, problem, share)
    if problem.dim == 2 or isinstance(problem, Tabular):
        rows_section(trained, problem, share, view)
    deceived_section(trained, share)
    st.divider()
    _offers(config)
    wait_for(run, view, first=False)


def _pick_share(config: RunConfig) -> float:
    points = "exact draws of the density" if isinstance(config.problem(), Energy) else "points"
    percent = st.slider(
        "Share of held-out points called anomalous",
        0.1,
        50.0,
        5.0,
        0.1,
        format="%.1f %%",
        key="anomalies_share",
        help=f"The threshold is the score that this share of held-out {points} exceeds. Rows that "
        "are judged below are never among them.",
        persist_state="session",
        width=420,
    )
    return float(percent) / 100


def _offers(config: RunConfig) -> None:
    """Offer runs to look at, other than the one that is shown."""
    with st.container(horizontal=True):
        if config.target_options.get("data") != EXAMPLE.target_options["data"]:
            page_link(
                "pages/anomalies.py",
                EXAMPLE,
                label="Example: breast cancer",
                icon=":material/biotech:",
                help="A flow learns 16 columns of benign tumours for 15 seconds. Then it scores "
                "unseen benign rows and malignant ones. The run that is shown now stays as it is.",
            )
        if config.problem().window is None:
            page_link(
                "pages/anomalies.py",
                _MOONS,
                label="Open two moons",
                icon=":material/play_circle:",
                help="In the plane the threshold is a line, and you can click any point.",
            )
        if isinstance(config.problem(), ImageProblem):
            page_link(
                "pages/images.py",
                config,
                label="Open this run on the page Images",
                icon=":material/image:",
                help="Its section Anomalies scores unusual images.",
                about={"section": "anomalies"},
            )
