"""Work that a page asks a worker for and waits for: results kept, failures said in a sentence."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

import streamlit as st

from flowplay.engine import EngineClosedError, WorkerLostError, WorkError
from flowplay.ui.shell import engine

#: Seconds that a page waits for a worker, which other viewers' runs keep busy for less than one.
PATIENCE = 30.0

#: Results of each kind that a session keeps: frames take a megabyte.
KEPT = 4

_RESULTS = "_results"


class NotDoneError(RuntimeError):
    """A worker did not do what a page asked for; the message is one sentence for its reader."""


def result_of(kind: str, key: Hashable, name: str, *arguments: object) -> bytes:
    """Return what a worker makes of `arguments`, from memory if this session asked before.

    Args:
        kind: of the results, which are kept apart.
        key: what this one is for.
        name: import path of the function, `package.module:function`.
        *arguments: what it is called with.

    Raises:
        NotDoneError: if it failed or takes too long; asking again begins anew or waits on.
    """
    everything: dict[str, OrderedDict[Hashable, Future[bytes]]]
    everything = st.session_state.setdefault(_RESULTS, {})
    kept = everything.setdefault(kind, OrderedDict())
    future = kept.pop(key, None) or engine().call(name, *arguments)
    kept[key] = future
    while len(kept) > KEPT:
        kept.popitem(last=False)
    try:
        return future.result(PATIENCE)
    except FutureTimeoutError:
        raise NotDoneError("The workers are busy; it takes longer than usual.") from None
    except (WorkError, WorkerLostError, EngineClosedError) as error:
        kept.pop(key, None)
        raise NotDoneError(str(error)) from error


def is_kept(kind: str, key: Hashable) -> bool:
    """Tell whether a result is there already, so that nobody has to be told to wait."""
    future = st.session_state.get(_RESULTS, {}).get(kind, {}).get(key)
    return future is not None and future.done()
