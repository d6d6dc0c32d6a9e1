"""What an architecture is, as the catalog says, wherever a page speaks of it."""

from __future__ import annotations

import json

import streamlit as st

from flowplay.catalog import Architecture, FlowFamily
from flowplay.config import RunConfig
from flowplay.engine import Run
from flowplay.numbers import fixed, number, whole
from flowplay.ui.energies import direction_note
from flowplay.ui.look import WORKER
from flowplay.ui.shell import engine
from flowplay.ui.terms import prose
from flowplay.ui.work import NotDoneError, result_of, say_not_done

#: The target for which a card says what is typical, where no run is shown.
DEFAULT_TARGET = RunConfig.model_fields["target"].default


def architecture_card(architecture: Architecture, target: str = DEFAULT_TARGET) -> None:
    """Show what an architecture is, its formulas and costs if it is a flow, and its paper.

    Args:
        architecture: as it learns the target.
        target: name of what is learned.
    """
    st.markdown(f"**{architecture.label}.** {architecture.idea}")
    costs = f"- What is exact: {architecture.exactness}\n" if architecture.exactness else ""
    if architecture.equation:
        st.latex(architecture.equation)
    if isinstance(architecture, FlowFamily):
        prose(
            "Its [[Jacobian]] and [[log-det]] from z to x. From x to z, the log-det has the "
            "opposite sign."
        )
        st.latex(architecture.jacobian)
        if architecture.in_paper:
            prose(architecture.in_paper)
        costs = (
            f"- [[Density|density]] (x → z), for each layer: {architecture.inverse_cost}\n"
            f"- Sampling (z → x), for each layer: {architecture.forward_cost}\n"
            f"- Log-det, in operations beyond the [[pass]]: {architecture.log_det_cost}\n"
            f"- What is exact: {architecture.exactness}\n"
        )
    prose(
        f"{costs}"
        f"- Use it: {architecture.use_when}\n"
        f"- Weakness: {architecture.weakness}\n"
        f"- Typical here: {_typical(architecture, target)}\n"
        f"- {architecture.paper.authors}, [{architecture.paper.title}]"
        f"({architecture.paper.url}), {architecture.paper.year}"
    )
    if architecture.loss:
        prose(architecture.loss)


def family_card(config: RunConfig, run: Run) -> None:
    """Offer the card of a run's architecture, with times of its own model, measured on opening."""
    architecture = config.entry
    st.caption(architecture.idea)
    direction_note(config)
    card = st.popover(
        "About this model",
        icon=":material/info:",
        type="tertiary",
        key="card",
        help="What it is, what it costs, when to use it.",
        on_change="rerun",
    )
    with card:
        architecture_card(architecture, config.target)
        if card.open:
            _show_measured(config, run)


def _show_measured(config: RunConfig, run: Run) -> None:
    if engine().status.phase != "ready":
        st.caption("Its costs are measured as soon as a worker is ready.")
        return
    key = (config.model_dump_json(), run.id)
    try:
        timing = json.loads(result_of("timing", key, f"{WORKER}:measure_timing", key[0], run.state))
    except NotDoneError as error:
        sentence = f"Its costs could not be measured: {error}"
        say_not_done(sentence, "timing", key, button="timing_again")
        return
    evaluations = (
        f", {timing['evaluations']} evaluations of the field" if timing["evaluations"] else ""
    )
    log_prob = timing["log_prob_ms"]
    density = "" if log_prob is None else f"log_prob {_milliseconds(log_prob)}"
    sample = f"sample {_milliseconds(timing['sample_ms'])}"
    st.caption(
        f"Measured on this server for {whole(timing['points'])} points: "
        f"{'; '.join(filter(None, [density + evaluations, sample]))}."
    )


def _milliseconds(value: float) -> str:
    return f"{whole(value)} ms" if value >= 10 else f"{fixed(value, 1)} ms"


def _typical(architecture: Architecture, target: str) -> str:
    config = RunConfig(target=target, architecture=architecture.name)
    parts = [f"learning rate {number(config.learning_rate)}"]
    if architecture.conditioned:
        parts.insert(0, f"width {config.width}")
    if architecture.depth_help is not None:
        parts.insert(0, f"depth {config.depth}")
    return ", ".join(parts)
