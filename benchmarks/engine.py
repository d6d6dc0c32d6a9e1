"""What the engine makes of two workers when 1, 8, 30 or 100 runs train at once, and what it costs.

Run `python -m benchmarks.engine` on an otherwise idle machine with at least as many cores as
workers. It prints three tables: how runs share the workers, how fast that is beside a lone run,
and what a lone run's slice is made of.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import psutil

from benchmarks.slice_parts import slice_table
from flowplay.config import RunConfig
from flowplay.engine import Engine, Run
from flowplay.wire import Snapshot

#: Seconds between two looks at every run: as often as the page of a lone run looks.
POLL = 0.12

#: Turns of every run that a window holds at least, and its longest in seconds.
TURNS = 6
LONGEST_WINDOW = 60.0

#: Seconds that a run trains before it is measured, so that nothing is new to anybody.
SETTLE = 2.0

#: A budget that no window uses up.
ENDLESS = 1_000_000


class Arrival(NamedTuple):
    """A snapshot as a page saw it: when, the optimizer step, and the training seconds."""

    at: float
    step: int
    trained: float


class Share(NamedTuple):
    """What so many runs had of the workers in one window.

    Attributes:
        runs: how many trained at once.
        wall: length of the window, in seconds.
        steps: optimizer steps of all runs in it.
        trained: seconds of all runs in it that were spent in optimizer steps.
        rates: snapshots a second, of each run.
        longest: the longest time between two snapshots of a run, in seconds.
        first: seconds from `play` to the first snapshot, of each run.
        snapshot_bytes: median size of a snapshot.
        web_cpu: CPU seconds of this process in the window, a snapshot.
        others: cores that other programs kept busy in the window, on average.
    """

    runs: int
    wall: float
    steps: int
    trained: float
    rates: list[float]
    longest: float
    first: list[float]
    snapshot_bytes: float
    web_cpu: float
    others: float


class Page:
    """All pages of a classroom in one thread: it decodes and notes every snapshot."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self._versions = dict.fromkeys((run.id for run in runs), 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.arrivals: dict[str, list[Arrival]] = {run.id: [] for run in runs}

    def __enter__(self) -> Page:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def all_seen(self) -> bool:
        """Tell whether every run has shown something."""
        return all(self.arrivals.values())

    def _watch(self) -> None:
        while not self._over.wait(POLL):
            for run in self._runs:
                view = run.view()
                if view.version > self._versions[run.id] and view.snapshot is not None:
                    self._versions[run.id] = view.version
                    shown = Snapshot.from_bytes(view.snapshot).header
                    self.arrivals[run.id].append(
                        Arrival(time.perf_counter(), shown.step, shown.seconds)
                    )


def share(engine: Engine, configs: Sequence[RunConfig], window: float) -> Share:
    """Let runs of these configs train at once, and measure one window of it."""
    runs = [engine.open_run(config) for config in configs]
    for run in runs:
        engine.watch(run.id, run, lambda: True)
    with Page(runs) as page:
        began = time.perf_counter()
        for run in runs:
            run.play()
        _until(page.all_seen)
        first = [page.arrivals[run.id][0].at - began for run in runs]
        time.sleep(SETTLE)
        length = min(LONGEST_WINDOW, max(window, TURNS * engine.snapshot_interval))
        start, cpu, others = time.perf_counter(), time.process_time(), _others_cpu()
        time.sleep(length)
        end, cpu = time.perf_counter(), time.process_time() - cpu
        others = _others_cpu() - others
        # A run that was left waiting across the end must show how long.
        time.sleep(min(LONGEST_WINDOW, 2 * engine.snapshot_interval))
    sizes = [len(shown) for run in runs if (shown := run.view().snapshot) is not None]
    for run in runs:
        engine.look_away(run.id)
        run.close()
    _until(lambda: not any(run.view().in_flight for run in runs))
    seen = [in_window(page.arrivals[run.id], start, end) for run in runs]
    pictures = sum(len(arrivals) - 1 for arrivals in seen)
    return Share(
        runs=len(runs),
        wall=end - start,
        steps=sum(a[-1].step - a[0].step for a in seen),
        trained=sum(a[-1].trained - a[0].trained for a in seen),
        rates=[(len(a) - 1) / (end - start) for a in seen],
        longest=max(longest_gap(page.arrivals[run.id], start, end) for run in runs),
        first=first,
        snapshot_bytes=statistics.median(sizes),
        web_cpu=cpu / max(1, pictures),
        others=max(0.0, others) / (end - start),
    )


