"""Who goes next, on which worker and for how long: no threads, no Dask, no clock.

Runs share the workers much as in start-time fair queueing (Goyal, Vin and Cheng, 1996): each run
has a virtual time, the worker seconds that its slices count as. Runs whose virtual times are about
equal take turns; one that has used more, since its slices take long, sits out until the others have
had as much.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

LONGEST_SLICE = 0.23
"""Seconds, with its snapshot and the way to the web process and back: more than four pictures a
second, which cross-fade into a moving one; longer, and pause or a new rate would wait."""

SHORTEST_SLICE = 0.13
"""Seconds. Below this the snapshot and the way to the web process and back eat the training."""

ROUND_SECONDS = 2.4
"""Within about this time every active run should get its turn. Turns are not quite even, and nobody
should look at the same picture for more than three and a half seconds."""

MOST_STRETCH = 1.5
"""Times what was ordered. A longer turn counts as this: the rest is not the machine's doing."""

STRETCH_MEMORY = 50
"""Turns over which `Stretch` averages: about two rounds of thirty runs on two workers."""

FIRST_SLICE = 0.05
"""Seconds of training alone. Who presses Train wants to see that something happens."""

LEAST_TRAINING = 0.5
"""The part of a slice that is spent in training at least, however long a snapshot takes."""

HOME_ADVANTAGE = 1.5
"""In slices: how much longer another run may be left waiting so that one can return to the worker
that still holds its live module. More than one slice, or two workers swap their runs at every
turn; not many more, or the runs of a crowded worker would fall behind."""

LEAD = 4.0
"""In slices: how much more of the workers' time a run may have had than one that waits, and still
have its turn. With less, slices that last a little longer or shorter than ordered would disturb the
turns, and a viewer would now and then wait for two rounds."""


class Waiting(NamedTuple):
    """A run that could be given a slice.

    Attributes:
        run: its id.
        used: its virtual time: worker seconds that it has used, as `VirtualTimes` counts them.
        since: time since when it waits, in seconds.
        home: address of the worker that ran its previous slice, None before the first.
    """

    run: str
    used: float
    since: float
    home: str | None


class VirtualTimes:
    """The virtual time of every run: the worker seconds it has used, from where it entered.

    A run enters when it begins to want slices. It enters at the smallest virtual time of those that
    want slices already, so that it neither makes up for the time before nor has to wait for it; but
    never at less than it has used, so that leaving for a moment gains nothing.

    Example:
        >>> times = VirtualTimes()
        >>> times.enter({"a"})
        >>> times.charge("a", 5.0)
        >>> times.enter({"a", "b"})
        >>> times.used("a"), times.used("b")
        (5.0, 5.0)
    """

    def __init__(self) -> None:
        self._used: dict[str, float] = {}
        self._inside: frozenset[str] = frozenset()
        self._now = 0.0

    def enter(self, wanting: Collection[str]) -> None:
        """Note which runs want slices now or have one in flight; all others leave."""
        staying = self._inside.intersection(wanting)
        if staying:
            self._now = max(self._now, min(self._used[run] for run in staying))
        elif self._inside:
            self._now = max(self._now, *(self._used[run] for run in self._inside))
        for run in set(wanting) - staying:
            self._used[run] = max(self._used.get(run, 0.0), self._now)
        self._inside = frozenset(wanting)

    def used(self, run: str) -> float:
        """Return the virtual time of a run that has entered, in seconds."""
        return self._used[run]

    def charge(self, run: str, seconds: float) -> None:
        """Count worker seconds that a run has used, if it has not been dropped meanwhile."""
        if run in self._used:
            self._used[run] += seconds

    def level(self) -> None:
        """Make all that want slices equal, at a moment at which none of them has to wait.

        None has been held back by another then. Without this, small differences in the time
        between two slices would add up, and be charged to one run when the next one comes.
        """
        if self._inside:
            top = max(self._used[run] for run in self._inside)
            self._used |= dict.fromkeys(self._inside, top)

    def drop(self, run: str) -> None:
        """Forget a run."""
        if run in self._inside:
            self.enter(self._inside - {run})
        self._used.pop(run, None)


