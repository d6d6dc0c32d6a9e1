"""The section Noise: what dequantization does at one pixel, and what it costs."""

from __future__ import annotations

import json

import streamlit as st

from flowplay.figures.dequantization import noise_figure, pixel_figure, undequantized_figure
from flowplay.numbers import fixed, whole
from flowplay.ui.components.tiles_view import Tiles, tiles_view
from flowplay.ui.images.subject import Subject, inked, label_note, pick_image
from flowplay.ui.look import WORKER
from flowplay.ui.terms import prose
from flowplay.ui.work import NotDoneError, result_of, say_not_done
from flowplay.wire import NoiseView

_PLAIN = {"displayModeBar": False}


def noise_section(subject: Subject) -> None:
    """Show dequantization at one pixel, its bounds, and what happens without it."""
    levels = subject.problem.levels
    prose(
        f"Pixels are whole numbers, 0 to {levels - 1}; a flow needs real numbers. So noise u from "
        "[0, 1) is added: y = x + u. The probability of a level is the area of the density over "
        "its step, from x to x + 1."
    )
    height, width, channels = subject.problem.shape
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = pick_image(subject, "Image", "noise_image", 3)
        row = st.number_input("Row", 1, height, min(4, height), key="noise_row", width=110)
        column = st.number_input("Column", 1, width, min(4, width), key="noise_column", width=110)
    coordinate = ((int(row) - 1) * width + int(column) - 1) * channels
    found = subject.found(NoiseView, "pixel_noise", number, coordinate)
    if found is not None:
        _pixel(subject, found, int(row), int(column))
        _bounds(subject, found)
    _undequantized(subject, coordinate)
    _checkpoint(subject)


def _pixel(subject: Subject, found: NoiseView, row: int, column: int) -> None:
    colours = subject.problem.shape[2] == 3
    title = f"The {subject.problem.levels} steps of this pixel" + ", in red" * colours
    st.subheader(title, anchor=False)
    left, middle, right = st.columns([1, 3, 2], gap="medium")
    with left:
        shown = inked(subject, found.image[None])
        shown[0, row - 1, column - 1] = (232, 114, 12)
        tiles_view(
            [Tiles("The pixel", shown, size=130)],
            alt=f"The image with the pixel in row {row}, column {column} marked.",
            key="noise_where",
        )
        value = "red value" if colours else "level"
        st.caption(f"Its {value} is {found.level}.")
    with middle:
        st.plotly_chart(
            pixel_figure(found),
            key="noise_pixel",
            config=_PLAIN,
            alt=f"Density of the pixel given the others; level {found.level} has the probability "
            f"{fixed(found.levels[found.level], 2)}.",
        )
        st.caption(
            "Line: the density of this pixel given the others with their noise, by quadrature. "
            "Bars: its area over each level, the level's probability."
        )
    with right:
        st.plotly_chart(
            noise_figure(found),
            key="noise_drawn",
            config=_PLAIN,
            alt="Density of the noise within the level.",
        )
        st.caption(
            "The noise q(u | x) of this pixel, from 4,000 draws."
            + (
                " It is learned: it goes where the density of the flow is high."
                if subject.config.options.get("dequantization") == "variational"
                else " It is uniform in this run. Choose variational noise to see what is learned."
            )
        )


def _bounds(subject: Subject, found: NoiseView) -> None:
    st.subheader("The bound, before and after", anchor=False)
    learned = subject.config.options.get("dequantization") == "variational"
    bounds = found.bounds
    shown = [("Uniform noise", "uniform", "The bound with uniform noise on the same weights.")]
    if learned:
        shown.append(("Learned noise", "own", "The bound with the noise that the model learned."))
    shown += [
        (
            f"{k} draws, weighted",
            f"iw{k}",
            f"The importance-weighted bound with {k} draws: it is closer to the true bits.",
        )
        for k in (8, 64)
    ]
    with st.container(horizontal=True, key="noise_bounds"):
        for label, name, help_text in shown:
            st.metric(label, fixed(bounds[name]), help=help_text)
    st.caption(
        "Bits per dimension of validation images: all are upper bounds of the true bits, and the "
        "lowest is the tightest."
        + label_note(subject.config)
        + (
            " This flow was trained with its own noise, so uniform noise suits it badly; a flow "
            "that is trained with uniform noise has a better bound than this first number."
            if learned
            else ""
        )
    )


def _undequantized(subject: Subject, coordinate: int) -> None:
    st.subheader("Without noise: refused, and why", anchor=False)
    if not st.button(
        "Fit this pixel with and without noise",
        key="noise_without",
        icon=":material/trending_down:",
        help="Fits two small densities to the level of this pixel in the training images.",
    ) and not st.session_state.get("_noise_without"):
        st.caption(
            "Without noise the best density is a spike at each whole level, as high as you like: "
            "its bits fall without end, and say nothing. See it happen."
        )
        return
    st.session_state["_noise_without"] = True
    about = subject.config.model_dump_json()
    key = (about, coordinate)
    try:
        with st.spinner("A worker fits…"):
            data = result_of(
                "undequantized", key, f"{WORKER}:measure_undequantized", about, coordinate
            )
    except NotDoneError as error:
        say_not_done(str(error), "undequantized", key, button="noise_without_again")
        return
    told = json.loads(data)
    st.plotly_chart(
        undequantized_figure(told["without"], told["uniform"], told["entropy"]),
        key="noise_falls",
        config=_PLAIN,
        alt="Bits over steps: without noise they fall to "
        f"{fixed(told['without'][-1], 1)}, with uniform noise they end at "
        f"{fixed(told['uniform'][-1], 2)}, above the entropy {fixed(told['entropy'], 2)}.",
    )
    st.caption(
        "Two mixtures of logistics learn the same levels. Below 0 these are no bits: no "
        "probability is above 1. With noise the bound stays above the entropy of the pixel, the "
        "least that any code takes. Therefore a run without noise is refused."
    )


def _checkpoint(subject: Subject) -> None:
    st.subheader("Gradient checkpointing", anchor=False)
    prose(
        "The backward pass needs the activations of every layer. With checkpoints they are not "
        "kept but computed again: less memory, slower steps."
    )
    if not st.button(
        "Measure one step",
        key="noise_checkpoint",
        icon=":material/speed:",
        help="A worker takes a step of this run both ways, and measures memory and time.",
    ) and not st.session_state.get("_noise_checkpoint"):
        return
    st.session_state["_noise_checkpoint"] = True
    about = subject.config.model_dump_json()
    try:
        with st.spinner("A worker measures…"):
            data = result_of("checkpoint", about, f"{WORKER}:measure_checkpoint", about)
    except NotDoneError as error:
        say_not_done(str(error), "checkpoint", about, button="noise_checkpoint_again")
        return
    told = json.loads(data)
    with st.container(horizontal=True):
        for label, name in (
            ("Without checkpoints", "stored"),
            ("With checkpoints", "checkpointed"),
        ):
            cost = told[name]
            st.metric(
                label,
                f"{fixed(cost['bytes'] / 2**20, 1)} MiB",
                f"{whole(cost['milliseconds'])} ms a step",
                delta_color="off",
                delta_arrow="off",
            )
