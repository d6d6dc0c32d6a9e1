"""The addresses that a session has written, as its browser sends them back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

#: Seconds for which a browser may still send an address that has been replaced: who clicks fast
#: does so before the browser has heard of the new one. A link to that address is not followed in
#: this time; Back and Forward are.
LATE = 3.0


@dataclass
class Written:
    """The newest address that a session wrote, and those that it has just replaced.

    Attributes:
        newest: its query; None before the first.
        replaced: when earlier ones were replaced, with their queries.
    """

    newest: dict[str, str] | None = None
    replaced: list[tuple[float, dict[str, str]]] = field(default_factory=list)

    def write(self, query: Mapping[str, str]) -> None:
        """Take note of an address that is being written."""
        if self.newest is not None and self.newest != query:
            self.replaced = [*self._late(), (time.monotonic(), self.newest)]
        self.newest = dict(query)

    def has(self, query: Mapping[str, str]) -> bool:
        """Tell whether an address is the session's own: nobody has opened another one."""
        if query == self.newest:
            return True
        context = get_script_run_ctx()
        by_history = context is not None and context.is_history_navigation
        return not by_history and any(query == old for _, old in self._late())

    def _late(self) -> list[tuple[float, dict[str, str]]]:
        now = time.monotonic()
        return [(at, old) for at, old in self.replaced if now - at < LATE]


def written_by_session(key: str) -> Written:
    """Return what this session has written, kept in its state under a key."""
    written: Written = st.session_state.setdefault(key, Written())
    return written