class Stretch:
    """How many times longer the turns at the workers last than ordered; a moving average.

    Where the web process has the same cores, or a snapshot takes longer than half of the slice,
    turns last longer, and a round would, too.

    Example:
        >>> stretch = Stretch()
        >>> stretch.ratio
        1.0
        >>> for _ in range(500):
        ...     stretch.note(ordered=0.2, took=0.25)
        >>> round(stretch.ratio, 3)
        1.25
    """

    def __init__(self) -> None:
        self._ratio = 1.0

    @property
    def ratio(self) -> float:
        """At least 1: nobody minds a turn that is shorter than ordered."""
        return max(1.0, self._ratio)

    def note(self, ordered: float, took: float) -> None:
        """Note the seconds from the beginning of a turn to that of the next one on its worker."""
        self._ratio += (min(took / ordered, MOST_STRETCH) - self._ratio) / STRETCH_MEMORY


def slice_seconds(workers: int, active: int, stretch: float = 1.0) -> float:
    """Return how long a slice lasts, in seconds, when `active` runs share `workers` workers.

    Args:
        workers: that there are.
        active: runs that train.
        stretch: how many times longer slices last than ordered; see `Stretch`.

    Example:
        >>> [round(slice_seconds(2, 25, stretch), 3) for stretch in (1.0, 1.25)]
        [0.192, 0.154]
    """
    fair = ROUND_SECONDS * workers / max(1, active) / stretch
    return min(LONGEST_SLICE, max(SHORTEST_SLICE, fair))


def training_seconds(slice_: float, around: float) -> float:
    """Return how much of a slice is for training, where all else in it takes `around` seconds.

    Example:
        >>> training_seconds(0.25, 0.0625), training_seconds(0.25, 4.0)
        (0.1875, 0.125)
    """
    return max(slice_ - around, LEAST_TRAINING * slice_)


def turn_seconds(ordered: float | None, busy: float) -> float:
    """Return the worker seconds that a slice counts as.

    A slice whose length was ordered counts as at least that. What it lasts on a worker that shares
    its cores with others is chance; if it were counted, chance would add up and cost runs their
    turns. Seconds of the processor depend on the run alone, as in a step of two seconds.

    Args:
        ordered: how long the slice was to last, in seconds; None for one that is as long as it is.
        busy: for how long it had the processor, in seconds.

    Example:
        >>> turn_seconds(0.25, 0.125), turn_seconds(0.25, 2.0), turn_seconds(None, 0.125)
        (0.25, 2.0, 0.125)
    """
    return max(ordered or 0.0, busy)


def snapshot_interval(workers: int, active: int, stretch: float = 1.0) -> float:
    """Return about how many seconds lie between two snapshots of one run; see `slice_seconds`.

    Example:
        >>> round(snapshot_interval(2, 1), 2), round(snapshot_interval(2, 8), 2)
        (0.23, 0.92)
    """
    turns = max(1.0, active / max(1, workers))
    return turns * stretch * slice_seconds(workers, active, stretch)


def assign(
    waiting: Iterable[Waiting], idle: Collection[str], advantage: float, lead: float
) -> list[tuple[str, str]]:
    """Pair runs with idle workers: longest waiting first, on their own worker if that is idle.

    A run that has used more than `lead` seconds more than another goes after it. Among the others,
    a run whose worker is busy takes another idle one rather than wait, but lets a run go first that
    is at home there and has waited at most `advantage` seconds less.

    Args:
        waiting: the runs that could be given a slice.
        idle: addresses of the workers that have nothing to do.
        advantage: head start of a run at its own worker, in seconds.
        lead: worker seconds that a run may be ahead of another and still go before it.

    Returns:
        Pairs of run and worker, as many as there are runs or idle workers.

    Example:
        >>> both_at_home = [Waiting("a", 0.0, 0.0, "w1"), Waiting("b", 0.0, 0.1, "w2")]
        >>> assign(both_at_home, ["w2"], advantage=0.2, lead=0.5)
        [('b', 'w2')]
        >>> assign(both_at_home, ["w2"], advantage=0.0, lead=0.5)
        [('a', 'w2')]
        >>> slow = Waiting("slow", 2.0, 0.0, "w1")
        >>> assign([slow, Waiting("b", 0.2, 0.3, "w2")], ["w1"], advantage=0.2, lead=0.5)
        [('b', 'w1')]
    """
    queue = sorted(waiting, key=lambda w: (w.since, w.used, w.run))
    free = list(idle)
    pairs: list[tuple[str, str]] = []
    while queue and free:
        least = min(w.used for w in queue)
        due = [w for w in queue if w.used - least <= lead]
        oldest = due[0]
        at_home = (w for w in due if w.home in free and w.since - oldest.since <= advantage)
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
