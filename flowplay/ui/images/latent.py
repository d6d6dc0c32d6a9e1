"""The section Latent: ways between two images, other labels, arrows between classes."""

from __future__ import annotations

import streamlit as st

from flowplay.config import RunConfig
from flowplay.numbers import fixed
from flowplay.ui.components.tiles_view import Tiles, tiles_view
from flowplay.ui.images.subject import Subject, bits_captions, first_of, inked, pick_image
from flowplay.ui.shell import page_link
from flowplay.ui.terms import prose
from flowplay.wire import ArrowsView, BetweenView, LabelsView

_KINDS = {"z": "arrow in z", "pixels": "arrow in pixels", "label": "label changed, z kept"}


def latent_section(subject: Subject) -> None:
    """Show what can be done with z."""
    _between(subject)
    if subject.problem.classes:
        _labels(subject)
        _arrows(subject)
    else:
        st.caption(
            f"{subject.problem.label} have no labels: there are none to change, and no arrows "
            "between classes."
        )


def _between(subject: Subject) -> None:
    st.subheader("From one image to another", anchor=False)
    prose(
        "Every image has a z. Points on the arc between two z are images again. A cross-fade of "
        "pixels shows both images at once. Below each image: its bits per dimension. The fewer "
        "these are, the more likely the model finds the image."
    )
    with st.container(horizontal=True):
        first = pick_image(subject, "From", "between_first", first_of(subject, 0))
        last = pick_image(subject, "To", "between_last", first_of(subject, 9) or 1)
    found = subject.found(BetweenView, "images_between", first, last)
    if found is None:
        return
    titles = ("through z", "cross-fade of pixels")
    rows = [
        Tiles(title, inked(subject, images), bits_captions(bits), size=76)
        for title, images, bits in zip(titles, found.images, found.bits, strict=True)
    ]
    middle = found.bits[:, 1:-1].mean(1)
    through, faded = (fixed(bits, 2) for bits in middle)
    tiles_view(
        rows,
        alt=f"Images between two, through z with {through} bits per dimension on average, and by "
        f"a cross-fade with {faded}.",
        key="between_view",
    )
    st.caption(
        f"Between the ends: {through} bits per dimension through z, {faded} by the cross-fade."
    )


def _labels(subject: Subject) -> None:
    st.subheader("Change the label, keep z", anchor=False)
    if subject.config.options.get("label") != "given":
        st.caption("This model is not given labels, so there is none to change.")
        if "label" in subject.config.options:
            page_link(
                "pages/images.py",
                _with_label(subject.config),
                label="Open a run that is given labels",
                icon=":material/label:",
                help="The same settings with Label: Given. This run stays as it is.",
            )
        return
    found = subject.found(LabelsView, "image_labels")
    if found is None:
        return
    prose(
        "The network gets the label beside the image. In each row z stays, and with it the style; "
        "the label changes from 0 to 9. The marked image has the label of its source."
    )
    classes = subject.problem.classes
    rows = [
        Tiles("", inked(subject, images), classes, size=64, marked=label)
        for label, images in zip(found.labels[:5], found.changed[:5], strict=True)
    ]
    tiles_view(
        rows,
        alt=f"Five images, each with every label. A classifier sees the new label in "
        f"{found.success:.0%} of them.",
        key="labels_view",
    )
    st.caption(
        f"A classifier sees the new label in {found.success:.0%} of all changed validation images. "
        f"It learned the training part, and is right for {found.judged_right:.0%} of real ones."
    )


def _with_label(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"options": config.options | {"label": "given"}})


def _arrows(subject: Subject) -> None:
    st.subheader("Arrows between classes", anchor=False)
    prose(
        "An attribute arrow is the difference of two classes' means: z + (mean z of the new class "
        "− mean z of the old one). The same can be done with pixels, without any model."
    )
    classes = subject.problem.classes
    with st.container(horizontal=True):
        source = st.selectbox("Class", classes, 3, key="arrow_from", width=120)
        target = st.selectbox("New class", classes, 8, key="arrow_to", width=120)
    if source == target:
        st.caption("Choose two classes.")
        return
    found = subject.found(ArrowsView, "image_arrows", classes.index(source), classes.index(target))
    if found is None:
        return
    if not len(found.sources):
        st.caption("There are no images of this class.")
        return
    rows = [Tiles(f"images of {source}", inked(subject, found.sources), size=64)]
    rows += [
        Tiles(_KINDS[kind], inked(subject, images), size=64)
        for kind, images in zip(found.kinds, found.made, strict=True)
    ]
    told = {_KINDS[kind]: share for kind, share in found.success.items()}
    tiles_view(
        rows,
        alt="Images moved to another class: " + ", ".join(f"{k} {v:.0%}" for k, v in told.items()),
        key="arrows_view",
    )
    st.markdown(
        "How often a classifier sees the new class, over all classes: "
        + ", ".join(f"**{name} {share:.0%}**" for name, share in told.items())
        + f". (Real images: {found.judged_right:.0%}.)"
    )
    st.caption(
        "A high share does not mean a good image: arithmetic with pixels leaves a shadow of the "
        "old digit. "
        + (
            "This model is given the label. So its z need not hold the class, and an arrow in z "
            "may do little."
            if "label" in found.kinds
            else "In a model that is given labels, changing the label can be compared with this."
        )
    )
