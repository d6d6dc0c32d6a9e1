"""Who looks at which run, as the engine asks for itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from flowplay.engine.retention import UNSEEN_SECONDS

PRESENCE_SECONDS = 2.0
"""How often every viewer is asked whether it is present: often enough that a connection that drops
for 5 s falls well within the lease."""

PART = "/"
"""Between a viewer's name and that of one of its parts: one who looks at several runs at once."""

logger = logging.getLogger(__name__)


@dataclass
class _Viewer:
    run: str
    present: Callable[[], bool]
    seen_at: float


class Viewers:
    """The viewers, each looking at one run at most by each of its parts; any thread may call it.

    Args:
        unseen: seconds after which an absent viewer is forgotten.
    """

    def __init__(self, unseen: float = UNSEEN_SECONDS) -> None:
        self._unseen = unseen
        self._viewers: dict[str, _Viewer] = {}
        self._lock = threading.Lock()

    def watch(self, viewer: str, run: str, present: Callable[[], bool], now: float) -> None:
        """Note that a viewer looks at a run, and at no other, while `present()` is true."""
        with self._lock:
            self._viewers[viewer] = _Viewer(run, present, now)

    def look_away(self, viewer: str) -> None:
        """Note that a viewer, and each of its parts, looks at no run."""
        with self._lock:
            parts = [name for name in self._viewers if name.startswith(f"{viewer}{PART}")]
            for name in (viewer, *parts):
                self._viewers.pop(name, None)

    def of(self, viewer: str) -> set[str]:
        """Return the runs that a viewer, or one of its parts, looks at; present or not."""
        with self._lock:
            seen = {name: found.run for name, found in self._viewers.items()}
        return {run for name, run in seen.items() if name.partition(PART)[0] == viewer}

    def present_elsewhere(self, viewer: str) -> set[str]:
        """Return the runs that other viewers, who are present, look at."""
        with self._lock:
            others = dict(self._viewers)
        return {
            other.run
            for name, other in others.items()
            if name.partition(PART)[0] != viewer and _is_present(other.present)
        }

    def beside(self, run: str) -> set[str]:
        """Return the runs that the sessions of whoever looks at a run look at."""
        with self._lock:
            viewers = {name: viewer.run for name, viewer in self._viewers.items()}
        sessions = {name.partition(PART)[0] for name, seen in viewers.items() if seen == run}
        return {seen for name, seen in viewers.items() if name.partition(PART)[0] in sessions}

    def looked_at(self, now: float) -> set[str]:
        """Ask every viewer whether it is present; return the runs that are looked at.

        A viewer who is absent may come back; after `unseen` seconds it is forgotten.
        """
        with self._lock:
            viewers = dict(self._viewers)
        runs = set()
        for name, viewer in viewers.items():
            # Without the lock: it is somebody else's function.
            if _is_present(viewer.present):
                viewer.seen_at = now
                runs.add(viewer.run)
            elif now - viewer.seen_at >= self._unseen:
                self._forget(name, viewer)
        return runs

    def _forget(self, name: str, viewer: _Viewer) -> None:
        with self._lock:
            # It may look at another run meanwhile.
            if self._viewers.get(name) is viewer:
                del self._viewers[name]

    def __len__(self) -> int:
        with self._lock:
            return len(self._viewers)


def _is_present(present: Callable[[], bool]) -> bool:
    try:
        return present()
    except Exception:
        logger.exception("Whether a viewer is present cannot be told")
        return False
