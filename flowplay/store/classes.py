"""Classes, their students, and live links to a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from flowplay.config import RunConfig, flat_names
from flowplay.rules import PARTS
from flowplay.store.errors import StoreError
from flowplay.store.ids import SHORT, new_id, secret_digest
from flowplay.store.runs import delete_runs
from flowplay.store.schema import StoredClass, StoredLiveLink, StoredRun, StoredStudent
from flowplay.store.store import CLASSES_LOCK, Store, take_turn

TITLE_LENGTH = 80
TASK_LENGTH = 200
NICKNAME_LENGTH = 24

SEE_SECONDS = 3600.0
"""That somebody opens a class or a live link is noted once in so many seconds."""

OTHER_VERSION = "This class was made by another version of flowplay and cannot be opened."

Differs = Literal["nothing", "seed", "family", "target"]


class FullError(Exception):
    """A limit is reached; the message is one sentence."""


class ClassPlan(BaseModel):
    """What a teacher has laid down for a class.

    Attributes:
        title: plain text.
        task: one sentence, plain text.
        config: with which every student begins.
        locked: settings that students cannot change.
        hidden: settings, which students cannot change either, and parts of the page that they do
            not see.
        goal: what is to become small: the gap to the floor, the held-out NLL, or nothing.
        goal_value: at most so much, in nats.
        differs: what differs between students.
        autostart: whether runs begin by themselves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    title: str = ""
    task: str = ""
    config: RunConfig = Field(default_factory=RunConfig)
    locked: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    goal: Literal["none", "gap", "nll"] = "none"
    goal_value: float = Field(0.1, ge=-1000.0, le=1000.0)
    differs: Differs = "nothing"
    autostart: bool = False

    @field_validator("title", mode="before")
    @classmethod
    def _short_title(cls, value: object) -> str:
        return one_line(value, TITLE_LENGTH)

    @field_validator("task", mode="before")
    @classmethod
    def _short_task(cls, value: object) -> str:
        return one_line(value, TASK_LENGTH)

    @field_validator("locked", "hidden", mode="after")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = {*flat_names(), *PARTS}
        return tuple(name for name in dict.fromkeys(value) if name in known)

    def reached(self, gap: float | None, nll: float | None) -> bool:
        """Tell whether figures reach the goal; without a goal none does."""
        value = {"gap": gap, "nll": nll}.get(self.goal)
        return value is not None and value <= self.goal_value


@dataclass(frozen=True)
class Class:
    """A class as it is kept; see `StoredClass`."""

    id: str
    owner: str
    plan: ClassPlan
    paused: bool


class Student(NamedTuple):
    """A student as it is kept; see `StoredStudent`."""

    id: str
    browser: str
    number: int
    nickname: str
    run: str
    goal_step: int | None
    goal_seconds: float | None
    joined_at: float

    @property
    def name(self) -> str:
        """The nickname, or which student it is."""
        return self.nickname or f"Student {self.number + 1}"


