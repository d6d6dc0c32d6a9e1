"""Data that somebody brought along, kept once by their content."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from flowplay.store.schema import StoredData
from flowplay.store.store import Store
from flowplay.wire import identify


class Data:
    """Data in a store. Every method raises `StoreError` if the database does not answer.

    Args:
        store: where they are.
        clock: seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def put(self, content: bytes) -> str:
        """Keep data; return their digest. What is there already is not kept twice.

        Raises:
            ValueError: if the bytes are none of `flowplay.wire`.
        """
        now = self._clock()
        kind, digest = identify(content)
        seen = update(StoredData).where(StoredData.digest == digest).values(seen_at=now)
        row = {
            "digest": digest,
            "kind": kind,
            "size": len(content),
            "content": content,
            "created_at": now,
            "seen_at": now,
        }
        # Another process may keep the same at this moment.
        with suppress(IntegrityError), self._store.writing() as session:
            if session.scalar(_digests(digest)) is None:
                session.execute(insert(StoredData).values(row))
            else:
                session.execute(seen)
        return digest

    def get(self, digest: str) -> bytes | None:
        """Return data by their digest, None if they are not kept."""
        with self._store.writing() as session:
            content = session.scalar(select(StoredData.content).where(StoredData.digest == digest))
            if content is not None:
                seen = update(StoredData).where(StoredData.digest == digest)
                session.execute(seen.values(seen_at=self._clock()))
        return content

    def delete(self, digest: str) -> bool:
        """Delete data; return whether they were there."""
        with self._store.writing() as session:
            if session.scalar(_digests(digest)) is None:
                return False
            session.execute(delete(StoredData).where(StoredData.digest == digest))
        return True


def _digests(digest: str) -> Select[str]:
    return select(StoredData.digest).where(StoredData.digest == digest)
