"""Runs that get equal worker time, as contestants of a race do: no threads, no Dask, no clock.

`dispatch` lets no run fall behind, but lets one get ahead where nothing else waits for the worker:
runs whose slices have longer gaps between them then have less of the time. Here nobody gets ahead.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from flowplay.engine.dispatch import LONGEST_SLICE, SHORTEST_SLICE, VirtualTimes

PICTURE_SECONDS = 0.4
"""About how many seconds lie between two pictures of one run of a group, where the workers have no
other runs: who watches several runs wants to see each of them move."""

DONE = 0.4
"""In slices: who is nearer than this to the end of a round has had its part of it. What is left
over or too much is made up for in the next round."""

LONGEST = 1.5
"""In slices: what one slice lasts at most, however much a run has to make up for."""


def group_slice_seconds(workers: int, active: int) -> float:
    """Return how long a slice of a group's run lasts, in seconds; see `slice_seconds`.

    Args:
        workers: that there are.
        active: runs that train, of the group and others.

    Example:
        >>> group_slice_seconds(2, 4), group_slice_seconds(4, 2)
        (0.2, 0.23)
    """
    fair = PICTURE_SECONDS * workers / max(1, active)
    return min(LONGEST_SLICE, max(SHORTEST_SLICE, fair))


class Rounds:
    """The rounds of a group of runs: in each, every run trains up to the same worker time.

    A round ends when every run that wants slices has had its part, or is having it. A run that
    enters later begins at the smallest time of the others, as in `VirtualTimes`.

    Example:
        >>> rounds = Rounds()
        >>> rounds.lengths({"a", "b"}, {}, 0.25)
        {'a': 0.25, 'b': 0.25}
        >>> rounds.charge("a", 0.375)
        >>> rounds.lengths({"a", "b"}, {}, 0.25)
        {'b': 0.25}
        >>> rounds.lengths({"a"}, {"b": 0.25}, 0.25)
        {'a': 0.125}
    """

    def __init__(self) -> None:
        self._times = VirtualTimes()
        self._mark = 0.0  # the worker time at which the round ends

    def lengths(
        self, ready: Collection[str], flying: Mapping[str, float], slice_: float
    ) -> dict[str, float]:
        """Return how long the next slice of each run that may go now lasts, in seconds.

        Args:
            ready: the runs that could be given a slice.
            flying: of those that have one, what it will have taken, in seconds.
            slice_: how long a slice lasts.
        """
        self._times.enter({*ready, *flying})
        promised = {run: self._times.used(run) for run in ready}
        promised |= {run: self._times.used(run) + more for run, more in flying.items()}
        if not promised:
            return {}
        least = min(promised.values())
        while self._mark - least < DONE * slice_:
            self._mark = max(self._mark, least) + slice_
        left = {run: self._mark - promised[run] for run in sorted(ready)}
        return {
            run: min(length, LONGEST * slice_)
            for run, length in left.items()
            if length >= DONE * slice_
        }

    def charge(self, run: str, seconds: float) -> None:
        """Count worker seconds that a run has used."""
        self._times.charge(run, seconds)

    def drop(self, run: str) -> None:
        """Forget a run."""
        self._times.drop(run)
