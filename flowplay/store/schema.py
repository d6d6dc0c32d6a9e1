"""The tables, as classes. Times are seconds since 1970, UTC; sizes are bytes."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA = "0005"
"""The revision of `migrations/` that these classes describe."""


class Base(DeclarativeBase):
    """What all tables have in common."""

    type_annotation_map: ClassVar = {float: Double}


class StoredRun(Base):
    """A run, or a copy of one that does not change any more and is read by a link.

    Attributes:
        id: names it; unguessable.
        owner: digest of the secret of the browser that it belongs to.
        shared: whether it is such a copy.
        origin: id of the run that a copy was made of, else empty.
        title: what its owner calls it, else empty.
        config: the `RunConfig` as JSON.
        hot: the `HotSettings` of its next slice as JSON.
        training: whether it is to go on by itself.
        step: optimizer steps taken.
        seconds: spent training.
        host: the server process that trains it: nobody else writes it.
        state: bytes of its `RunState`, None before the first.
        snapshot: bytes of the `Snapshot` that belongs to the state, None before the first.
        size: of state, snapshot and all earlier states.
        created_at: when it was begun.
        changed_at: when it was written last.
        seen_at: when somebody looked at it last.
    """

    __tablename__ = "runs"
    __table_args__ = (
        # A browser's list of runs, and the sum of all sizes, without walking the runs themselves.
        Index("ix_runs_owner_shared_changed_at", "owner", "shared", "changed_at"),
        Index("ix_runs_size", "size"),
    )

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    shared: Mapped[bool]
    origin: Mapped[str] = mapped_column(String(43), index=True)
    title: Mapped[str] = mapped_column(String(80))
    config: Mapped[str] = mapped_column(Text)
    hot: Mapped[str] = mapped_column(Text)
    training: Mapped[bool]
    step: Mapped[int]
    seconds: Mapped[float]
    host: Mapped[str] = mapped_column(String(43))
    state: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    snapshot: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[float]
    changed_at: Mapped[float]
    seen_at: Mapped[float] = mapped_column(index=True)


class StoredEarlierState(Base):
    """Earlier weights of a run, for rewinding.

    Attributes:
        run: id of the run.
        step: optimizer steps taken then.
        weights: bytes of the `EarlierWeights`.
    """

    __tablename__ = "earlier_states"

    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    weights: Mapped[bytes] = mapped_column(LargeBinary)


class StoredData(Base):
    """What somebody brought along, by its content.

    Attributes:
        digest: of the content, see `flowplay.wire.identify`.
        kind: what the bytes are, as their header says.
        size: of the content.
        content: bytes of `flowplay.wire`.
        created_at: when it was first brought.
        seen_at: when it was asked for last.
    """

    __tablename__ = "data"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    size: Mapped[int] = mapped_column(BigInteger, index=True)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[float]
    seen_at: Mapped[float] = mapped_column(index=True)


class StoredClass(Base):
    """A class: what its students do.

    Attributes:
        id: names it in the link by which students join; unguessable.
        owner: digest of the secret of the browser in which it was made.
        secret: digest of the teacher's key.
        plan: the `ClassPlan` as JSON.
        paused: whether nobody trains now.
        created_at: when it was made.
        seen_at: when its teacher or a student looked at it last.
    """

    __tablename__ = "classes"

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
    secret: Mapped[str] = mapped_column(String(64), index=True)
    plan: Mapped[str] = mapped_column(Text)
    paused: Mapped[bool]
    created_at: Mapped[float]
    seen_at: Mapped[float]


class StoredStudent(Base):
    """A student of a class.

    Attributes:
        id: names the student to the teacher.
        class_id: of the class.
        browser: digest of the secret of the browser with which the student joined.
        number: how many had joined before.
        nickname: plain text, empty if none was given.
        run: id under which the run that the student trains is kept, empty before the first.
        goal_step: optimizer steps after which the goal was reached first.
        goal_seconds: of training, then.
        joined_at: when.
    """

    __tablename__ = "students"
    __table_args__ = (
        UniqueConstraint("class_id", "browser", name="uq_students_class_id_browser"),
        Index("ix_students_class_id_number", "class_id", "number", unique=True),
    )

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id", ondelete="CASCADE"))
    browser: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    nickname: Mapped[str] = mapped_column(String(24))
    run: Mapped[str] = mapped_column(String(43))
    goal_step: Mapped[int | None]
    goal_seconds: Mapped[float | None]
    joined_at: Mapped[float]


class StoredLiveLink(Base):
    """A link by which others follow a browser's run, live.

    Attributes:
        id: names it; unguessable.
        owner: digest of the secret of the browser that is followed.
        run: id under which the run that it looks at is kept.
        created_at: when it was made.
        seen_at: when somebody opened it last, or it was given another run.
    """

    __tablename__ = "live_links"

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
    run: Mapped[str] = mapped_column(String(43))
    created_at: Mapped[float]
    seen_at: Mapped[float]
