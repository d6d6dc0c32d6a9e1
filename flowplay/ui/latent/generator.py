"""Inside a GAN: the generator's image of the base's lattice, and the discriminator's map."""

from __future__ import annotations

import numpy as np
import streamlit as st

from flowplay.figures.colors import ORANGE
from flowplay.numbers import fixed
from flowplay.ui.components.score_view import score_view
from flowplay.ui.latent.asking import found_of
from flowplay.ui.look import Look
from flowplay.wire import GeneratorView

#: Pieces that were turned over.
_TURNED = "#c9408c"


def generator_section(look: Look) -> None:
    """Show what the two networks of a GAN make of the plane."""
    st.subheader("Generator and discriminator", anchor=False)
    view = found_of(GeneratorView, "generator_of", look)
    if view is None:
        return
    frame = f"{look.run_id[:6]}-{look.step}"
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Generator**: image of the base's lattice")
        score_view(
            None,
            bounds=view.window,
            alt="The image of an even lattice of the noise under the generator"
            + (
                f"; {100 * view.share:.0f} % of the noise is turned over."
                if view.noise > 1
                else "."
            ),
            key="generator_view",
            on_pick=None,
            lines=[
                (view.lattice[~view.turned].astype(np.float64), ORANGE),
                (view.lattice[view.turned].astype(np.float64), _TURNED),
            ],
            note="Orange: kept its orientation. Pink: turned over",
            frame_id=frame,
        )
        st.caption(_folds(view))
    with right:
        st.markdown("**Discriminator**: what it takes for data")
        wasserstein = view.objective == "wasserstein"
        low, high = float(view.judged.min()), float(view.judged.max())
        score_view(
            view.judged,
            bounds=view.window,
            depth=max(high - low, 1e-3),
            reads="critic" if wasserstein else "log-odds",
            alt="The discriminator's output over the plane, brighter where it takes points for "
            f"data; between {fixed(low, 2)} and {fixed(high, 2)}.",
            key="discriminator_view",
            on_pick=None,
            note="Critic's value; no density"
            if wasserstein
            else "Log-odds that a point is data: 0 means undecided; no density",
            frame_id=frame,
        )
        st.caption(
            "The critic's differences matter, not its values: their mean over data and samples is "
            "its estimate of the Wasserstein distance."
            if wasserstein
            else "If samples were as data, the best discriminator would be undecided everywhere. "
            "Where neither data nor samples come, its output means nothing."
        )


def _folds(view: GeneratorView) -> str:
    if view.noise == 1:
        return "The noise has one axis: its image is a curve, and the plane around it stays empty."
    beyond = (
        f" The noise has {view.noise} axes; the lattice spans the first two, with 0 for the others."
        if view.noise > 2
        else ""
    )
    return (
        f"{100 * view.share:.1f} % of the noise lies in cells that are turned over. Where lines of "
        "both colours lie over each other, several z have one x: the generator is not a bijection, "
        f"and no density can be computed.{beyond}"
    )
