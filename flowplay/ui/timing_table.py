"""What each family of flows costs: operations of a layer, and times measured on this server."""

from __future__ import annotations

import json

import streamlit as st

from flowplay.catalog import FLOW_FAMILIES
from flowplay.config import RunConfig
from flowplay.numbers import whole
from flowplay.ui.follow import follow
from flowplay.ui.look import WORKER
from flowplay.ui.terms import prose
from flowplay.ui.work import Results, ask, failure

#: Seconds between two looks at what the workers have measured.
_POLL = 0.5

_ASKED = "_timing_asked"
_KIND = "timing"


@st.cache_resource(show_spinner=False)
def _measured() -> Results:
    """Return what workers have measured, for all sessions of this server."""
    return Results()


def timing_table() -> None:
    """Show the costs of each family; its times are measured by a worker when a visitor asks."""
    asked = bool(st.session_state.get(_ASKED))
    st.button(
        "Measure on this server",
        key="measure",
        icon=":material/timer:",
        help="Time 10,000 log-densities and 10,000 samples of each family's untrained default: "
        "the median of three, or one where it takes a second; one worker, one thread.",
        on_click=_ask,
    )

    def look() -> None:
        measured = _measured()
        if asked:
            _measure_next(measured)
        with st.container(key="costs"):
            prose(_table(measured))
        if asked and _complete():
            # A last run of the page ends the timer.
            st.session_state[_ASKED] = False
            st.rerun()

    follow(look, _POLL if asked and not _complete() else None)


def _ask() -> None:
    st.session_state[_ASKED] = True
    _measured().forget_failures()


def _measure_next(measured: Results) -> None:
    """Let one family at a time be measured: runs that train need the workers too."""
    if measured.busy():
        return
    name = next((name for name in FLOW_FAMILIES if measured.get(_KIND, name) is None), None)
    if name is not None:
        config = RunConfig(architecture=name).model_dump_json()
        ask(_KIND, name, f"{WORKER}:measure_timing", config, store=measured)


def _complete() -> bool:
    futures = [_measured().get(_KIND, name) for name in FLOW_FAMILIES]
    return all(future is not None and future.done() for future in futures)


def _table(measured: Results) -> str:
    rows = [
        f"| {a.label} | {a.inverse_cost} | {_cell(measured, name, 'log_prob_ms')} "
        f"| {a.forward_cost} | {_cell(measured, name, 'sample_ms')} |"
        for name, a in FLOW_FAMILIES.items()
    ]
    return "\n".join(
        [
            "| Family | Density, x → z: one layer | 10,000 densities | "
            "Sampling, z → x: one layer | 10,000 samples |",
            "|---|---|---:|---|---:|",
            *rows,
        ]
    )


def _cell(measured: Results, name: str, cost: str) -> str:
    future = measured.get(_KIND, name)
    if future is None:
        return "–"
    if not future.done():
        return "measuring…"
    if failure(future):
        return "failed"
    return f"{whole(json.loads(future.result())[cost])} ms"
