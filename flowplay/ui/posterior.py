"""The data behind a posterior, which a page lets one change, and what the posterior predicts."""

from __future__ import annotations

import numpy as np
import streamlit as st

from flowplay.config import RunConfig
from flowplay.engine import Run
from flowplay.figures.predictive import predictive_svg
from flowplay.numbers import fixed, whole
from flowplay.problems import Posterior
from flowplay.problems.energies.posteriors import INPUTS, MOST_PAIRS, PAIRS
from flowplay.ui import runs
from flowplay.ui.settings import typed_config
from flowplay.ui.terms import prose
from flowplay.wire import PredictivePicture, Snapshot

_KNOWN = "_known_pairs"

Pair = tuple[float, float]


def posterior_data(config: RunConfig, run: Run) -> None:
    """Show the data of a posterior: each point can be taken away and put back, and new ones added.

    Args:
        config: what is shown; nothing is drawn for other problems.
        run: the run that is shown; if it has been trained, another begins with the changed data.
    """
    posterior = config.problem()
    if not isinstance(posterior, Posterior):
        return
    known, used = _known(config.target, [(x, y) for x, y in posterior.data.tolist()])
    header = run.view().header
    trained = header is not None and header.step > 0
    st.session_state["used_points"] = used
    with st.container(horizontal=True, vertical_alignment="bottom", key="posterior_data"):
        st.pills(
            "Data: press a point to take it away or to put it back",
            range(len(known)),
            selection_mode="multi",
            format_func=lambda i: _said(known[i]),
            key="used_points",
            help="Each point is an input and its output. With fewer points the posterior is wider.",
            on_change=_use,
            args=(known, trained),
        )
        full = len(known) >= MOST_PAIRS
        with st.popover("Add a point", icon=":material/add:", disabled=full):
            x_min, x_max = INPUTS
            st.number_input("Input x", x_min, x_max, 0.0, step=0.1, key="new_x")
            st.number_input("Output y", -PAIRS.reach, PAIRS.reach, 0.0, step=0.1, key="new_y")
            if config.target == "posterior_logistic":
                st.caption("An output above 0.5 counts as 1, any other as 0.")
            st.button("Add", key="add_point", on_click=_add, args=(known, used, trained))


def show_predictive(posterior: Posterior, snapshot: Snapshot | None) -> None:
    """Draw what the posterior predicts: the model's mean and band, the exact mean, the data."""
    st.markdown(f"**Prediction**: {posterior.output}")
    picture = None if snapshot is None else snapshot.picture(PredictivePicture)
    inputs = np.linspace(*INPUTS, 49) if picture is None else picture.inputs.astype(float)
    exact = posterior.predictive(inputs)
    alt = "The exact mean over the input, by quadrature, and the data."
    if picture is not None:
        gap = float(np.abs(picture.mean - exact).max())
        alt = (
            f"The model's mean and 90 % band over the input, the exact mean and the data. The two "
            f"means differ by at most {fixed(gap)}."
        )
    svg = predictive_svg(
        inputs,
        exact=exact,
        data=posterior.data,
        output=posterior.output,
        mean=None if picture is None else picture.mean,
        low=None if picture is None else picture.low,
        high=None if picture is None else picture.high,
    )
    st.image(svg, width="stretch", alt=alt)
    note = "Blue, dashed: the exact mean, by quadrature."
    if picture is not None:
        draws = f"{whole(picture.draws)} draws of the model"
        note = f"Orange: mean and 90 % band, estimated from {draws}. {note}"
    st.caption(note)


def draw_predictive(
    picture: PredictivePicture, snapshot: Snapshot, *, samples: bool, frame: str, key: str
) -> None:
    """Say that a predictive has its own place: a page that wants it calls `show_predictive`."""
    prose("This model has no picture of its posterior here.")


def match(known: list[Pair], data: list[Pair]) -> list[int] | None:
    """Return which of the known points the data are, None if they hold another one.

    Example:
        >>> match([(0, 1), (1, 1), (0, 1)], [(0, 1), (0, 1)])
        [0, 2]
        >>> match([(0, 1)], [(2, 2)]) is None
        True
    """
    left, found = list(enumerate(known)), []
    for pair in data:
        hit = next((entry for entry in left if entry[1] == pair), None)
        if hit is None:
            return None
        left.remove(hit)
        found.append(hit[0])
    return sorted(found)


def _known(target: str, data: list[Pair]) -> tuple[list[Pair], list[int]]:
    """Return all points that the page lists, and which of them are used."""
    lists: dict[str, list[Pair]] = st.session_state.setdefault(_KNOWN, {})
    known = lists.setdefault(target, data)
    used = match(known, data)
    if used is None:
        known, used = data, list(range(len(data)))
        lists[target] = known
    return known, used


def _use(known: list[Pair], trained: bool) -> None:
    chosen = sorted(st.session_state["used_points"])
    _set([known[i] for i in chosen], trained)


def _add(known: list[Pair], used: list[int], trained: bool) -> None:
    pair = (float(f"{st.session_state['new_x']:g}"), float(f"{st.session_state['new_y']:g}"))
    data = [known[i] for i in used]
    known.append(pair)
    _set([*data, pair], trained)


def _set(data: list[Pair], trained: bool) -> None:
    """Change the data; where the model had been trained, it is trained again."""
    st.session_state["pairs"] = PAIRS.read(", ".join(f"{x:g} {y:g}" for x, y in data))
    if trained:
        runs.train(typed_config())


def _said(pair: Pair) -> str:
    return "({:g}, {:g})".format(*pair).replace("-", "−")
