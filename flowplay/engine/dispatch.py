"""Who goes next, on which worker and for how long: pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

LONGEST_SLICE = 0.23
"""Seconds, with its snapshot and the way to the web process and back: more than four pictures a
second, which cross-fade into a moving one; longer, and pause or a new rate would wait."""

SHORTEST_SLICE = 0.13
"""Seconds. Below this the snapshot and the way to the web process and back eat the training."""

ROUND_SECONDS = 2.75
"""Within about this time every active run should get its turn. Turns are not quite even, and nobody
should look at the same picture for more than three seconds."""

FIRST_SLICE = 0.05
"""Seconds of training alone. Who presses Train wants to see that something happens."""

LEAST_TRAINING = 0.5
"""The part of a slice that is spent in training at least, however long a snapshot takes."""

HOME_ADVANTAGE = 1.5
"""In slices: how much longer another run may be left waiting so that one can return to the worker
that still holds its live module. More than one slice, or two workers swap their runs at every
turn; not many more, or the runs of a crowded worker would fall behind."""


class Waiting(NamedTuple):
    """A run that could be given a slice.

    Attributes:
        run: its id.
        since: time since when it waits, in seconds.
        home: address of the worker that ran its previous slice, None before the first.
    """

    run: str
    since: float
    home: str | None


def slice_seconds(workers: int, active: int) -> float:
    """Return how long a slice lasts, in seconds, when `active` runs share `workers` workers.

    Example:
        >>> slice_seconds(2, 1), slice_seconds(2, 30)
        (0.23, 0.18333333333333332)
    """
    fair = ROUND_SECONDS * workers / max(1, active)
    return min(LONGEST_SLICE, max(SHORTEST_SLICE, fair))


def training_seconds(slice_: float, around: float) -> float:
    """Return how much of a slice is for training, where all else in it takes `around` seconds.

    Example:
        >>> training_seconds(0.25, 0.0625), training_seconds(0.25, 4.0)
        (0.1875, 0.125)
    """
    return max(slice_ - around, LEAST_TRAINING * slice_)


def snapshot_interval(workers: int, active: int) -> float:
    """Return about how many seconds lie between two snapshots of one run.

    Example:
        >>> round(snapshot_interval(2, 1), 2), round(snapshot_interval(2, 8), 2)
        (0.23, 0.92)
    """
    return max(1.0, active / max(1, workers)) * slice_seconds(workers, active)


def assign(
    waiting: Iterable[Waiting], idle: Collection[str], advantage: float
) -> list[tuple[str, str]]:
    """Pair runs with idle workers: longest waiting first, on their own worker if that is idle.

    A run whose worker is busy takes another idle one rather than wait, but lets a run go first
    that is at home there and has waited at most `advantage` seconds less.

    Args:
        waiting: the runs that could be given a slice.
        idle: addresses of the workers that have nothing to do.
        advantage: head start of a run at its own worker, in seconds.

    Returns:
        Pairs of run and worker, as many as there are runs or idle workers.

    Example:
        >>> both_at_home = [Waiting("a", 0.0, "w1"), Waiting("b", 0.1, "w2")]
        >>> assign(both_at_home, ["w2"], advantage=0.2)
        [('b', 'w2')]
        >>> assign(both_at_home, ["w2"], advantage=0.0)
        [('a', 'w2')]
    """
    queue = sorted(waiting, key=lambda w: (w.since, w.run))
    free = list(idle)
    pairs: list[tuple[str, str]] = []
    while queue and free:
        oldest = queue[0]
        at_home = (w for w in queue if w.home in free and w.since - oldest.since <= advantage)
        chosen = oldest if oldest.home in free else next(at_home, oldest)
        homes = {w.home for w in queue}
        # Rather a worker that no waiting run is at home on.
        worker = (
            chosen.home if chosen.home in free else min(free, key=lambda address: address in homes)
        )
        assert worker is not None
        queue.remove(chosen)
        free.remove(worker)
        pairs.append((chosen.run, worker))
    return pairs
