"""What the page Images offers: runs of images to begin with, and images of one's own."""

from __future__ import annotations

from typing import Any

import streamlit as st

from flowplay.config import RunConfig
from flowplay.problems import ImageProblem, OwnImages
from flowplay.ui.bringing import keep
from flowplay.ui.own_images import own_images_form
from flowplay.ui.settings import locked, session_config, set_widgets
from flowplay.ui.shell import page_link

#: What the page offers where the run is of something else.
GLOW = RunConfig(target="digits", architecture="glow", budget=60, budget_unit="seconds")
WITH_LABELS = GLOW.model_copy(update={"options": GLOW.options | {"label": "given"}})
VAE_WITH_FLOW = RunConfig.from_flat(
    {
        "target": "digits",
        "architecture": "vae",
        "latent": 2,
        "posterior": "iaf",
        "budget": 60,
        "budget_unit": "seconds",
    }
)

#: Key of the picker of sections.
SECTION_PICK = "images_section"

#: How often images were learned here.
_LEARNED = "_own_images_learned"


def offer_glow() -> None:
    """Lead to a Glow on digits."""
    page_link(
        "pages/images.py",
        GLOW,
        label="Open Glow on digits",
        icon=":material/play_circle:",
        help="Digits, learned for 60 seconds. The run that is shown now stays as it is.",
    )


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
        offer_glow()
        page_link(
            "pages/images.py",
            WITH_LABELS,
            label="Open Glow on digits with their labels",
            icon=":material/label:",
            help="The model is given the label of each digit, so that labels can be changed and "
            "told.",
        )
    return True


def offer_own_images() -> None:
    """Let a visitor bring images, which are then learned with the settings of the run."""
    if locked("target") or locked("data"):
        return
    # After images were learned it is another one, which is closed.
    key = f"own_bring_{st.session_state.get(_LEARNED, 0)}"
    with (
        st.container(key="own_bring"),
        st.expander("Bring your own images", icon=":material/upload:", key=key),
    ):
        own_images_form(_learn)


def _learn(content: bytes, about: dict[str, Any]) -> None:
    shown = session_config()
    images = shown is not None and isinstance(shown.problem(), ImageProblem)
    set_widgets(with_images(shown if shown is not None and images else GLOW, keep(content)))
    st.session_state[SECTION_PICK] = "train"
    st.session_state[_LEARNED] = st.session_state.get(_LEARNED, 0) + 1


def with_images(config: RunConfig, digest: str) -> RunConfig:
    """Return the config of a run of images for images that somebody has brought.

    They have no labels, so none is given to the model.
    """
    flat = {name: value for name, value in config.to_flat().items() if name != "label"}
    return RunConfig.from_flat({**flat, "target": OwnImages.name, "data": digest})
