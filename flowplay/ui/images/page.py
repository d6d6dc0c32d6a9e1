"""The page: its sections, the one that the address names, and the run that they look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from flowplay.config import RunConfig
from flowplay.engine import Run
from flowplay.problems import ImageProblem
from flowplay.ui.follow import follow
from flowplay.ui.images.anomalies import anomalies_section
from flowplay.ui.images.draw import draw_section
from flowplay.ui.images.latent import latent_section
from flowplay.ui.images.noise import noise_section
from flowplay.ui.images.scales import scales_section
from flowplay.ui.images.subject import Subject
from flowplay.ui.images.train import train_section
from flowplay.ui.images.walk import walk_section
from flowplay.ui.runs import ACTIVE
from flowplay.ui.settings import SECTION
from flowplay.ui.shell import page_link

_PICK = "images_section"
_POLL = 1.0

#: What the page offers where the run is of something else.
GLOW = RunConfig(target="digits", architecture="glow", budget=60, budget_unit="seconds")
WITH_LABELS = GLOW.model_copy(update={"options": GLOW.options | {"label": "given"}})


@dataclass(frozen=True)
class _Section:
    """A section that looks at a trained run.

    Attributes:
        title: as it is chosen.
        show: draws it.
        needs_z: whether it needs a flow that takes images to a base.
    """

    title: str
    show: Callable[[Subject], None]
    needs_z: bool = True


#: By the name in the address, after `train`.
_SECTIONS = {
    "scales": _Section("Scales", scales_section),
    "walk": _Section("Walk", walk_section),
    "latent": _Section("Latent", latent_section),
    "draw": _Section("Draw", draw_section, needs_z=False),
    "noise": _Section("Noise", noise_section),
    "anomalies": _Section("Anomalies", anomalies_section, needs_z=False),
}
_TITLES = {"train": "Train", **{name: section.title for name, section in _SECTIONS.items()}}


def offer_images(config: RunConfig) -> bool:
    """Offer runs of images if the run is of something else; return whether it is."""
    if isinstance(config.problem(), ImageProblem):
        return False
    st.info(
        f"This page is about images. The run now is {config.problem().label} with "
        f"{config.entry.label}.",
        icon=":material/image:",
    )
    with st.container(horizontal=True):
        page_link(
            "pages/images.py",
            GLOW,
            label="Open Glow on digits",
            icon=":material/play_circle:",
            help="Digits, learned for 60 seconds. The run that is shown now stays as it is.",
        )
        page_link(
            "pages/images.py",
            WITH_LABELS,
            label="Open Glow on digits with their labels",
            icon=":material/label:",
            help="The model is given the label of each digit, so that labels can be changed and "
            "told.",
        )
    return True


def images_page(config: RunConfig, run: Run) -> None:
    """Show the section that is chosen, at first the one that the address names."""
    problem = config.problem()
    assert isinstance(problem, ImageProblem), "see offer_images"
    name = _pick_section()
    if name == "train":
        train_section(config, run, problem)
        return
    view = run.view()
    active = view.phase in ACTIVE
    if view.header is None or view.header.step == 0 or run.state is None:
        st.caption("Press Train. This section shows what the model has learned after a while.")
        _wait(run, first=True)
        return
    section = _SECTIONS[name]
    if section.needs_z and config.entry.likelihood != "bound":
        st.info(
            f"{config.entry.label} has no continuous z for images. Open Glow to see this section.",
            icon=":material/image_not_supported:",
        )
        page_link(
            "pages/images.py",
            GLOW,
            label="Open Glow on digits",
            icon=":material/play_circle:",
            help="Digits, learned for 60 seconds. The run that is shown now stays as it is.",
        )
        return
    step = view.header.step
    st.caption(
        f"Step {step:,}"
        + (", still training: press Look again for the newest weights." if active else ".")
    )
    if active:
        st.button(
            "Look again",
            key="images_look",
            icon=":material/refresh:",
            help="Shows this section with the weights as they are now.",
        )
    subject = Subject(config, problem, run.id, step, run.state, view.hot.temperature)
    section.show(subject)
    _wait(run, first=False)


def _pick_section() -> str:
    asked = st.query_params.get(SECTION)
    if _PICK not in st.session_state:
        st.session_state[_PICK] = asked if asked in _TITLES else "train"
    st.segmented_control(
        "Section",
        list(_TITLES),
        required=True,
        format_func=_TITLES.__getitem__,
        key=_PICK,
        label_visibility="collapsed",
        persist_state="session",
    )
    name = str(st.session_state[_PICK])
    if asked != name:
        st.query_params[SECTION] = name
    return name


def _wait(run: Run, *, first: bool) -> None:
    """Run the page again when the run has its first step, or begins or ends to train."""
    drawn = run.view()

    def look() -> None:
        view = run.view()
        begun = first and view.header is not None and view.header.step > 0
        if begun or view.phase is not drawn.phase:
            st.rerun()

    follow(look, _POLL if drawn.phase in ACTIVE else None)
