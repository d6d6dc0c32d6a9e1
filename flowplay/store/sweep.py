"""What goes from a store: what was unseen for too long, and what there is no room for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from flowplay.store.runs import AT_ONCE, delete_runs
from flowplay.store.schema import StoredData, StoredRun
from flowplay.store.store import Store

KEEP_VARIABLE: Final = "FLOWPLAY_KEEP_DAYS"
"""For how many days what nobody looks at is kept; without it, for as long as there is room."""

SEEN_SECONDS: Final = 600.0
"""What was looked at within this time stays, even where there is no room: it may be training, or be
on a page that is open. A server says so again of all runs that it holds, see `Keeper`."""

_DAY: Final = 86_400.0


class _Old(NamedTuple):
    """A run or data that could go."""

    id: str
    size: int
    is_run: bool


def sweep(
    store: Store, room: int, days: float | None, clock: Callable[[], float] = time.time
) -> int:
    """Delete what is too old, then the longest unseen until the rest fits; shared runs go last.

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
            stale = select(StoredData.digest).where(StoredData.seen_at < limit)
            gone += _delete(session, list(old), list(session.scalars(stale)))
        excess = _total(session) - room
        if excess > 0:
            runs: list[str] = []
            data: list[str] = []
            for old_one in _longest_unseen(session, clock() - SEEN_SECONDS):
                if excess <= 0:
                    break
                excess -= old_one.size
                (runs if old_one.is_run else data).append(old_one.id)
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


def _longest_unseen(session: Session, before: float) -> Iterator[_Old]:
    """Yield runs that are not shared, and data; then shared runs; each the longest unseen first."""
    run = select(StoredRun.id, StoredRun.size, StoredRun.seen_at).where(StoredRun.seen_at < before)
    own = run.where(StoredRun.shared.is_(False))
    data = select(StoredData.digest, StoredData.size, StoredData.seen_at).where(
        StoredData.seen_at < before
    )
    first = [(seen, _Old(id_, size, True)) for id_, size, seen in session.execute(own)]
    first += [(seen, _Old(digest, size, False)) for digest, size, seen in session.execute(data)]
    for _, old in sorted(first, key=lambda pair: pair[0]):
        yield old
    shared = run.where(StoredRun.shared.is_(True)).order_by(StoredRun.seen_at)
    for id_, size, _ in session.execute(shared):
        yield _Old(id_, size, True)


def _delete(session: Session, runs: list[str], data: list[str]) -> int:
    if runs:
        delete_runs(session, runs)
    for start in range(0, len(data), AT_ONCE):
        some = data[start : start + AT_ONCE]
        session.execute(delete(StoredData).where(StoredData.digest.in_(some)))
    return len(runs) + len(data)
