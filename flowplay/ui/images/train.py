"""The section Train: real images beside samples, and what bits per dimension mean."""

from __future__ import annotations

import json

import streamlit as st

from flowplay.config import RunConfig, bounds
from flowplay.engine import Run
from flowplay.numbers import fixed, whole
from flowplay.problems import ImageProblem, OwnImages
from flowplay.ui.components.loss_view import loss_view
from flowplay.ui.follow import follow
from flowplay.ui.images.subject import label_note
from flowplay.ui.live import poll_seconds, progress, waits_for
from flowplay.ui.look import WORKER
from flowplay.ui.own_images import parts_told
from flowplay.ui.picture_views import show_model, show_problem
from flowplay.ui.settings import locked
from flowplay.ui.terms import prose
from flowplay.ui.work import NotDoneError, result_of
from flowplay.wire import Snapshot

#: Reference codes, and what a line of each is called.
_LINES = {
    "uniform": "equal code words",
    "png": "PNG",
    "lzma": "lzma",
    "pixels": "independent pixels",
}

_DIGITS = (
    "Published results for these digits are worse than independent pixels. The code of a textbook "
    "(Tomczak, *Deep Generative Modeling*, 2022), run here: its RealNVP reports 2.77, but its "
    "noise covers only half of each level, so that as a bound for the images it is 3.77; with "
    "noise over the whole level it reaches 2.80. Its integer flow needs 3.22."
)


def train_section(config: RunConfig, run: Run, problem: ImageProblem) -> None:
    """Show real images, samples and bits per dimension, for as long as the run trains."""
    prose(
        "The model learns a probability for every image. Its [[bits per dimension]] say how well: "
        "as many bits each value of an unseen image would take in an ideal code."
        if config.entry.likelihood != "none"
        else "The model learns to draw images; it gives them no probability."
    )
    low, high = bounds("temperature")
    st.slider(
        "Temperature of the samples",
        float(low),
        float(high),
        step=0.05,
        key="temperature",
        disabled=locked("temperature"),
        help="Scales the noise z that samples are made of. Nothing is trained again. Below 1 "
        "samples are more alike and cleaner.",
        persist_state="session",
        width=420,
    )
    lines = _references(config)
    drawn = run.view()
    wait = waits_for(run)

    def look() -> None:
        view = run.view()
        snapshot = None if view.snapshot is None else Snapshot.from_bytes(view.snapshot)
        progress(view, snapshot, run.config)
        left, middle, right = st.columns(3)
        with left:
            st.markdown("**Data**")
            show_problem(problem, key=f"images_data_{config.target}_{config.seed}")
        with middle, st.container(key="density"):
            st.markdown("**Samples**")
            if snapshot is None:
                st.caption("The first samples appear here, once the model is built.")
            else:
                show_model(snapshot, run=run.id[:6], samples=False, key="images_samples")
        with right, st.container(key="loss"):
            _bits(snapshot, lines, config)
        if drawn.pending and (view.phase is not drawn.phase or not view.pending):
            st.rerun()
        wait(view)

    follow(look, poll_seconds() if drawn.pending else None)
    if config.target == "digits":
        st.caption(_DIGITS)
    if isinstance(problem, OwnImages):
        st.caption(parts_told(problem, config.seed))


def _bits(snapshot: Snapshot | None, lines: dict[str, float], config: RunConfig) -> None:
    bound = "bound of " if config.entry.likelihood == "bound" else ""
    st.markdown(f"**Bits per dimension**: {bound}the code length of each value")
    if snapshot is None:
        return
    told = ", ".join(f"{m.label} {fixed(m.value)}" for m in snapshot.measurements.values())
    beside = ", ".join(f"{label} {fixed(value, 2)}" for label, value in lines.items())
    loss_view(
        snapshot.curves,
        entropy=None,
        references=lines if config.entry.likelihood != "none" else {},
        alt="Bits per dimension against optimizer step. "
        f"At step {whole(snapshot.header.step)}: {told}. To compare: {beside}.",
        key="images_bits",
        height=340,
    )
    if lines:
        st.caption(
            "Blue: codes without a flow, for the test images. Independent pixels know how often "
            "each pixel has each level in the training part. Orange: the model, on images that no "
            "step sees." + label_note(config)
        )


def _references(config: RunConfig) -> dict[str, float]:
    """Return bits per dimension of codes without a flow by their label; none while they fail."""
    about = RunConfig(
        target=config.target, target_options=config.target_options, seed=config.seed
    ).model_dump_json()
    try:
        data = result_of("image_references", about, f"{WORKER}:image_references", about)
    except NotDoneError:
        return {}
    found = json.loads(data)
    return {label: float(found[name]) for name, label in _LINES.items() if name in found}
