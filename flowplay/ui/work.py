"""The one way in which a page asks a worker: results held for a while, failures in a sentence."""

from __future__ import annotations

from collections.abc import Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TypeAlias

import streamlit as st

from flowplay.engine import EngineClosedError, WorkerLostError, WorkError
from flowplay.ui.shell import engine

#: Seconds that a page waits for a worker, which other viewers' runs keep busy for less than one.
PATIENCE = 30.0

#: Bytes of results that a session holds; the newest of each kind is always among them.
HELD_BYTES = 16 * 2**20

_RESULTS = "_results"

Results: TypeAlias = dict[tuple[str, Hashable], "Future[bytes]"]


class NotDoneError(RuntimeError):
    """A worker did not do what a page asked for; the message is one sentence for its reader."""


def ask(kind: str, key: Hashable, name: str, *arguments: object) -> Future[bytes]:
    """Ask a worker, unless this session has the result or is waiting for it.

    Args:
        kind: of the result.
        key: what this one is for.
        name: import path of the function, `package.module:function`.
        *arguments: what it is called with.
    """
    results: Results = st.session_state.setdefault(_RESULTS, {})
    future = results.pop((kind, key), None)
    if future is None or failure(future):
        future = engine().call(name, *arguments)
    results[kind, key] = future
    _bound(results)
    return future


def result_of(kind: str, key: Hashable, name: str, *arguments: object) -> bytes:
    """Return what a worker makes of `arguments`; see `ask`.

    Raises:
        NotDoneError: if it failed or takes too long; asking again begins anew or waits on.
    """
    return wait(ask(kind, key, name, *arguments))


def wait(future: Future[bytes]) -> bytes:
    """Return a result, after waiting for it for at most `PATIENCE`.

    Raises:
        NotDoneError: if the work failed or takes too long.
    """
    try:
        return future.result(PATIENCE)
    except FutureTimeoutError:
        raise NotDoneError("The workers are busy; it takes longer than usual.") from None
    except (WorkError, WorkerLostError, EngineClosedError) as error:
        raise NotDoneError(str(error)) from error


def failure(future: Future[bytes]) -> str:
    """Say why work that is done has failed; empty if it has not."""
    if not future.done():
        return ""
    if future.cancelled():
        return "The work was given up."
    error = future.exception()
    return "" if error is None else str(error)


def is_there(kind: str, key: Hashable) -> bool:
    """Tell whether a result is there already, so that nobody has to be told to wait."""
    future = st.session_state.get(_RESULTS, {}).get((kind, key))
    return future is not None and future.done()


def _bound(results: Results) -> None:
    """Forget the oldest results beyond `HELD_BYTES`, except the newest of each kind."""
    newest = {kind: (kind, key) for kind, key in results}
    total = sum(map(_size, results.values()))
    for name in list(results):
        if total <= HELD_BYTES:
            break
        if newest[name[0]] != name and results[name].done():
            total -= _size(results.pop(name))


def _size(future: Future[bytes]) -> int:
    done = future.done() and not future.cancelled() and future.exception() is None
    return len(future.result()) if done else 0
