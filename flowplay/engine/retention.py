"""Which runs are let go, and which histories are thinned: functions over bytes and times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

UNSEEN_SECONDS = 30 * 60.0
"""A run nobody has looked at for this long is let go: about a break between two lessons."""

UNSEEN = "nobody had looked at it for {minutes:g} minutes"
CROWDED = "the server needed its memory for runs that were looked at later"


class Resident(NamedTuple):
    """A run that is in memory.

    Attributes:
        run: its id.
        seen_at: time at which somebody looked at it last, in seconds.
        looked_at: whether somebody looks at it now.
        parts: its state and snapshot. Runs may share the same bytes, which count once.
    """

    run: str
    seen_at: float
    looked_at: bool
    parts: tuple[bytes, ...]


def to_let_go(
    residents: Iterable[Resident], now: float, budget: int, unseen: float = UNSEEN_SECONDS
) -> dict[str, str]:
    """Return the runs to let go, each with the reason as a clause.

    Those are the runs that were unseen for `unseen` seconds; and, where all together take more
    than `budget` bytes, the longest unseen ones until the others fit. A run that somebody looks at
    is never among them; where those alone take more, no other goes, since it would not help.

    Example:
        >>> a = Resident("a", seen_at=1.0, looked_at=False, parts=(b"1234",))
        >>> b = Resident("b", seen_at=2.0, looked_at=False, parts=(b"5678",))
        >>> list(to_let_go([a, b], now=10.0, budget=8)), list(to_let_go([a, b], 10.0, budget=7))
        ([], ['a'])
    """
    residents = list(residents)
    helps = looked_at_bytes(residents) <= budget
    reasons: dict[str, str] = {}
    counted: set[int] = set()
    total = 0
    for resident in sorted(residents, key=_latest_seen_first):
        if not resident.looked_at and now - resident.seen_at >= unseen:
            reasons[resident.run] = UNSEEN.format(minutes=unseen / 60)
            continue
        added = {id(part): len(part) for part in resident.parts if id(part) not in counted}
        total += sum(added.values())
        # Once one does not fit, all that are unseen for longer go too, however small.
        if helps and total > budget and added and not resident.looked_at:
            reasons[resident.run] = CROWDED
        else:
            counted.update(added)
    return reasons


def looked_at_bytes(residents: Iterable[Resident]) -> int:
    """Return the bytes of the runs that somebody looks at."""
    parts = {id(part): len(part) for r in residents if r.looked_at for part in r.parts}
    return sum(parts.values())


def thin_histories(sizes: Mapping[str, int], budget: int, thin: Callable[[str], int]) -> None:
    """Thin the largest history, again and again, until all fit in `budget` bytes.

    Args:
        sizes: bytes of each run's history.
        budget: bytes of all.
        thin: thins the history of a run; returns how many bytes that frees, 0 if it cannot.
    """
    left = dict(sizes)
    total = sum(left.values())
    while total > budget and left:
        largest = max(left, key=left.__getitem__)
        freed = thin(largest)
        total -= freed
        left[largest] -= freed
        if not freed:
            del left[largest]


def _latest_seen_first(resident: Resident) -> tuple[bool, float, str]:
    return (not resident.looked_at, -resident.seen_at, resident.run)
