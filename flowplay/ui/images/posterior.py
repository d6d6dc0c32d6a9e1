"""The section Posterior: what a VAE's encoder says of the z of an image, and what is true."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from flowplay.numbers import fixed, whole
from flowplay.ui.components.score_view import score_view
from flowplay.ui.components.tiles_view import Tiles, tiles_view
from flowplay.ui.images.offer import VAE_WITH_FLOW
from flowplay.ui.images.subject import Subject, inked, pick_image
from flowplay.ui.shell import page_link
from flowplay.ui.terms import prose
from flowplay.wire import ImagePosteriorView

#: By `benchmarks.images`, see the table in benchmarks/README.md.
_GAINS = (
    "What a flow as posterior brings, measured on the test digits: VAEs with 16 latent axes, each "
    "trained for 60 s on one core, medians of three seeds. The importance-weighted bound with 64 "
    "draws is 1.933 bits per dimension with a Gaussian posterior, 1.910 with planar layers, and "
    "1.952 with IAF. So planar layers gain 1.0 nats an image. IAF loses 0.9 nats: in this time it "
    "does not pay."
)


class _Shown(NamedTuple):
    """A density that is shown: its name, title, values in nats, window, and a line below it."""

    name: str
    title: str
    log_density: NDArray[np.float32]
    window: list[float]
    note: str


def posterior_section(subject: Subject) -> None:
    """Show the true posterior of an image's latent beside the encoder's."""
    if subject.config.options["latent"] != 2:
        st.info(
            f"The z of this VAE has {subject.config.options['latent']} axes, and a picture has "
            "two. Open a VAE with two latent axes to see this section.",
            icon=":material/image_not_supported:",
        )
        offer_vae()
        _measured(subject)
        return
    prose(
        "The encoder says which z may have made an image: the posterior q(z|x). The true one, "
        "p(z|x), follows from the decoder by Bayes' rule, here by quadrature."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = pick_image(subject, "Image", "posterior_image", 3)
    found = subject.found(ImagePosteriorView, "image_posterior", number)
    if found is None:
        return
    flow = subject.config.options["posterior"] != "gaussian"
    shown = [
        _Shown("true", "True posterior", found.log_true, found.window, "p(z|x), by quadrature"),
        _Shown("encoder", "Encoder's posterior", found.log_encoder, found.window, "q(z|x), exact"),
    ]
    if flow:
        note = "N(z₀; μ(x), σ²(x)), from which the flow starts"
        shown.append(_Shown("gaussian", "Before the flow", found.log_gaussian, found.before, note))
    top = float(np.exp(max(one.log_density.max() for one in shown)))
    first, *others = st.columns([1, *[2] * len(shown)], gap="medium")
    with first:
        tiles_view(
            [Tiles("The image", inked(subject, found.image[None]), size=130)],
            alt="The image whose latent is looked for.",
            key="posterior_shown",
        )
    for column, one in zip(others, shown, strict=True):
        with column:
            st.markdown(f"**{one.title}**")
            _density(one, top, f"{subject.run_id[:6]}-{subject.step}-{number}")
    _numbers(found, flow=flow)
    _measured(subject)


def _measured(subject: Subject) -> None:
    """Say what other posteriors than the Gaussian have brought, where it was measured."""
    if subject.config.target == "digits":
        st.caption(_GAINS)


def _density(one: _Shown, top: float, frame: str) -> None:
    across, up = np.unravel_index(int(one.log_density.argmax()), one.log_density.shape)[::-1]
    left, right, bottom, high = one.window
    side = len(one.log_density)
    at = (
        left + (float(across) + 0.5) / side * (right - left),
        bottom + (float(up) + 0.5) / side * (high - bottom),
    )
    score_view(
        one.log_density,
        bounds=one.window,
        scale=top,
        alt=f"{one.title} as a density; it is highest at {fixed(at[0], 2)}, {fixed(at[1], 2)}.",
        key=f"posterior_{one.name}",
        on_pick=None,
        reads="log density",
        note=one.note,
        frame_id=f"{frame}-{one.name}",
    )


def _numbers(found: ImagePosteriorView, *, flow: bool) -> None:
    divergence = max(0.0, found.log_prob - found.bound)
    with st.container(horizontal=True):
        st.metric("log P(x)", fixed(found.log_prob, 2), help="In nats, by quadrature over z.")
        st.metric(
            "ELBO", fixed(found.bound, 2), help=f"In nats, a mean over {whole(found.draws)} draws."
        )
        st.metric(
            "Importance-weighted",
            fixed(found.importance, 2),
            help=f"In nats, with {whole(found.draws)} draws: an estimate that is nearer "
            "to log P(x) than the ELBO.",
        )
        st.metric(
            "KL(q‖p)",
            fixed(divergence, 2),
            help="log P(x) − ELBO, in nats: how far the encoder's posterior is from the true one.",
        )
    st.caption(
        "All pictures have one colour scale. "
        + (
            "The flow takes the encoder's Gaussian of z₀ to a posterior of z."
            if flow
            else "Here q(z|x) is a Gaussian whose axes are those of z. A flow as posterior can "
            "have other shapes."
        )
    )


def offer_vae() -> None:
    """Lead to a VAE that this section can show."""
    page_link(
        "pages/images.py",
        VAE_WITH_FLOW,
        label="Open a VAE with two latent axes",
        icon=":material/play_circle:",
        help="A VAE of digits whose posterior is an inverse autoregressive flow, learned for 60 "
        "seconds. The run that is shown now stays as it is.",
    )
