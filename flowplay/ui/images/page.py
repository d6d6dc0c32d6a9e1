"""The page: its sections, the one that the address names, and the run that they look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from flowplay.config import RunConfig
from flowplay.engine import Run
from flowplay.problems import ImageProblem
from flowplay.ui.images.anomalies import anomalies_section
from flowplay.ui.images.draw import draw_section
from flowplay.ui.images.latent import latent_section
from flowplay.ui.images.noise import noise_section
from flowplay.ui.images.offer import SECTION_PICK, offer_glow
from flowplay.ui.images.posterior import offer_vae, posterior_section
from flowplay.ui.images.scales import scales_section
from flowplay.ui.images.subject import Subject
from flowplay.ui.images.train import train_section
from flowplay.ui.images.walk import walk_section
from flowplay.ui.runs import ACTIVE
from flowplay.ui.settings import SECTION
from flowplay.ui.trained import stands_at, wait_for


@dataclass(frozen=True)
class _Section:
    """A section that looks at a trained run.

    Attributes:
        title: as it is chosen.
        show: draws it.
        needs: a flow that takes images to a base, a VAE, or any model.
    """

    title: str
    show: Callable[[Subject], None]
    needs: Literal["flow", "VAE", "any"] = "flow"


#: By the name in the address, after `train`.
_SECTIONS = {
    "scales": _Section("Scales", scales_section),
    "walk": _Section("Walk", walk_section),
    "latent": _Section("Latent", latent_section),
    "draw": _Section("Draw", draw_section, needs="any"),
    "noise": _Section("Noise", noise_section),
    "posterior": _Section("Posterior", posterior_section, needs="VAE"),
    "anomalies": _Section("Anomalies", anomalies_section, needs="any"),
}
_TITLES = {"train": "Train", **{name: section.title for name, section in _SECTIONS.items()}}


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
        wait_for(run, view, first=True)
        return
    section = _SECTIONS[name]
    if section.needs == "VAE" and config.architecture != "vae":
        st.info(
            f"{config.entry.label} is no VAE, so it has no encoder.",
            icon=":material/image_not_supported:",
        )
        offer_vae()
        return
    if section.needs == "flow" and "dequantization" not in config.options:
        st.info(
            f"{config.entry.label} is no continuous flow, so no z has as many numbers as an image. "
            "Open Glow to see this section.",
            icon=":material/image_not_supported:",
        )
        offer_glow()
        return
    step = view.header.step
    stands_at(step, active=active, key="images_look")
    subject = Subject(config, run.id, step, run.state, problem, view.hot.temperature)
    section.show(subject)
    wait_for(run, view, first=False)


def _pick_section() -> str:
    asked = st.query_params.get(SECTION)
    name = st.segmented_control(
        "Section",
        list(_TITLES),
        default=asked if asked in _TITLES else "train",
        required=True,
        format_func=_TITLES.__getitem__,
        key=SECTION_PICK,
        label_visibility="collapsed",
        persist_state="session",
    )
    if asked != name:
        st.query_params[SECTION] = name
    return name
