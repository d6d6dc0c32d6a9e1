"""What the server does beside its pages: it starts, prepares and ends what they need."""

from __future__ import annotations

import asyncio
import importlib
import logging
import pkgutil
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st

from flowplay import ui
from flowplay.engine import Engine
from flowplay.plugins import load_plugins
from flowplay.ui import shell

WORKERS_SECONDS = 10.0
"""How long the first workers may take to start before the rest is prepared beside them."""

logger = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Load plugins and start the engine with the server, and end it with the server."""
    try:
        load_plugins()
    except ImportError as error:
        raise SystemExit(str(error)) from None
    engine = shell.new_engine()
    # Meanwhile the server answers already: a browser loads Streamlit's own files first.
    threading.Thread(target=prepare, args=(engine,), name="flowplay-prepare", daemon=True).start()
    try:
        yield
    finally:
        await asyncio.to_thread(shell.close_engine)


def prepare(engine: Engine) -> None:
    """Import and compute what visitors would otherwise wait for: the first page's needs first.

    Args:
        engine: the one that starts meanwhile.
    """
    from flowplay.grids import density_scale, exact_density
    from flowplay.problems import PROBLEMS, make_problem
    from flowplay.ui import card, controls, example, live, tour, walk  # noqa: F401
    from flowplay.ui.picture_views import PROBLEM_CELLS

    example.example()
    for name in PROBLEMS:
        controls.target_thumbnail(name)
    # Until then workers and an early visitor's page need the cores more.
    deadline = time.monotonic() + WORKERS_SECONDS
    while engine.status.phase == "starting" and time.monotonic() < deadline:
        time.sleep(WORKERS_SECONDS / 100)
    for problem in map(make_problem, PROBLEMS):
        density_scale(problem)
        exact_density(problem, PROBLEM_CELLS)
    for module in pkgutil.walk_packages(ui.__path__, f"{ui.__name__}."):
        importlib.import_module(module.name)


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
