"""The section Walk: a digit becomes noise, layer by layer."""

from __future__ import annotations

import streamlit as st

from flowplay.ui.components.walk_view import walk_view
from flowplay.ui.images.subject import Subject, label_note, pick_image
from flowplay.ui.terms import prose
from flowplay.wire import WalkView


def walk_section(subject: Subject) -> None:
    """Show the walk of one image of the validation part."""
    prose(
        "An image with its noise goes through all layers to z. The running bits are those that it "
        "would take if the base density held here already: −log p(state) minus the log-dets so "
        "far. At the last layer they are the bits of the image, for this draw of the noise."
    )
    number = pick_image(subject, "Image", "walk_image", 3)
    found = subject.found(WalkView, "image_walk", number)
    if found is None:
        return
    with st.container(key="image_walk"):
        walk_view(found, key="walk_view")
    st.caption(
        "After a squeeze each coordinate is still drawn at the pixel that it came from. Log-dets "
        "of steps are spread over the pixels of one position as the Jacobian's diagonal has them, "
        "and evenly where a layer mixes channels." + label_note(subject.config)
    )
