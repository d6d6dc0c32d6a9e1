"""The section Scales: an image through the scales, and what each of them holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from flowplay.figures.tiles import signed
from flowplay.numbers import fixed
from flowplay.ui.components.tiles_view import Tiles, tiles_view
from flowplay.ui.images.subject import Subject, inked, pick_image
from flowplay.ui.terms import prose
from flowplay.wire import ScalesView

#: Coordinates are drawn from −3 to 3 standard deviations of the base.
_REACH = 3.0
_SEED = "_scales_seed"


def scales_section(subject: Subject) -> None:
    """Show the tree of one image, and draw each scale's z again."""
    if subject.config.architecture != "glow":
        st.info(
            f"{subject.config.entry.label} on flat vectors has no scales. Choose Glow in the "
            "Playground.",
            icon=":material/layers_clear:",
        )
        return
    prose(
        "Each scale **squeezes** (every block of 2 × 2 positions becomes one position with four "
        "times the channels), takes its **steps** (normalization, 1 × 1 convolution, coupling), "
        "and **splits**: half of the channels are done and become z, the others go on."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = pick_image(subject, "Image", "scales_image", 3)
        if st.button(
            "Draw again",
            key="scales_again",
            icon=":material/casino:",
            help="Draws the z of each scale from new noise, at the temperature of the samples.",
        ):
            st.session_state[_SEED] = st.session_state.get(_SEED, 0) + 1
    seed = int(st.session_state.get(_SEED, 0))
    found = subject.found(ScalesView, "image_scales", number, seed, subject.temperature)
    if found is None:
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("From the image to z", anchor=False)
        tiles_view(_tree(subject, found), alt=_said(found), key="scales_tree")
        st.caption(
            "Blue is below 0, orange above, from −3 to 3. In a good model what is split off looks "
            "like noise."
        )
    with right:
        st.subheader("Draw one scale again, keep the others", anchor=False)
        tiles_view(_again(subject, found), alt=_held(found), key="scales_tiles")
        st.caption(
            f"The noise of one scale is drawn again, at temperature {subject.temperature:g}. Fine "
            "z: edges and single pixels change. Coarse z: the shape changes."
        )


def _tree(subject: Subject, found: ScalesView) -> list[Tiles]:
    rows = [Tiles("image x", inked(subject, found.image[None]), size=88)]
    steps = subject.config.depth
    for stage, state in zip(found.stages, found.states, strict=True):
        scale = found.scales[stage["scale"]]
        side, first = scale["side"], scale["first"]
        number = stage["scale"] + 1
        channels = _channels(state[: scale["rows"]], side)
        if stage["name"] == "split":
            gone = _channels(state[first : scale["rows"]], side)
            rows.append(_row(f"z of scale {number}: done", gone, "split"))
            rows.append(_row("goes on", _channels(state[:first], side), ""))
        elif stage["name"] == "squeeze":
            rows.append(_row(f"{len(channels)} channels of {side} × {side}", channels, "squeeze"))
        else:
            last = stage["scale"] == len(found.scales) - 1
            title = f"z of scale {number}: done" if last else f"after {steps} steps"
            rows.append(_row(title, channels, f"{steps} steps"))
    return rows


def _channels(rows: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    return rows.reshape(-1, side, side)


def _row(title: str, channels: NDArray[np.float32], step: str) -> Tiles:
    # Of many channels the first are drawn.
    shown = channels[:16]
    more = f" (the first {len(shown)} of {len(channels)})" if len(shown) < len(channels) else ""
    return Tiles(title + more, signed(shown, _REACH), size=44, step=step)


def _names(found: ScalesView) -> list[str]:
    last = len(found.scales) - 1
    return ["fine" if k == 0 else "coarse" if k == last else "middle" for k in range(last + 1)]


def _again(subject: Subject, found: ScalesView) -> list[Tiles]:
    rows = [
        Tiles(
            "the image, and the image that its z gives again",
            inked(subject, np.stack([found.image, found.back])),
            size=56,
        )
    ]
    for name, images, moved in zip(_names(found), found.again, found.moved, strict=True):
        title = f"{name} z drawn again: pixels change by {fixed(moved, 2)} levels on average"
        rows.append(Tiles(title, inked(subject, images), size=56))
    return rows


def _said(found: ScalesView) -> str:
    parts = [f"{s['channels']} channels of {s['side']} × {s['side']}" for s in found.scales]
    return f"An image through {len(parts)} scales: {'; '.join(parts)}."


def _held(found: ScalesView) -> str:
    told: list[Any] = [
        f"with the {name} z drawn again pixels change by {fixed(moved, 2)} levels"
        for name, moved in zip(_names(found), found.moved, strict=True)
    ]
    return f"Images whose scales were drawn again: {', '.join(told)}."
