"""The section Anomalies: images unlike those learned, and whether the model finds them so."""

from __future__ import annotations

import numpy as np
import streamlit as st

from flowplay.config import RunConfig
from flowplay.figures.anomalies import scores_figure
from flowplay.ui.components.tiles_view import Tiles, tiles_view
from flowplay.ui.images.subject import Subject, inked
from flowplay.ui.shell import page_link
from flowplay.ui.terms import prose
from flowplay.wire import AnomaliesView

_COMPLEXITIES = {"none": "Nothing", "zlib": "zlib length", "png": "PNG length"}


#: Below this AUC anomalies look more likely. With 100 images of each kind, chance alone may make
#: 0.45 of 0.5.
_FOOLED = 0.45


def anomalies_section(subject: Subject) -> None:
    """Show scores of anomalies, and how well they can be told from images like those learned."""
    if subject.config.entry.likelihood == "none":
        st.info("This model gives images no probability.", icon=":material/block:")
        return
    prose(
        "It seems natural to call an image an anomaly if the model finds it unlikely. AUC says how "
        "well that works: the probability that an anomaly takes more bits than an image like those "
        "learned. 1 is perfect, 0.5 is chance, and below that anomalies look *more* likely."
    )
    _leave_out(subject)
    complexity = st.radio(
        "Subtract from the bits",
        list(_COMPLEXITIES),
        format_func=_COMPLEXITIES.__getitem__,
        horizontal=True,
        key="anomalies_complexity",
        help="Simple images take few bits in every code. Subtracting the length of a compressed "
        "file corrects for that (Serrà et al., 2020).",
    )
    found = subject.found(AnomaliesView, "image_anomalies", complexity)
    if found is None:
        return
    scores = np.split(found.scores, np.cumsum(found.counts)[:-1])
    st.plotly_chart(
        scores_figure(dict(zip(found.kinds, scores, strict=True)), corrected=complexity != "none"),
        key="anomalies_scores",
        config={"displayModeBar": False},
        alt="Bits per dimension of each kind of image: "
        + ", ".join(f"{k} {s.mean():.2f}" for k, s in zip(found.kinds, scores, strict=True)),
    )
    _failure(found, scores, corrected=complexity != "none")
    st.dataframe(
        [
            {
                "images": kind,
                "number": count,
                "AUC, bits": f"{by_bits:.3f}",
                "AUC, nearest image": f"{near:.3f}",
            }
            for kind, count, by_bits, near in zip(
                found.kinds[1:],
                found.counts[1:],
                found.auc[1:],
                found.auc_nearest[1:],
                strict=True,
            )
        ],
        hide_index=True,
        width="content",
    )
    st.caption(
        "Nearest image: the distance in pixels to the nearest training image, which needs no "
        "model, is often the better detector here."
    )
    tiles_view(
        [
            Tiles(kind, inked(subject, images), size=52)
            for kind, images in zip(found.kinds, found.examples, strict=True)
        ],
        alt="Some images of each kind.",
        key="anomalies_tiles",
    )


def _leave_out(subject: Subject) -> None:
    left_out = subject.config.target_options.get("without")
    if left_out is None:
        return
    if left_out != "none":
        st.markdown(f"This model has never seen the digit **{left_out}**.")
        return
    st.caption("Leave out one digit, train without it, and see whether the model notices it:")
    with st.container(horizontal=True):
        for digit in ("1", "0", "8"):
            options = {**subject.config.target_options, "without": digit}
            page_link(
                "pages/images.py",
                _without(subject.config, options),
                label=f"Train without the {digit}",
                icon=":material/backspace:",
                help="The same settings, with that digit left out of the data. This run stays as "
                "it is.",
            )


def _without(config: RunConfig, options: dict[str, int | float | str]) -> RunConfig:
    return config.model_copy(update={"target_options": options})


def _failure(found: AnomaliesView, scores: list[np.ndarray], *, corrected: bool) -> None:
    """Say which anomalies the model finds more likely than what it has learned."""
    fooled = [
        f"**{kind}** (AUC {by_bits:.2f})"
        for kind, by_bits in zip(found.kinds[1:], found.auc[1:], strict=True)
        if by_bits < _FOOLED
    ]
    if fooled:
        st.warning(
            "More likely than the images that were learned: " + ", ".join(fooled) + ". "
            "This is no mistake of this model alone: simple images take few bits, however unusual "
            "they are (Nalisnick et al., 2019)."
            + (
                "" if corrected else " Subtract the length of a compressed file to mend part of it."
            ),
            icon=":material/psychology_alt:",
        )
