"""The addresses that a session has written, as its browser sends them back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

#: Seconds for which a browser may still send an address that has been replaced: who clicks fast
#: does so before the browser has heard of the new one.
LATE = 2.0


@dataclass
class Written:
    """The newest address that a session wrote, and those that it has just replaced.

    Attributes:
        newest: its query; None before the first.
        replaced: earlier ones, of which the browser may not know that they are, and when they were.
    """

    newest: dict[str, str] | None = None
    replaced: list[tuple[dict[str, str], float]] = field(default_factory=list)

    def write(self, query: Mapping[str, str]) -> None:
        """Take note of an address that is being written."""
        if self.newest is not None and self.newest != query:
            self.replaced.append((self.newest, time.monotonic()))
        self.newest = dict(query)

    def has(self, query: Mapping[str, str]) -> bool:
        """Tell whether an address is the session's own: nobody has opened another one."""
        if query == self.newest:
            self.replaced.clear()
            return True
        now = time.monotonic()
        return any(query == old and now - at < LATE for old, at in self.replaced)
