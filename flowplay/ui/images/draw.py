"""The section Draw: an image of one's own, judged by the model."""

from __future__ import annotations

import json

import streamlit as st

from flowplay.figures.posterior_bars import posterior_bars
from flowplay.numbers import fixed, whole
from flowplay.ui.components.draw_view import draw_view, read_drawn
from flowplay.ui.components.tiles_view import Tiles, tiles_view
from flowplay.ui.images.subject import Subject, inked
from flowplay.ui.terms import prose
from flowplay.wire import DrawnView

_KEY = "draw_view"

#: Pixels of the sheet along one pixel of the image: the digits were made from 32 × 32 pixels.
_FINE = 4


def draw_section(subject: Subject) -> None:
    """Let an image be drawn, and show what the model says of it."""
    side, _, channels = subject.problem.shape
    if channels != 1 or subject.config.entry.likelihood == "none":
        st.info(
            "Only grey images can be drawn here, for a model that gives them a probability.",
            icon=":material/draw:",
        )
        return
    prose(
        "The data were made like this: each digit was written on 32 × 32 pixels, and of every "
        "block of 4 × 4 the inked pixels were counted, from 0 to 16. Draw a digit that fills the "
        "sheet."
        if subject.config.target == "digits"
        else "Draw an image. Each block of the sheet becomes one pixel."
    )
    left, right = st.columns([1, 1], gap="large")
    brightest = subject.problem.levels - 1
    with left, st.container(key="draw"):
        draw_view(
            side=side,
            brightest=brightest,
            fine=_FINE,
            key=_KEY,
            on_drawn=lambda: None,
        )
    levels = read_drawn(st.session_state.get(_KEY), subject.problem.dim, brightest)
    with right:
        if levels is None or not any(levels):
            st.caption("The model's judgement appears when you have drawn something.")
        else:
            _judgement(subject, levels)
        _accuracy(subject)


def _judgement(subject: Subject, levels: list[int]) -> None:
    found = subject.found(DrawnView, "drawn_image", tuple(levels))
    if found is None:
        return
    kind = "" if subject.config.entry.likelihood == "exact" else " (bound)"
    with st.container(horizontal=True):
        st.metric(
            f"Bits per dimension{kind}",
            fixed(found.bits),
            help="How many bits each of its pixels takes in an ideal code of this model.",
        )
        st.metric(
            "Real images with more",
            f"{found.more:.0%}",
            help="Share of the validation images that take more bits than yours.",
        )
        if found.posterior is not None:
            best = max(range(len(found.posterior)), key=found.posterior.__getitem__)
            st.metric(
                "Label by Bayes' rule",
                subject.problem.classes[best],
                help="The label y with the largest P(y | x), which is P(x | y) over the sum for "
                "all labels.",
            )
    if found.posterior is not None:
        st.plotly_chart(
            posterior_bars(found.posterior, subject.problem.classes),
            key="draw_posterior",
            config={"displayModeBar": False},
            alt="Probability of each label: "
            + ", ".join(
                f"{name} {share:.0%}"
                for name, share in zip(subject.problem.classes, found.posterior, strict=True)
            ),
        )
    captions = [subject.problem.classes[label] for label in found.labels] or [
        whole(apart) for apart in found.distances
    ]
    tiles_view(
        [
            Tiles(
                "Nearest images of the training part, in pixels",
                inked(subject, found.neighbours),
                captions,
                size=64,
            )
        ],
        alt=f"The {len(captions)} nearest training images: {', '.join(captions)}.",
        key="draw_neighbours",
    )


def _accuracy(subject: Subject) -> None:
    """Offer to measure how often Bayes' rule is right."""
    if subject.config.options.get("label") != "given":
        if subject.problem.classes:
            st.caption(
                "A model that is given labels also tells the label of your digit, by Bayes' rule: "
                "choose Label: Given in the Playground."
            )
        return
    if st.button(
        "Measure on the test images",
        key="draw_accuracy",
        icon=":material/fact_check:",
        help="How often Bayes' rule finds the label of the 360 test images. Takes some seconds.",
    ):
        data = subject.asked("image_accuracy")
        if data is not None:
            told = json.loads(data)
            st.success(
                f"Bayes' rule finds the label of {told['accuracy']:.1%} of "
                f"{whole(told['images'])} test images.",
                icon=":material/check_circle:",
            )
