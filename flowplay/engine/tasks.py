"""What runs in a worker process: work named by its import path.

Names instead of functions, so that the web process never imports what trains.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pkgutil
import sys
import time
import uuid
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from flowplay import shelf
from flowplay.budgets import HELD_BYTES
from flowplay.errors import MissingDataError, RefusedError

if TYPE_CHECKING:
    from distributed import Worker

NICENESS = 5
"""Workers give way to the page: it shares their cores in the embedded cluster."""

logger = logging.getLogger(__name__)

_held: OrderedDict[str, bytes] = OrderedDict()


class Held(NamedTuple):
    """Stands for a state that the worker gave this name and may still hold."""

    name: str


class Report(NamedTuple):
    """What a worker hands back.

    Attributes:
        value: what the work returned, None if it raised.
        error: empty, or in one line what it raised. Only text travels: unpickling an exception
            would import its module (torch, for one) into the web process.
        worker: address of the worker that did it.
        held: name under which it holds the state that it returned, else empty.
        missing: whether nothing was done, since a `Held` argument is not held (any more).
        refused: whether `error` is a sentence for the viewer, who can mend it.
        wanted: digest of the data that the work needs and the worker does not have, else empty.
        busy: seconds of the processor that the work took.
    """

    value: object
    error: str
    worker: str
    held: str = ""
    missing: bool = False
    refused: bool = False
    wanted: str = ""
    busy: float = 0.0


async def work(name: str, arguments: tuple[object, ...], hold: bool, dask_worker: Worker) -> Report:
    """Do work in the thread that does a Dask worker's tasks; see `_work`.

    Its event loop waits for the thread and stays free. Dask recognises `dask_worker` by its name
    and gives the worker itself.
    """
    thread = dask_worker.executors["default"]
    address = str(dask_worker.address)
    return await asyncio.get_running_loop().run_in_executor(
        thread, _work, address, name, arguments, hold
    )


def _work(address: str, name: str, arguments: tuple[object, ...], hold: bool) -> Report:
    """Call the function of the import path `name`, `package.module:function`.

    Args:
        address: of the worker.
        name: the import path.
        arguments: what it is called with; a `Held` among them is replaced by that state.
        hold: whether the first of the values it returns is a state to hold.
    """
    if any(isinstance(a, Held) and a.name not in _held for a in arguments):
        return Report(None, "", address, missing=True)
    # A state is used once: after the slice its successor takes its place.
    taken = {a.name: _held.pop(a.name) for a in arguments if isinstance(a, Held)}
    given = [taken[a.name] if isinstance(a, Held) else a for a in arguments]
    began = time.thread_time()
    try:
        value = pkgutil.resolve_name(name)(*given)
        held = hold_state(value[0]) if hold else ""
        return Report(value, "", address, held, busy=time.thread_time() - began)
    except MissingDataError as error:
        _held.update(taken)
        return Report(None, "", address, wanted=error.digest)
    except RefusedError as error:
        return Report(None, str(error), address, refused=True)
    except Exception as error:
        logger.exception("%s failed", name)
        return Report(None, one_line(error), address)


def take_data(content: bytes) -> None:
    """Take data that runs name by their digest."""
    shelf.put(content)


def end() -> None:
    """End this worker's process at once."""
    os._exit(1)


def hold_state(state: bytes) -> str:
    """Hold a state, forgetting the oldest ones beyond `HELD_BYTES`.

    Returns:
        Its name; empty if the state alone is larger than that, and is not held.
    """
    if len(state) > HELD_BYTES:
        return ""
    name = uuid.uuid4().hex
    _held[name] = state
    while sum(map(len, _held.values())) > HELD_BYTES:
        _held.popitem(last=False)
    return name


def warm(module: str | None) -> None:
    """Make the calling worker thread ready: niced, `module` imported and its `warm()` called.

    On Linux niceness belongs to a thread, so training yields while the worker's own event loop
    keeps answering at once.
    """
    logging.getLogger("distributed.worker").addFilter(_is_news)
    if sys.platform != "win32" and os.nice(0) < NICENESS:
        os.nice(NICENESS - os.nice(0))
    if module is None:
        return
    prepare = getattr(pkgutil.resolve_name(module), "warm", None)
    if prepare is not None:
        prepare()


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether a line of the worker's log is more than the mention of a slice."""
    return not str(record.msg).startswith("Run out-of-band function")


def one_line(error: BaseException) -> str:
    """Say in one line what an exception says, with its type.

    Example:
        >>> one_line(ValueError("no such depth\\n  at line 3"))
        'ValueError: no such depth'
        >>> one_line(KeyError())
        'KeyError'
    """
    text = str(error).strip()
    name = type(error).__name__
    return f"{name}: {text.splitlines()[0][:200]}" if text else name