def _others_cpu() -> float:
    """Return the CPU seconds that all programs but this and its workers have used so far."""
    times = psutil.cpu_times()
    busy = times.user + times.nice + times.system
    me = psutil.Process()
    own = [p.cpu_times() for p in (me, *me.children(recursive=True))]
    return float(busy - sum(t.user + t.system for t in own))


def in_window(arrivals: Sequence[Arrival], start: float, end: float) -> list[Arrival]:
    """Return what was shown at the start of a window, and all that came until its end."""
    before = [a for a in arrivals if a.at <= start][-1:]
    return before + [a for a in arrivals if start < a.at <= end]


def longest_gap(arrivals: Sequence[Arrival], start: float, end: float) -> float:
    """Return the longest time between two snapshots that reaches into a window, in seconds."""
    gaps = (
        later.at - sooner.at
        for sooner, later in itertools.pairwise(arrivals)
        if later.at > start and sooner.at < end
    )
    return max(gaps, default=end - start)


@contextmanager
def started_engine(workers: int) -> Iterator[Engine]:
    """Start an engine with workers of its own, and end it."""
    engine = Engine(workers=workers)
    try:
        _until(lambda: engine.status.workers == workers)
        yield engine
    finally:
        engine.close()


def sharing_table(shares: Sequence[Share]) -> str:
    """Write how runs share the workers as Markdown."""
    lines = [
        "| runs | snapshots/s of a run, median | worst | longest interval s | "
        "first snapshot s, median | worst | bytes a snapshot | web CPU ms a snapshot |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {s.runs} | {statistics.median(s.rates):.2f} | {min(s.rates):.2f} | {s.longest:.2f} | "
        f"{statistics.median(s.first):.2f} | {max(s.first):.2f} | {s.snapshot_bytes:.0f} | "
        f"{1000 * s.web_cpu:.1f} |"
        for s in shares
    ]
    return "\n".join(lines)


def speed_table(shares: Sequence[Share], workers: int) -> str:
    """Write the steps of all runs beside those of a lone one and of training alone, as Markdown."""
    alone = together(shares, 1)
    busy = together(shares, workers)
    lines = [
        "| runs | steps/s in sum | of lone run's × workers | of pure training × workers | "
        "steps per training second | training s per worker s | cores taken by others |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {s.runs} | {s.steps / s.wall:.0f} | "
        f"{_percent(s.steps / s.wall, alone and workers * alone.steps / alone.wall)} | "
        f"{_percent(s.steps / s.wall, busy and workers * busy.steps / busy.trained)} | "
        f"{s.steps / s.trained:.0f} | "
        f"{s.trained / s.wall / min(workers, s.runs):.1%} | {s.others:.2f} |"
        for s in shares
    ]
    return "\n".join(lines)


def together(shares: Sequence[Share], runs: int) -> Share | None:
    """Return the windows with so many runs as one long window, None if there is none."""
    found = [s for s in shares if s.runs == runs]
    if not found:
        return None
    return found[0]._replace(
        wall=sum(s.wall for s in found),
        steps=sum(s.steps for s in found),
        trained=sum(s.trained for s in found),
    )


def _percent(rate: float, of: float | None) -> str:
    return f"{rate / of:.1%}" if of else "–"


def _until(condition: object) -> None:
    assert callable(condition)
    while not condition():
        time.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--counts",
        type=int,
        nargs="+",
        default=[1, 2, 8, 30, 100, 2, 1],
        help="runs at once; windows of as many as there are workers, and of one, are references",
    )
    parser.add_argument("--seconds", type=float, default=20, help="shortest window of each count")
    parser.add_argument("--skip-parts", action="store_true", help="leave out the slice's parts")
    arguments = parser.parse_args()
    seeds = itertools.count()
    shares = []
    with started_engine(arguments.workers) as engine:
        for count in arguments.counts:
            # Fresh seeds, so that no worker knows a run's data from an earlier window.
            configs = [
                RunConfig(seed=next(seeds), budget=ENDLESS, schedule="constant")
                for _ in range(count)
            ]
            shares.append(share(engine, configs, arguments.seconds))
    print(sharing_table(shares), "\n")
    print(speed_table(shares, arguments.workers))
    if not arguments.skip_parts:
        print("\n" + slice_table(arguments.workers))


if __name__ == "__main__":
    main()
