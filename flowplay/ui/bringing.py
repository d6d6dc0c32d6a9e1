"""Data that a visitor brings: kept in memory and in the store, and found there again."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from flowplay import shelf
from flowplay.store import StoreError
from flowplay.ui.keeping import keeper

if TYPE_CHECKING:
    from flowplay.store.data import Data
    from flowplay.store.keeper import Keeper


def keep(content: bytes) -> str:
    """Keep data in memory, and in the store if it answers; return their digest."""
    if (kept := keeper()) is not None:
        with suppress(StoreError):
            _data(kept).put(content)
    return shelf.put(content)


def _stored(digest: str) -> bytes | None:
    """Return data from the store; None if they are not there, or the store does not answer."""
    kept = keeper()
    if kept is None:
        return None
    try:
        return _data(kept).get(digest)
    except StoreError:
        return None


def _data(kept: Keeper) -> Data:
    from flowplay.store.data import Data

    return Data(kept.store)


shelf.add_source(_stored)
