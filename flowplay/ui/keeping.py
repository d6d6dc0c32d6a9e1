"""The keeper of this server: it starts and ends with it, and pages ask it for runs."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from flowplay.budgets import budgets
from flowplay.limits import limits

if TYPE_CHECKING:
    from flowplay.store.keeper import Keeper

#: Seconds that a page waits for a keeper that is about to be there.
PATIENCE = 5.0

#: What is wrong with these is said before the server starts.
_VARIABLES = ("FLOWPLAY_DATABASE", "FLOWPLAY_KEEP_DAYS")

logger = logging.getLogger(__name__)

_keeper: Keeper | None = None
_ready = threading.Event()
_ready.set()  # Without a server, as in tests, there is none and none will come.


def keeper() -> Keeper | None:
    """Return the keeper of this server, None if there is none."""
    _ready.wait(PATIENCE)
    return _keeper


def start_keeper() -> None:
    """Start the keeper of a server that begins, beside what else it prepares.

    Raises:
        ValueError: if the environment names a database that cannot be used, no number of days, or
            no number for another limit; the message is one sentence.
    """
    limits()
    _ready.clear()
    if any(os.environ.get(variable) for variable in _VARIABLES):
        _start()
    else:
        # To import SQLAlchemy takes some tenths of a second.
        threading.Thread(target=_start, name="flowplay-store", daemon=True).start()


def close_keeper() -> None:
    """Write what is still to be written."""
    global _keeper
    ending, _keeper = _keeper, None
    if ending is not None:
        ending.close()


def _start() -> None:
    global _keeper
    try:
        from flowplay.store.keeper import Keeper
        from flowplay.store.store import Store
        from flowplay.store.sweep import keep_days

        _keeper = Keeper(
            Store(),
            room=int(budgets().store_bytes),
            days=keep_days(),
            class_days=limits().class_days,
        )
        _keeper.start()
    finally:
        _ready.set()
