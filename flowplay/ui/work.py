"""The one way in which a page asks a worker: results are kept, failures are said in a sentence."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError

import streamlit as st

from flowplay.budgets import budgets
from flowplay.engine import EngineClosedError, WorkerLostError, WorkError
from flowplay.ui.shell import engine

#: Seconds that a page waits for a worker. Runs of other viewers occupy a worker for less than one.
PATIENCE = 30.0

_GIVEN_UP = "The work was given up."


class NotDoneError(RuntimeError):
    """A worker did not do what a page asked for; the message is one sentence for its reader."""


class Results:
    """Results by kind and key, within the budget `results_memory`. Any thread may use it.

    The ones used least recently go first.
    """

    def __init__(self) -> None:
        self._futures: dict[tuple[str, Hashable], Future[bytes]] = {}
        self._began: weakref.WeakKeyDictionary[Future[bytes], float] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def get(self, kind: str, key: Hashable) -> Future[bytes] | None:
        """Return what was asked for, None if nothing was or if it is no longer kept."""
        with self._lock:
            future = self._futures.pop((kind, key), None)
            if future is not None:
                self._futures[kind, key] = future
            return future

    def get_or_begin(
        self, kind: str, key: Hashable, begin: Callable[[], Future[bytes]]
    ) -> Future[bytes]:
        """Return what was asked for, failed or not; call `begin` if nothing was."""
        with self._lock:
            future = self._futures.pop((kind, key), None)
            if future is None:
                future = begin()
                self._began[future] = time.monotonic()
            self._futures[kind, key] = future
            self._keep_within_budget()
            return future

    def seconds(self, kind: str, key: Hashable) -> float:
        """Return for how long what was asked for has been on its way; 0 if it was not."""
        with self._lock:
            future = self._futures.get((kind, key))
            began = None if future is None else self._began.get(future)
            return 0.0 if began is None else time.monotonic() - began

    def forget_failure(self, kind: str, key: Hashable) -> None:
        """Forget what was asked for if it failed, so that it is asked for again."""
        with self._lock:
            future = self._futures.get((kind, key))
            if future is not None and failure(future):
                del self._futures[kind, key]

    def forget_failures(self) -> None:
        """Forget everything that failed."""
        with self._lock:
            for name in [name for name, future in self._futures.items() if failure(future)]:
                del self._futures[name]

    def busy(self) -> bool:
        """Tell whether something is still on its way."""
        with self._lock:
            return any(not future.done() for future in self._futures.values())

    def _keep_within_budget(self) -> None:
        """Forget results that were used least recently; never the last one."""
        total = sum(map(_size, self._futures.values()))
        for name in list(self._futures)[:-1]:
            if total <= budgets().results_memory:
                break
            if self._futures[name].done():
                total -= _size(self._futures.pop(name))


#: The results of all sessions: keys name the run, so none is another's.
_RESULTS = Results()


def ask(
    kind: str, key: Hashable, name: str, *arguments: object, store: Results | None = None
) -> Future[bytes]:
    """Ask a worker, unless the result is there, on its way, or failed.

    Args:
        kind: of the result.
        key: what this one is for.
        name: import path of the function, `package.module:function`.
        *arguments: what it is called with.
        store: keeps the result; the one of all sessions if None.
    """
    results = _RESULTS if store is None else store
    return results.get_or_begin(kind, key, lambda: engine().call(name, *arguments))


def result_of(kind: str, key: Hashable, name: str, *arguments: object) -> bytes:
    """Return what a worker makes of `arguments`; see `ask`.

    Raises:
        NotDoneError: if it failed or takes too long; see `say_not_done`.
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


def seconds_waited(kind: str, key: Hashable) -> float:
    """Return for how many seconds a result has been on its way."""
    return _RESULTS.seconds(kind, key)


def queued(future: Future[bytes]) -> bool:
    """Tell whether work still waits for a worker."""
    return engine().is_waiting(future)


def is_there(kind: str, key: Hashable) -> bool:
    """Tell whether a result is there already, so that nobody has to be told to wait."""
    future = _RESULTS.get(kind, key)
    return future is not None and future.done()


def keep(kind: str, key: Hashable, result: bytes) -> None:
    """Keep what was not made by a worker beside what was."""
    future: Future[bytes] = Future()
    future.set_result(result)
    _RESULTS.get_or_begin(kind, key, lambda: future)


def kept(kind: str, key: Hashable) -> bytes | None:
    """Return a result if it is there."""
    future = _RESULTS.get(kind, key)
    return None if future is None or not future.done() or failure(future) else future.result()


def say_not_done(sentence: str, kind: str, key: Hashable, *, button: str) -> None:
    """Say that work was not done, with a button that asks for it once more.

    Args:
        sentence: what was not done, and why.
        kind: of the result.
        key: what it was for.
        button: key of the button.
    """
    st.warning(sentence, icon=":material/error:")
    st.button(
        "Try again",
        key=button,
        help="Ask a worker once more.",
        on_click=_RESULTS.forget_failure,
        args=(kind, key),
    )


def _size(future: Future[bytes]) -> int:
    done = future.done() and not future.cancelled() and future.exception() is None
    return len(future.result()) if done else 0
