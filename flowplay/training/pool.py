"""The live runs that a process retains, so that the next slice of any of them starts at once."""

from __future__ import annotations

from functools import cache

from cachetools import LRUCache

from flowplay.budgets import budgets
from flowplay.training.live_run import LiveRun
from flowplay.wire import RunState


def live_run(state: RunState) -> LiveRun:
    """Return the live run of a state: the retained one, or one made anew."""
    live = _pool().pop(state.token, None)
    return live if live is not None else LiveRun(state)


def retain(live: LiveRun, token: str) -> None:
    """Retain a live run under the token of the state it now is.

    The least recently used go when all together take more than `Budgets.live_memory`.
    """
    live.token = token
    pool = _pool()
    if live.nbytes <= pool.maxsize:
        pool[token] = live


@cache
def _pool() -> LRUCache[str, LiveRun]:
    return LRUCache(budgets().live_memory, getsizeof=lambda live: live.nbytes)
