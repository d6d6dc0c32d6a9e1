"""The one way in which a page asks a worker: results are kept, failures are told in a sentence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError

import streamlit as st

from flowplay.engine import EngineClosedError, WorkerLostError, WorkError
from flowplay.ui.shell import engine

#: Seconds that a page waits for a worker. Runs of other viewers occupy a worker for less than one.
PATIENCE = 30.0

#: Bytes of results that are kept; the newest of each kind is always among them.
KEPT_BYTES = 16 * 2**20

_RESULTS = "_results"

_GIVEN_UP = "The work was given up."


class NotDoneError(RuntimeError):
    """A worker did not do what a page asked for; the message is one sentence for its reader."""


class Results:
    """What workers have been asked for, by kind and key. Any thread may use it."""

    def __init__(self) -> None:
        self._futures: dict[tuple[str, Hashable], Future[bytes]] = {}
        self._lock = threading.Lock()

    def get(self, kind: str, key: Hashable) -> Future[bytes] | None:
        """Return what was asked for, None if nothing was."""
        with self._lock:
            return self._futures.get((kind, key))

    def get_or_begin(
        self, kind: str, key: Hashable, begin: Callable[[], Future[bytes]]
    ) -> Future[bytes]:
        """Return what was asked for; call `begin` if nothing was, or if it failed."""
        with self._lock:
            future = self._futures.pop((kind, key), None)
            if future is None or failure(future):
                future = begin()
            self._futures[kind, key] = future
            self._forget_oldest()
            return future

    def forget_failures(self) -> None:
        """Forget what failed."""
        with self._lock:
            for name in [name for name, future in self._futures.items() if failure(future)]:
                del self._futures[name]

    def busy(self) -> bool:
        """Tell whether something is still on its way."""
        with self._lock:
            return any(not future.done() for future in self._futures.values())

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._futures.clear()

    def _forget_oldest(self) -> None:
        """Forget the oldest results beyond `KEPT_BYTES`, except the newest of each kind."""
        newest = {kind: (kind, key) for kind, key in self._futures}
        total = sum(map(_size, self._futures.values()))
        for name in list(self._futures):
            if total <= KEPT_BYTES:
                break
            if newest[name[0]] != name and self._futures[name].done():
                total -= _size(self._futures.pop(name))


def ask(
    kind: str, key: Hashable, name: str, *arguments: object, store: Results | None = None
) -> Future[bytes]:
    """Ask a worker, unless the result is there or on its way.

    Args:
        kind: of the result.
        key: what this one is for.
        name: import path of the function, `package.module:function`.
        *arguments: what it is called with.
        store: keeps the result; the session's own if None.
    """
    results = _session_results() if store is None else store
    return results.get_or_begin(kind, key, lambda: engine().call(name, *arguments))


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
    except CancelledError:
        raise NotDoneError(_GIVEN_UP) from None
    except (WorkError, WorkerLostError, EngineClosedError) as error:
        raise NotDoneError(str(error)) from error


def failure(future: Future[bytes]) -> str:
    """Say why work that is done has failed; empty if it has not."""
    if not future.done():
        return ""
    if future.cancelled():
        return _GIVEN_UP
    error = future.exception()
    return "" if error is None else str(error)


def is_there(kind: str, key: Hashable) -> bool:
    """Tell whether the session has a result already, so that nobody has to be told to wait."""
    future = _session_results().get(kind, key)
    return future is not None and future.done()


def _session_results() -> Results:
    results: Results = st.session_state.setdefault(_RESULTS, Results())
    return results


def _size(future: Future[bytes]) -> int:
    done = future.done() and not future.cancelled() and future.exception() is None
    return len(future.result()) if done else 0