class Classes:
    """Classes in a store. Every method raises `StoreError` if the database does not answer.

    Args:
        store: where they are.
        most: how many classes there may be.
        per_owner: how many of them one browser may have made.
        students: how many students a class may have.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        *,
        most: int = 100,
        per_owner: int = 10,
        students: int = 100,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._most = most
        self._per_owner = per_owner
        self._students = students
        self._clock = clock

    def make(self, plan: ClassPlan, owner: str) -> tuple[str, str]:
        """Make a class; return its id, which students get, and the teacher's key.

        Raises:
            FullError: if there are as many classes as there may be, or as one browser may have.
        """
        now, id_, key = self._clock(), new_id(SHORT), new_id()
        with self._store.writing() as session:
            take_turn(session, CLASSES_LOCK)
            count = session.scalar(select(func.count()).select_from(StoredClass)) or 0
            if count >= self._most:
                raise FullError(
                    f"This server has {count} classes, which is its limit. End one that is over, "
                    "or try again later."
                )
            mine = session.scalar(select(func.count()).where(StoredClass.owner == owner)) or 0
            if mine >= self._per_owner:
                raise FullError(
                    f"This browser has {mine} classes, which is the limit here. End one that is "
                    "over first."
                )
            row = {
                "id": id_,
                "owner": owner,
                "secret": secret_digest(key),
                "plan": plan.model_dump_json(),
                "paused": False,
                "created_at": now,
                "seen_at": now,
            }
            session.execute(insert(StoredClass).values(row))
        return id_, key

    def get(self, id_: str) -> Class | None:
        """Return a class, None if there is none (any more)."""
        with self._store.reading() as session:
            row = session.get(StoredClass, id_)
        return None if row is None else self._opened(row)

    def of_key(self, key: str) -> Class | None:
        """Return the class of a teacher's key, None if there is none."""
        with self._store.reading() as session:
            digest = secret_digest(key)
            row = session.scalar(select(StoredClass).where(StoredClass.secret == digest))
        return None if row is None else self._opened(row)

    def _opened(self, row: StoredClass) -> Class:
        """Note that somebody has opened a class, and return it."""
        if (now := self._clock()) - row.seen_at > SEE_SECONDS:
            with self._store.writing() as session:
                _see(session, row.id, now)
        return _read(row)

    def of_owner(self, owner: str) -> list[Class]:
        """Return the classes that were made in a browser, newest first."""
        own = select(StoredClass).where(StoredClass.owner == owner)
        with self._store.reading() as session:
            rows = list(session.scalars(own.order_by(StoredClass.created_at.desc())))
        found = []
        for row in rows:
            try:
                found.append(_read(row))
            except StoreError:
                continue  # It is of another version, and no other class is the worse for it.
        return found

    def pause(self, id_: str, *, paused: bool) -> None:
        """Let nobody in the class train, or everybody again."""
        with self._store.writing() as session:
            chosen = update(StoredClass).where(StoredClass.id == id_)
            session.execute(chosen.values(paused=paused, seen_at=self._clock()))

    def end(self, id_: str) -> None:
        """Delete a class with its students and their runs; copies that they shared stay."""
        with self._store.writing() as session:
            own = select(StoredStudent.run).where(
                StoredStudent.class_id == id_, StoredStudent.run != ""
            )
            kept = select(StoredRun.id).where(StoredRun.id.in_(own), StoredRun.shared.is_(False))
            delete_runs(session, list(session.scalars(kept)))
            session.execute(delete(StoredStudent).where(StoredStudent.class_id == id_))
            session.execute(delete(StoredClass).where(StoredClass.id == id_))

    def sweep(self, days: float) -> int:
        """End the classes that nobody has opened for some days; return how many.

        Live links that nobody has opened for so long are deleted too.
        """
        # What was opened since is noted now and then only.
        limit = self._clock() - max(days * 86_400.0, 2 * SEE_SECONDS)
        with self._store.reading() as session:
            chosen = select(StoredClass.id).where(StoredClass.seen_at < limit)
            unseen = list(session.scalars(chosen))
            old = StoredLiveLink.seen_at < limit
            has_old = session.scalar(select(StoredLiveLink.id).where(old).limit(1)) is not None
        for id_ in unseen:
            self.end(id_)
        if has_old:
            with self._store.writing() as session:
                session.execute(delete(StoredLiveLink).where(old))
        return len(unseen)

    def join(self, id_: str, browser: str, nickname: object) -> Student | None:
        """Let a browser join a class, once; return its student, None if there is no such class.

        Raises:
            FullError: if the class has as many students as it may have.
        """
        if (before := self.student(id_, browser)) is not None:
            return before
        with self._store.writing() as session:
            # Others who join now wait here: numbers differ, and nobody comes in above the limit.
            if session.get(StoredClass, id_, with_for_update=True) is None:
                return None
            own = (StoredStudent.class_id == id_, StoredStudent.browser == browser)
            if (row := session.scalar(select(StoredStudent).where(*own))) is not None:
                # The same browser joined in another tab at this moment.
                return _student(row)
            counted = select(func.count()).where(StoredStudent.class_id == id_)
            number = session.scalar(counted) or 0
            if number >= self._students:
                raise FullError(f"This class has {number} students, which is the limit here.")
            row = StoredStudent(
                id=new_id(),
                class_id=id_,
                browser=browser,
                number=number,
                nickname=one_line(nickname, NICKNAME_LENGTH),
                run="",
                joined_at=self._clock(),
            )
            session.add(row)
            session.flush()
            return _student(row)

    def student(self, id_: str, browser: str) -> Student | None:
        """Return the student that a browser is in a class, None if it has not joined."""
        with self._store.reading() as session:
            chosen = select(StoredStudent).where(
                StoredStudent.class_id == id_, StoredStudent.browser == browser
            )
            row = session.scalar(chosen)
        return None if row is None else _student(row)

    def students(self, id_: str) -> list[Student]:
        """Return the students of a class, as they joined."""
        with self._store.reading() as session:
            chosen = select(StoredStudent).where(StoredStudent.class_id == id_)
            return [_student(row) for row in session.scalars(chosen.order_by(StoredStudent.number))]

    def note(
        self, id_: str, browser: str, *, run: str, goal: tuple[int, float] | None = None
    ) -> None:
        """Note which run a student trains, and at which step and second the goal was reached."""
        own = (StoredStudent.class_id == id_, StoredStudent.browser == browser)
        with self._store.writing() as session:
            session.execute(update(StoredStudent).where(*own).values(run=run))
            if goal is not None:
                first = update(StoredStudent).where(*own, StoredStudent.goal_step.is_(None))
                session.execute(first.values(goal_step=goal[0], goal_seconds=goal[1]))
            _see(session, id_, self._clock())

    def live_link(self, owner: str, run: str) -> str:
        """Return the live link of a browser, which looks at a run from now on."""
        now = self._clock()
        with self._store.writing() as session:
            mine = select(StoredLiveLink.id).where(StoredLiveLink.owner == owner)
            id_ = session.scalar(mine)
            if id_ is None:
                id_ = new_id(SHORT)
                row = {"id": id_, "owner": owner, "run": run, "created_at": now, "seen_at": now}
                session.execute(insert(StoredLiveLink).values(row))
            else:
                chosen = update(StoredLiveLink).where(StoredLiveLink.id == id_)
                session.execute(chosen.values(run=run, seen_at=now))
        return id_

    def move_live_link(self, owner: str, run: str) -> None:
        """Let the live link of a browser, if it has one, look at a run from now on."""
        mine = StoredLiveLink.owner == owner
        with self._store.reading() as session:
            if session.scalar(select(StoredLiveLink.id).where(mine)) is None:
                return
        with self._store.writing() as session:
            session.execute(update(StoredLiveLink).where(mine).values(run=run))

    def followed(self, id_: str) -> tuple[str, str] | None:
        """Return whose run a live link shows, and its id; None if there is no such link."""
        with self._store.reading() as session:
            row = session.get(StoredLiveLink, id_)
        if row is None:
            return None
        if (now := self._clock()) - row.seen_at > SEE_SECONDS:
            with self._store.writing() as session:
                chosen = update(StoredLiveLink).where(StoredLiveLink.id == id_)
                session.execute(chosen.values(seen_at=now))
        return row.owner, row.run

    def stop_following(self, owner: str) -> None:
        """Delete the live link of a browser."""
        with self._store.writing() as session:
            session.execute(delete(StoredLiveLink).where(StoredLiveLink.owner == owner))


def one_line(text: object, length: int) -> str:
    r"""Return something from outside as one short line of plain text.

    Example:
        >>> one_line("  <b>A\n\x00 ", 80), one_line(None, 80)
        ('<b>A', '')
    """
    given = text if isinstance(text, str) else ""
    shown = "".join(c if c.isprintable() else " " for c in given[: 4 * length])
    return " ".join(shown.split())[:length].strip()


def _see(session: Session, id_: str, now: float) -> None:
    session.execute(update(StoredClass).where(StoredClass.id == id_).values(seen_at=now))


def _read(row: StoredClass) -> Class:
    """Check what was kept; nothing of it is trusted.

    Raises:
        StoreError: if this version cannot read it.
    """
    try:
        plan = ClassPlan.model_validate_json(row.plan)
    except ValidationError:
        raise StoreError(OTHER_VERSION) from None
    return Class(row.id, row.owner, plan, row.paused)


def _student(row: StoredStudent) -> Student:
    return Student(
        row.id,
        row.browser,
        row.number,
        row.nickname,
        row.run,
        row.goal_step,
        row.goal_seconds,
        row.joined_at,
    )
