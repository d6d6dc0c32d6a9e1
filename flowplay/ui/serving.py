"""What the server does beside its pages: it starts, prepares and ends what they need."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st

from flowplay import kernels
from flowplay.engine import Engine
from flowplay.plugins import load_plugins
from flowplay.ui import keeping, shell

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
    try:
        keeping.start_keeper()
    except ValueError as error:
        raise SystemExit(str(error)) from None
    engine = shell.new_engine()
    try:
        import_first_page()
        # Meanwhile the server answers already: a browser loads Streamlit's own files first.
        threading.Thread(
            target=prepare, args=(engine,), name="flowplay-prepare", daemon=True
        ).start()
        yield
    finally:
        # Runs are written while the engine still holds them.
        await asyncio.to_thread(keeping.close_keeper)
        await asyncio.to_thread(shell.close_engine)


def import_first_page() -> None:
    """Import what the first page needs.

    Eight tabs that come back to a restarted server would import it in eight threads at once, which
    takes them longer than one.
    """
    import pandas  # noqa: F401  Streamlit's components do

    from flowplay.ui import card, controls, example, live, tour, walk  # noqa: F401


def prepare(engine: Engine) -> None:
    """Compute and import what visitors would otherwise wait for: the first page's needs first.

    Args:
        engine: the one that starts meanwhile.
    """
    from flowplay.grids import density_scale, exact_density
    from flowplay.problems import PROBLEMS, make_problem
    from flowplay.ui import controls, example
    from flowplay.ui.picture_views import PROBLEM_CELLS

    first = example.example().config.problem().group
    for name, kind in PROBLEMS.items():
        if kind.group == first:
            controls.target_thumbnail(name)
    # Until then workers and an early visitor's page need the cores more.
    deadline = time.monotonic() + WORKERS_SECONDS
    while engine.status.phase == "starting" and time.monotonic() < deadline:
        time.sleep(WORKERS_SECONDS / 100)
    if engine.starts_workers:
        threading.Thread(target=kernels.compile_ahead, name="flowplay-compile", daemon=True).start()
    # What has no density has data, which are read when somebody wants to see them.
    for problem in map(make_problem, PROBLEMS):
        if problem.density is not None:
            controls.target_thumbnail(problem.name)
            density_scale(problem)
            exact_density(problem, PROBLEM_CELLS)
    # Not what Change of variables needs: SciPy's statistics take 50 MB, and some tenths of a second
    # when somebody opens it first.
    from flowplay.ui import boards, compress, guide, inside  # noqa: F401
    from flowplay.ui.pace import reference_step

    reference_step()


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
