"""What goes from a store: what was unseen for too long, and what there is no room for."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from flowplay.store.runs import delete_runs, portions
from flowplay.store.schema import StoredClass, StoredData, StoredRun
from flowplay.store.store import Store

KEEP_VARIABLE: Final = "FLOWPLAY_KEEP_DAYS"
"""For how many days what nobody looks at is kept; without it, for as long as there is room."""

SEEN_SECONDS: Final = 600.0
"""What was looked at within this time stays, even where there is no room: it may be training, or be
on a page that is open. A server says so again of all runs that it holds, see `Keeper`."""

_DAY: Final = 86_400.0


class _Old(NamedTuple):
    """A run or data that could go; what compares as less goes first.

    Attributes:
        shared: whether it is a shared run, or data that one needs.
        seen_at: when somebody looked at it last, or at a run that needs it.
        is_data: whether it is data.
        id: of the run, or digest of the data.
        size: in bytes.
    """

    shared: bool
    seen_at: float
    is_data: bool
    id: str
    size: int


class _Need(NamedTuple):
    """Who needs some data.

    Attributes:
        last: of all runs that need them the one that goes last: whether it is shared, and when
            somebody looked at it.
        seen_at: when somebody looked at any of them last.
    """

    last: tuple[bool, float]
    seen_at: float


def sweep(
    store: Store, room: int, days: float | None, clock: Callable[[], float] = time.time
) -> int:
    """Delete what is too old, then the longest unseen until the rest fits; shared runs go last.

    Data stay for as long as there is a run, or a class, that needs them.

    Args:
        store: what is swept.
        room: bytes that runs and data may take together.
        days: for how long what nobody looks at is kept; None sets no limit.
        clock: seconds since 1970.

    Returns:
        How many runs and data were deleted.

    Raises:
        StoreError: if the database does not answer.
    """
    gone = 0
    if days is None and stored_bytes(store) <= room:
        # Nobody who writes waits for a sum.
        return gone
    with store.writing() as session:
        if days is not None:
            limit = clock() - max(days * _DAY, SEEN_SECONDS)
            old = session.scalars(select(StoredRun.id).where(StoredRun.seen_at < limit)).all()
            gone += _delete(session, old, ())
            unseen = select(StoredData.digest).where(StoredData.seen_at < limit)
            if stale := set(session.scalars(unseen)):
                gone += _delete(session, (), stale - _needs(session).keys())
        excess = _total(session) - room
        if excess > 0:
            runs: list[str] = []
            data: list[str] = []
            for old_one in sorted(_unseen(session, clock() - SEEN_SECONDS)):
                if excess <= 0:
                    break
                excess -= old_one.size
                (data if old_one.is_data else runs).append(old_one.id)
            gone += _delete(session, runs, data)
    return gone


def keep_days() -> float | None:
    """Return for how many days the environment lets things be kept, None for no limit.

    Raises:
        ValueError: if the variable is no positive number; the message is one sentence.
    """
    given = os.environ.get(KEEP_VARIABLE)
    if not given:
        return None
    try:
        days = float(given)
    except ValueError:
        days = 0.0
    if not 0 < days < float("inf"):
        raise ValueError(f"{KEEP_VARIABLE}={given!r} is no positive number of days.")
    return days


def stored_bytes(store: Store) -> int:
    """Return how many bytes runs and data take."""
    with store.reading() as session:
        return _total(session)


def _total(session: Session) -> int:
    parts = (func.sum(StoredRun.size), func.sum(StoredData.size))
    return sum(int(session.scalar(select(part)) or 0) for part in parts)


def _unseen(session: Session, before: float) -> Iterator[_Old]:
    """Yield the runs that nobody has looked at since, and the data that no other run needs."""
    run = select(StoredRun.shared, StoredRun.seen_at, StoredRun.id, StoredRun.size)
    for shared, seen_at, id_, size in session.execute(run.where(StoredRun.seen_at < before)):
        yield _Old(shared, seen_at, False, id_, size)
    data = select(StoredData.seen_at, StoredData.digest, StoredData.size)
    found = session.execute(data.where(StoredData.seen_at < before)).all()
    needs = _needs(session) if found else {}
    for seen_at, digest, size in found:
        need = needs.get(digest, _Need((False, seen_at), seen_at))
        if need.seen_at < before:
            yield _Old(*max(need.last, (False, seen_at)), True, digest, size)


def _needs(session: Session) -> dict[str, _Need]:
    """Return who needs data, by their digest."""
    needs: dict[str, _Need] = {}

    def note(digest: str | None, shared: bool, seen_at: float) -> None:
        if digest is not None:
            before = needs.get(digest, _Need((False, 0.0), 0.0))
            last = max(before.last, (shared, seen_at))
            needs[digest] = _Need(last, max(before.seen_at, seen_at))

    with_data = StoredRun.config.contains('"data"')
    run = select(StoredRun.config, StoredRun.shared, StoredRun.seen_at).where(with_data)
    for config, shared, seen_at in session.execute(run):
        note(_data_of(config), shared, seen_at)
    for plan in session.scalars(select(StoredClass.plan)):
        # A class has its end, and is swept by itself.
        note(_data_of(plan), True, float("inf"))
    return needs


def _data_of(written: str) -> str | None:
    """Return what the JSON of a config, or of a class's plan, says its target's data are."""
    try:
        values = json.loads(written)
        name = values.get("config", values)["target_options"]["data"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return name if isinstance(name, str) else None


def _delete(session: Session, runs: Collection[str], data: Collection[str]) -> int:
    delete_runs(session, list(runs))
    for some in portions(list(data)):
        session.execute(delete(StoredData).where(StoredData.digest.in_(some)))
    return len(runs) + len(data)
