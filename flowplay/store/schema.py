"""The tables, as classes. Times are seconds since 1970, UTC; sizes are bytes."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Double, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA = "0001"
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

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
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
    size: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[float]
    seen_at: Mapped[float] = mapped_column(index=True)
