"""Inside a VAE: the encoder's posterior of a clicked point, and the latent grid decoded."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from flowplay.figures.latent import posterior_figure
from flowplay.numbers import fixed, whole
from flowplay.ui.components.score_view import polyline, read_point, score_view
from flowplay.ui.latent.asking import found_of, log_density_of
from flowplay.ui.look import Look
from flowplay.ui.picture_views import NOTES
from flowplay.ui.terms import prose
from flowplay.wire import PlaneView, PosteriorView

_VIEW = "posterior_view"
_POINT = "_posterior_point"

#: A grey that is seen on dark and on light cells.
_LATTICE = "rgba(255, 255, 255, 0.55)"


def posterior_section(look: Look) -> None:
    """Show what encoder and decoder make of a point that a visitor clicks."""
    st.subheader("Encoder and decoder", anchor=False)
    plane = found_of(PlaneView, "plane_of", look)
    if plane is None:
        return
    point = _point(plane)
    view = found_of(PosteriorView, "posterior_of", look, *point)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Data**: the latent grid, decoded")
        lattice = [] if view is None else [polyline(line) for line in view.lattice]
        score_view(
            log_density_of(plane),
            bounds=plane.window,
            scale=plane.scale,
            alt="The density of the VAE, with the image of the latent grid under the decoder's "
            f"mean, and the chosen point at {fixed(point[0], 2)}, {fixed(point[1], 2)}.",
            key=_VIEW,
            on_pick=_choose,
            lines=[(np.concatenate(lattice), _LATTICE)] if lattice else [],
            contour=None if view is None else _ellipses(view.decoded[0], view.decoded[1]),
            mark=point,
            note=f"{NOTES[plane.exactness]}. White: latent grid. Orange: p(x|z) at q's mean",
            frame_id=f"{look.run_id[:6]}-{look.step}",
        )
        st.caption(
            ":material/ads_click: Click the picture to choose x. With the keyboard: arrows move, "
            "Enter chooses."
        )
    if view is None:
        return
    with right:
        st.markdown("**Latent**: posterior of the chosen x")
        _latent(view, look)
        prose(
            f"log p(x) = **{fixed(view.log_prob, 2)}** by quadrature, [[ELBO]] = "
            f"**{fixed(view.bound, 2)}**, a mean over {whole(view.draws)} draws. The difference, "
            f"**{fixed(max(0.0, view.log_prob - view.bound), 2)}** nats, is the "
            "[[KL divergence]] of the encoder's q(z|x) from the true posterior p(z|x)."
        )


def _latent(view: PosteriorView, look: Look) -> None:
    """Draw the true posterior and the encoder's Gaussian."""
    if len(view.mean) == 1:
        figure = posterior_figure(view.log_posterior, view.reach, view.mean[0], view.std[0])
        st.plotly_chart(figure, key="posterior_chart")
        return
    score_view(
        view.log_posterior,
        bounds=(-view.reach, view.reach, -view.reach, view.reach),
        scale=float(np.exp(view.log_posterior.max())),
        alt="The true posterior of the latent as a density, and the encoder's Gaussian as ellipses "
        f"of one and two standard deviations around {fixed(view.mean[0], 2)}, "
        f"{fixed(view.mean[1], 2)}.",
        key="posterior_latent",
        on_pick=None,
        contour=_ellipses(np.array(view.mean), np.array(view.std)),
        note="p(z|x), exact. Orange: q(z|x) of the encoder, one and two standard deviations",
        frame_id=f"{look.run_id[:6]}-{look.step}-{view.point[0]}-{view.point[1]}",
    )


def _ellipses(mean: NDArray[np.floating], std: NDArray[np.floating]) -> NDArray[np.float64]:
    angle = np.linspace(0, 2 * np.pi, 73)
    circle = np.stack((np.cos(angle), np.sin(angle)), -1)
    return np.concatenate([polyline(mean + reach * std * circle) for reach in (1, 2)])


def _point(plane: PlaneView) -> tuple[float, float]:
    """Return the chosen point; at first the one of the highest density."""
    held: tuple[float, float] | None = st.session_state.get(_POINT)
    if held is not None:
        return held
    left, right, bottom, top = plane.window
    row, column = np.unravel_index(int(plane.density.argmax()), plane.density.shape)
    height, width = plane.density.shape
    return (
        left + (float(column) + 0.5) / width * (right - left),
        bottom + (float(row) + 0.5) / height * (top - bottom),
    )


def _choose() -> None:
    if (point := read_point(st.session_state.get(_VIEW))) is not None:
        st.session_state[_POINT] = point
