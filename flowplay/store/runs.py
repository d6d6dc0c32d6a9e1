"""The runs that are kept, and the copies of runs that links show."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, undefer

from flowplay.config import HotSettings, RunConfig
from flowplay.store.errors import OTHER_VERSION, StoreError
from flowplay.store.ids import SHORT, is_id, new_id
from flowplay.store.schema import StoredEarlierState, StoredRun
from flowplay.store.store import Store
from flowplay.wire import EarlierWeights, Header, RunState, Snapshot

TITLE_LENGTH = 80
"""Characters that a title may have."""

MOST_LINKS = 1000
"""Runs that a browser may share: each is a whole copy, and copies go last where room is short."""

AT_ONCE = 500
"""Ids in one statement: databases have a limit."""


@dataclass(frozen=True)
class KeptRun:
    """A run as it is written and read.

    Attributes:
        id: names it.
        owner: digest of the secret of the browser that it belongs to.
        config: what defines it.
        hot: the settings of its next slice.
        training: whether it is to go on by itself.
        state: bytes of its `RunState`, None before the first.
        snapshot: bytes of the `Snapshot` that belongs to the state.
        header: of that snapshot.
        earlier: bytes of `EarlierWeights` by step.
        title: what its owner calls it, else empty.
        shared: whether it is a copy that does not change.
    """

    id: str
    owner: str
    config: RunConfig
    hot: HotSettings
    training: bool
    state: bytes | None = None
    snapshot: bytes | None = None
    header: Header | None = None
    earlier: Mapping[int, bytes] = field(default_factory=dict)
    title: str = ""
    shared: bool = False

    @property
    def size(self) -> int:
        """Bytes of state, snapshot and earlier weights."""
        parts = (self.state or b"", self.snapshot or b"", *self.earlier.values())
        return sum(map(len, parts))


class RunEntry(NamedTuple):
    """What a list of runs shows of one.

    Attributes:
        id: names it.
        title: what its owner calls it, else empty.
        config: what defines it; None if this version cannot read it.
        training: whether it is to go on by itself.
        step: optimizer steps taken.
        changed_at: when it was written last, in seconds since 1970.
        links: the ids under which copies of it are shared, newest first.
        snapshot: bytes of its `Snapshot`, None before the first.
    """

    id: str
    title: str
    config: RunConfig | None
    training: bool
    step: int
    changed_at: float
    links: tuple[str, ...]
    snapshot: bytes | None


class Runs:
    """Runs in a store. Every method raises `StoreError` if the database does not answer.

    Args:
        store: where they are.
        clock: seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def write(self, run: KeptRun, host: str, *, known: frozenset[int] | None) -> bool:
        """Write a run's newest state.

        Args:
            run: the run.
            host: the process that trains it.
            known: steps of the earlier weights that are written already; None writes the run for
                the first time.

        Returns:
            Whether it was written; it is not if it was deleted, or if another process trains it.
        """
        now = self._clock()
        values = {
            "hot": run.hot.model_dump_json(),
            "training": run.training,
            "step": 0 if run.header is None else run.header.step,
            "seconds": 0.0 if run.header is None else run.header.seconds,
            "state": run.state,
            "snapshot": run.snapshot,
            "size": run.size,
            "changed_at": now,
            "seen_at": now,
        }
        try:
            with self._store.writing() as session:
                if known is None:
                    _insert(session, run, host, values | {"created_at": now}, origin="")
                    _write_earlier(session, run, frozenset())
                    return True
                return self._update(session, run, host, values, known)
        except IntegrityError:
            # The database went away just when it had written: what it has now is asked for.
            with self._store.writing() as session:
                steps = select(StoredEarlierState.step).where(StoredEarlierState.run == run.id)
                there = frozenset(session.scalars(steps))
                return self._update(session, run, host, values, there)

    def _update(
        self,
        session: Session,
        run: KeptRun,
        host: str,
        values: Mapping[str, object],
        known: frozenset[int],
    ) -> bool:
        own = (StoredRun.id == run.id, StoredRun.host == host)
        if not _changes(session, update(StoredRun).where(*own).values(values)):
            return False
        _write_earlier(session, run, known)
        return True

    def read(self, id_: str) -> KeptRun | None:
        """Return a run with all that it takes to go on from it, None if there is none.

        Raises:
            StoreError: also if another version of flowplay wrote it.
        """
        if not is_id(id_):
            return None
        with self._store.reading() as session:
            whole = (undefer(StoredRun.state), undefer(StoredRun.snapshot))
            row = session.get(StoredRun, id_, options=whole)
            if row is None:
                return None
            earlier = select(StoredEarlierState).where(StoredEarlierState.run == id_)
            weights = {e.step: e.weights for e in session.scalars(earlier)}
        return _read(row, weights)

    def picture(self, id_: str) -> KeptRun | None:
        """Return a run without its state and earlier weights, None if there is none.

        Raises:
            StoreError: also if another version of flowplay wrote it.
        """
        if not is_id(id_):
            return None
        with self._store.reading() as session:
            row = session.get(StoredRun, id_, options=(undefer(StoredRun.snapshot),))
        return None if row is None else _read(row, {}, with_state=False)

    def claim(self, id_: str, host: str) -> bool:
        """Let a process train a run from now on; whoever did so before finds it at its next write.

        Returns:
            Whether there is such a run.
        """
        wanted = (StoredRun.id == id_, StoredRun.shared.is_(False))
        values = {"host": host, "seen_at": self._clock()}
        with self._store.writing() as session:
            return _changes(session, update(StoredRun).where(*wanted).values(values))

    def see(self, *ids: str) -> None:
        """Note that somebody looks at runs."""
        now = self._clock()
        for some in portions(ids):
            with self._store.writing() as session:
                session.execute(update(StoredRun).where(StoredRun.id.in_(some)).values(seen_at=now))

    def elsewhere(self, ids: Sequence[str], host: str) -> list[str]:
        """Return those runs that another process than `host` has claimed."""
        found: list[str] = []
        for some in portions(ids):
            claimed = (StoredRun.id.in_(some), StoredRun.host != host)
            with self._store.reading() as session:
                found += session.scalars(select(StoredRun.id).where(*claimed))
        return found

    def share(self, run: KeptRun) -> str:
        """Keep a copy of a run that does not change any more; return its id, for a link.

        A run that has not changed since it was last shared keeps its link.

        Raises:
            ValueError: if there is nothing to look at yet, or the browser has too many links; the
                message is one sentence.
        """
        if run.header is None or run.state is None:
            raise ValueError("A run can be shared as soon as it has a picture.")
        now = self._clock()
        copy = KeptRun(
            id=new_id(SHORT),
            owner=run.owner,
            config=run.config,
            hot=run.hot,
            training=False,
            state=run.state,
            snapshot=run.snapshot,
            header=run.header,
            earlier=run.earlier,
            title=run.title,
            shared=True,
        )
        values = {
            "hot": copy.hot.model_dump_json(),
            "training": False,
            "step": run.header.step,
            "seconds": run.header.seconds,
            "state": copy.state,
            "snapshot": copy.snapshot,
            "size": copy.size,
            "created_at": now,
            "changed_at": now,
            "seen_at": now,
        }
        same = (
            StoredRun.origin == run.id,
            StoredRun.owner == run.owner,
            StoredRun.shared.is_(True),
            StoredRun.step == run.header.step,
            StoredRun.title == run.title,
            StoredRun.state == run.state,
        )
        with self._store.writing() as session:
            before = session.scalar(select(StoredRun.id).where(*same).limit(1)) if run.id else None
            if before is not None:
                return before
            links = (StoredRun.owner == run.owner, StoredRun.shared.is_(True))
            if (session.scalar(select(func.count()).where(*links)) or 0) >= MOST_LINKS:
                raise ValueError(
                    f"This browser shares {MOST_LINKS} runs already: delete one under My runs."
                )
            _insert(session, copy, "", values, origin=run.id)
            _write_earlier(session, copy, frozenset())
        return copy.id

    def of(self, owner: str, *, most: int, skip: int = 0) -> list[RunEntry]:
        """Return a browser's runs, those that changed last first.

        Args:
            owner: digest of the browser's secret.
            most: how many to return at most.
            skip: how many to leave out at the beginning.
        """
        own = select(StoredRun).where(StoredRun.owner == owner)
        wanted = (
            own.where(StoredRun.shared.is_(False), StoredRun.snapshot.is_not(None))
            .order_by(StoredRun.changed_at.desc(), StoredRun.id)
            .offset(skip)
            .limit(most)
            .options(undefer(StoredRun.snapshot))
        )
        with self._store.reading() as session:
            rows = list(session.scalars(wanted))
            copies = own.where(
                StoredRun.shared.is_(True), StoredRun.origin.in_([row.id for row in rows])
            ).order_by(StoredRun.created_at.desc())
            links: dict[str, list[str]] = {}
            for copy in session.scalars(copies):
                links.setdefault(copy.origin, []).append(copy.id)
        return [_entry(row, links.get(row.id, ())) for row in rows]

    def loose_links(self, owner: str, *, most: int) -> list[RunEntry]:
        """Return the copies that a browser shares of runs that `of` does not list, newest first.

        Such a run was deleted, or was never kept.

        Args:
            owner: digest of the browser's secret.
            most: how many to return at most.
        """
        own = StoredRun.owner == owner
        listed = select(StoredRun.id).where(
            own, StoredRun.shared.is_(False), StoredRun.snapshot.is_not(None)
        )
        wanted = (
            select(StoredRun)
            .where(own, StoredRun.shared.is_(True), StoredRun.origin.not_in(listed))
            .order_by(StoredRun.created_at.desc(), StoredRun.id)
            .limit(most)
            .options(undefer(StoredRun.snapshot))
        )
        with self._store.reading() as session:
            return [_entry(row, (row.id,)) for row in session.scalars(wanted)]

    def rename(self, id_: str, owner: str, title: str) -> bool:
        """Give a run a title; return whether the browser has such a run.

        Args:
            id_: of the run.
            owner: digest of the browser's secret.
            title: anything; see `clean_title`.
        """
        own = (StoredRun.id == id_, StoredRun.owner == owner)
        named = update(StoredRun).where(*own).values(title=clean_title(title))
        with self._store.writing() as session:
            return _changes(session, named)

    def delete(self, id_: str, owner: str) -> bool:
        """Delete a run, or a copy that was shared; return whether the browser has such a one."""
        own = select(StoredRun.id).where(StoredRun.id == id_, StoredRun.owner == owner)
        with self._store.writing() as session:
            if session.scalar(own) is None:
                return False
            delete_runs(session, [id_])
        return True


