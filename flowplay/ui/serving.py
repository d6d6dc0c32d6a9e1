"""What the server does beside its pages: it starts, prepares and ends what they need."""

from __future__ import annotations

import asyncio
import importlib
import logging
import pkgutil
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st

from flowplay.plugins import load_plugins
from flowplay.ui import shell

logger = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Load plugins and start the engine with the server, and end it with the server."""
    load_plugins()
    shell.engine()
    # Meanwhile the server answers already: a browser loads Streamlit's own files first.
    threading.Thread(target=prepare, name="flowplay-prepare", daemon=True).start()
    try:
        yield
    finally:
        await asyncio.to_thread(shell.close_engine)


def prepare() -> None:
    """Import and compute what a first visitor would otherwise wait for."""
    import flowplay.ui

    for module in pkgutil.walk_packages(flowplay.ui.__path__, "flowplay.ui."):
        importlib.import_module(module.name)

    from flowplay.pictures import density_scale, exact_density
    from flowplay.problems import PROBLEMS, make_problem
    from flowplay.ui.controls import target_thumbnail
    from flowplay.ui.example import example
    from flowplay.ui.pictures import PROBLEM_CELLS

    example()
    for name in PROBLEMS:
        problem = make_problem(name)
        target_thumbnail(name)
        density_scale(problem)
        exact_density(problem, PROBLEM_CELLS)


def say_error(error: Exception) -> bool:
    """Log what a page raised, and say on the page that something went wrong; no more than that.

    Returns:
        True, so that Streamlit shows nothing of its own.
    """
    logger.error("A page failed", exc_info=error)
    st.error(
        "This page could not be shown because of an error on the server. Reload it to try again.",
        icon=":material/error:",
    )
    return True
