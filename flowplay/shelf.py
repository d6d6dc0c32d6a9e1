"""Data that somebody brought along, in the memory of a process, by the digest that names them.

A config holds the digest alone. The web process takes data from the store when they are not here;
a worker has no store: it says which data it lacks, and the engine hands them over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from cachetools import LRUCache

from flowplay.errors import MissingDataError

#: Bytes of data that a process retains.
SHELF_BYTES: Final = 64 * 2**20

_lock = threading.Lock()
_shelf: LRUCache[str, bytes] = LRUCache(SHELF_BYTES, getsizeof=len)
_sources: list[Callable[[str], bytes | None]] = []


def put(content: bytes) -> str:
    """Retain data; return their digest.

    Raises:
        ValueError: if the bytes are none of `flowplay.wire`, or too many.
    """
    # Problems need this module, and `flowplay.wire` needs problems.
    from flowplay.wire.packing import identify

    _, digest = identify(content)
    with _lock:
        _shelf[digest] = content
    return digest


def find(digest: str) -> bytes | None:
    """Return data by their digest, from memory or else from a source; None if they are not there.

    Whatever a source raises is raised.
    """
    with _lock:
        content = _shelf.get(digest)
    if content is not None:
        return content
    for source in _sources:
        content = source(digest)
        if content is not None and put(content) == digest:
            return content
    return None


def get(digest: str) -> bytes:
    """Return data by their digest.

    Raises:
        MissingDataError: if they are not here.
    """
    content = find(digest)
    if content is None:
        raise MissingDataError(digest)
    return content


def add_source(source: Callable[[str], bytes | None]) -> None:
    """Ask `source` for what is not in memory; None says that it has nothing of this digest."""
    if source not in _sources:
        _sources.append(source)
