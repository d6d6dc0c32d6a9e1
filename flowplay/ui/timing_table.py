"""The families' costs, as theory counts them and as this server measures them."""

from __future__ import annotations

import json
from concurrent.futures import Future

import streamlit as st

from flowplay.catalog import FLOW_FAMILIES
from flowplay.config import RunConfig
from flowplay.ui.follow import follow
from flowplay.ui.shell import engine
from flowplay.ui.work import failure

#: Seconds between two looks at what the workers have measured.
_POLL = 0.5

_ASKED = "_timing_asked"


@st.cache_resource(show_spinner=False)
def _measured() -> dict[str, Future[bytes]]:
    """Return what has been asked of the workers, for all sessions of this server."""
    return {}


def timing_table() -> None:
    """Show theory beside measurement; workers measure one family after another, when asked."""
    asked = bool(st.session_state.get(_ASKED))
    st.button(
        "Measure on this server",
        key="measure",
        icon=":material/timer:",
        help="Time 10,000 log-densities and 10,000 samples of each family's untrained default: "
        "the median of three, one worker, one thread.",
        on_click=_ask,
    )

    def look() -> None:
        board = _measured()
        if asked:
            _advance(board)
        with st.container(key="costs"):
            st.markdown(_table(board))
        if asked and _complete():
            # The timer ends with the measuring; the next visitor finds the numbers.
            st.session_state[_ASKED] = False
            st.rerun()

    follow(look, _POLL if asked and not _complete() else None)


def _ask() -> None:
    st.session_state[_ASKED] = True
    board = _measured()
    for name in [name for name, future in board.items() if failure(future)]:
        del board[name]


def _advance(board: dict[str, Future[bytes]]) -> None:
    """Let one family at a time be measured: runs that train need the workers too."""
    if any(not future.done() for future in board.values()):
        return
    name = next((name for name in FLOW_FAMILIES if name not in board), None)
    if name is not None:
        config = RunConfig(architecture=name)
        board[name] = engine().call(
            "flowplay.training.worker:measure_timing", config.model_dump_json()
        )


def _complete() -> bool:
    board = _measured()
    return all(name in board and board[name].done() for name in FLOW_FAMILIES)


def _table(board: dict[str, Future[bytes]]) -> str:
    rows = [
        f"| {a.label} | {a.inverse_cost} | {_cell(board, name, 'log_prob_ms')} "
        f"| {a.forward_cost} | {_cell(board, name, 'sample_ms')} |"
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


def _cell(board: dict[str, Future[bytes]], name: str, cost: str) -> str:
    future = board.get(name)
    if future is None:
        return "–"
    if not future.done():
        return "measuring…"
    if failure(future):
        return "failed"
    return f"{json.loads(future.result())[cost]:,.0f} ms"
