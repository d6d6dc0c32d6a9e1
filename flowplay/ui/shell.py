"""What all pages share: how they begin, the engine, the style."""

from __future__ import annotations

import functools
import importlib.resources
import threading
from collections.abc import Mapping

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from flowplay.config import RunConfig
from flowplay.engine import Engine
from flowplay.ui.follow import follow
from flowplay.ui.hiding import hide
from flowplay.ui.settings import CLASS, JOINED, address, adopt_rules
from flowplay.ui.switches import apply_present

#: Seconds between two looks at an engine that is not ready.
_STATUS_POLL = 0.5

#: The icon of the browser's tab, served by Streamlit: for a Material symbol the browser would ask
#: a font host.
ICON = str(importlib.resources.files(__package__).joinpath("icon.svg"))

#: The page that the session has drawn last.
_PAGE = "_page_drawn"

_engine: Engine | None = None
_engine_lock = threading.Lock()


def enter_page() -> None:
    """Begin a page; its first act.

    Streamlit runs a file of `pages/` without `navigation.py` if its address is the first that a new
    server is asked for. Turning that mode off and running again brings the page list back.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
    st.html(f"<style>{_style()}</style>")
    if CLASS in st.query_params or JOINED in st.session_state:
        # To import SQLAlchemy takes some tenths of a second.
        from flowplay.ui.joining import enter_class

        enter_class()
    apply_present()
    hide(adopt_rules().hidden, embedded=bool(st.context.is_embedded))
    _look_away()


def page_link(
    page: str,
    config: RunConfig,
    *,
    label: str,
    icon: str,
    help: str,
    about: Mapping[str, str] | None = None,
) -> None:
    """Show a link to another page, which opens it with the same run.

    Args:
        page: its file, from the root.
        config: passed on in the address.
        label: the link's text.
        icon: a Material symbol.
        help: the tooltip.
        about: what the address says beside the config, as `runs.about`.
    """
    try:
        st.page_link(
            page,
            label=label,
            icon=icon,
            help=help,
            query_params=address({**(about or {}), **config.to_flat()}),
        )
    except StreamlitPageNotFoundError:
        # A page that is run by itself, as tests do, has no others to link to.
        st.caption(f"{icon} {label}")


def engine() -> Engine:
    """Return the engine that all sessions of this process share; the first call starts it."""
    global _engine
    with _engine_lock:
        if _engine is None:
            _engine = Engine()
        return _engine


def new_engine() -> Engine:
    """Start the shared engine of a server that begins, in place of one that was closed."""
    global _engine
    with _engine_lock:
        _engine = None
    return engine()


def close_engine() -> None:
    """End the shared engine, if there is one; waits until its workers have ended.

    Pages that are still open find it closed, rather than start another.
    """
    with _engine_lock:
        ending = _engine
    if ending is not None:
        ending.close()


def leave(session: str) -> None:
    """Give the workers of a session's runs to others: its page is closed."""
    with _engine_lock:
        running = _engine
    if running is not None:
        running.leave(session)


def _look_away() -> None:
    """Take it that the session looks at no run, until the page says at which one it does.

    A page that is drawn again keeps its run's turn meanwhile; one that was left gives it up.
    """
    with _engine_lock:
        running = _engine
    context = get_script_run_ctx()
    if running is None or context is None:
        return
    if st.session_state.get(_PAGE) not in (None, context.page_script_hash):
        running.leave(context.session_id)
    st.session_state[_PAGE] = context.page_script_hash
    running.look_away(context.session_id)


@functools.cache
def _style() -> str:
    return importlib.resources.files(__package__).joinpath("style.css").read_text("utf-8")


def show_engine_status() -> None:
    """Say plainly if runs cannot train right now, until they can."""
    ready = engine().status.phase == "ready"

    def look() -> None:
        status = engine().status
        if status.phase == "unreachable":
            st.warning(status.message, icon=":material/cloud_off:")
        elif status.phase == "ready" and not ready:
            st.rerun()

    follow(look, None if ready else _STATUS_POLL)