def clean_title(title: str) -> str:
    r"""Return a title as one short line of plain text.

    Example:
        >>> clean_title("  my\n\x00 run ")
        'my run'
    """
    shown = "".join(c if c.isprintable() else " " for c in title)
    return " ".join(shown.split())[:TITLE_LENGTH].strip()


def delete_runs(session: Session, ids: list[str]) -> None:
    """Delete runs with all that belongs to them."""
    for some in portions(ids):
        session.execute(delete(StoredEarlierState).where(StoredEarlierState.run.in_(some)))
        session.execute(delete(StoredRun).where(StoredRun.id.in_(some)))


def portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield ids in portions that fit into one statement."""
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]


def _insert(
    session: Session, run: KeptRun, host: str, values: Mapping[str, object], *, origin: str
) -> None:
    fixed = {
        "id": run.id,
        "owner": run.owner,
        "shared": run.shared,
        "origin": origin,
        "title": run.title,
        "config": run.config.model_dump_json(),
        "host": host,
    }
    session.execute(insert(StoredRun).values({**fixed, **values}))


def _write_earlier(session: Session, run: KeptRun, known: frozenset[int]) -> None:
    """Add the earlier weights that are new, and delete those that the run has thinned out."""
    if thinned := sorted(known - run.earlier.keys()):
        of_run = StoredEarlierState.run == run.id
        session.execute(
            delete(StoredEarlierState).where(of_run, StoredEarlierState.step.in_(thinned))
        )
    if added := sorted(run.earlier.keys() - known):
        rows = [{"run": run.id, "step": step, "weights": run.earlier[step]} for step in added]
        session.execute(insert(StoredEarlierState), rows)


def _changes(session: Session, change: object) -> bool:
    """Make a change; return whether a row has been there to be changed."""
    return bool(session.execute(change).rowcount)  # type: ignore[call-overload]


def _entry(row: StoredRun, links: Sequence[str]) -> RunEntry:
    return RunEntry(
        row.id,
        row.title,
        _config(row),
        row.training,
        row.step,
        row.changed_at,
        tuple(links),
        row.snapshot,
    )


def _config(row: StoredRun) -> RunConfig | None:
    try:
        return RunConfig.model_validate(json.loads(row.config))
    except ValueError:  # which a `ValidationError` is too
        return None


def _read(row: StoredRun, earlier: Mapping[int, bytes], *, with_state: bool = True) -> KeptRun:
    """Check every byte that was kept; nothing of it is trusted.

    Raises:
        StoreError: if this version cannot read them.
    """
    state = row.state if with_state else None
    try:
        config = RunConfig.model_validate(json.loads(row.config))
        hot = HotSettings.model_validate(json.loads(row.hot))
        if state is not None:
            RunState.from_bytes(state)
        header = None if row.snapshot is None else Snapshot.from_bytes(row.snapshot).header
        for weights in earlier.values():
            EarlierWeights.from_bytes(weights)
    except ValueError as error:
        raise StoreError(OTHER_VERSION) from error
    return KeptRun(
        id=row.id,
        owner=row.owner,
        config=config,
        hot=hot,
        training=row.training,
        state=state,
        snapshot=row.snapshot,
        header=header,
        earlier=earlier,
        title=row.title,
        shared=row.shared,
    )
