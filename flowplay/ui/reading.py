"""Reads what a visitor brings, once, and says so meanwhile."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final

import streamlit as st

from flowplay.reading.process import Answer, read

_KEPT: Final = "_read_files"

#: What was read is kept for so many files of a session.
_MOST_KEPT: Final = 4

#: Seconds between two looks at a file that is being read.
_LOOK: Final = 0.05

#: Each thread waits for a process; `read` says how many of these there are at a time.
_THREADS = ThreadPoolExecutor(8, "flowplay-reading")


def read_once(kind: str, data: bytes, what: str, **options: Any) -> Answer:  # noqa: ANN401
    """Read a file, and say so meanwhile; or return what was read of it before.

    Args:
        kind: as of `flowplay.reading.process.read`.
        data: the file.
        what: a visitor calls it.
        **options: of the function that reads.

    Raises:
        UnreadableError: if it cannot be read.
    """
    kept: dict[Any, Future[Answer]] = st.session_state.setdefault(_KEPT, {})
    name = kind, hashlib.sha256(data).hexdigest(), repr(options)
    found = kept.pop(name, None) or _THREADS.submit(read, kind, data, **options)
    kept[name] = found
    while len(kept) > _MOST_KEPT:
        kept.pop(next(iter(kept)))
    if not found.done():
        with st.spinner(f"Reading the {what}…", show_time=False):
            while wait([found], _LOOK).not_done:
                # A page that is drawn anew meanwhile ends here, and not in the middle of the next.
                st.session_state.get(_KEPT)
    return found.result()
