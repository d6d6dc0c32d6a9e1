"""What a lone run's slice is made of: optimizer steps, and all that is not.

`benchmarks.engine` prints it; `python -m benchmarks.slice_parts` prints it alone, for one pinned
core.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from flowplay.config import RunConfig
from flowplay.engine.dispatch import slice_seconds, training_seconds

if TYPE_CHECKING:
    from flowplay.training.worker import SliceOrder

SLICES = 60
WARM_UP = 10

STEPS = "optimizer steps"


class Part(NamedTuple):
    """A function in which a slice spends time: where it is found, and what the table calls it."""

    owner: Any
    name: str
    label: str


class Clock:
    """Seconds spent in parts of nested work; a part that holds others has what they leave."""

    def __init__(self, read: Callable[[], float] = time.perf_counter) -> None:
        self.spent: dict[str, float] = {}
        self._read = read
        self._open: list[float] = []

    def timed(self, work: Callable[..., Any], label: str) -> Callable[..., Any]:
        """Return `work`, charged to `label`."""

        def timed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            self._open.append(0.0)
            start = self._read()
            try:
                return work(*arguments, **named)
            finally:
                whole = self._read() - start
                inner = self._open.pop()
                self.spent[label] = self.spent.get(label, 0.0) + whole - inner
                if self._open:
                    self._open[-1] += whole

        return timed


def slice_table(workers: int) -> str:
    """Measure in a process of its own: this one stands for the web process, and knows no torch."""
    command = [sys.executable, "-m", "benchmarks.slice_parts", "--workers", str(workers)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip()


def measure(config: RunConfig, seconds: float, slices: int = SLICES) -> list[dict[str, float]]:
    """Train slices as a worker does of a run that has one to itself.

    Args:
        config: the run.
        seconds: length of a slice, with all that is in it.
        slices: how many.

    Returns:
        The seconds in each part of each slice.
    """
    from flowplay.training import worker

    worker.warm()
    clock = Clock()
    state: bytes | None = None
    around = 0.0
    rows = []
    with ExitStack() as stack:
        for owner, name, label in _parts():
            work = clock.timed(getattr(owner, name), label)
            # A class method is bound already.
            timed = staticmethod(work) if name == "from_bytes" else work
            stack.enter_context(patch.object(owner, name, timed))
        for _ in range(WARM_UP + slices):
            clock.spent.clear()
            order: SliceOrder = {"seconds": training_seconds(seconds, around)}
            state, _ = worker.run_slice(config.model_dump_json(), state, order)
            around = sum(clock.spent.values()) - clock.spent[STEPS]
            rows.append(dict(clock.spent))
    return rows[WARM_UP:]


def _parts() -> list[Part]:
    from flowplay.flows import Flow
    from flowplay.training import picture_makers, slices, worker
    from flowplay.training.live_run import LiveRun
    from flowplay.training.objectives import LossOnData
    from flowplay.wire import RunState, Snapshot

    return [
        Part(LiveRun, "train", STEPS),
        Part(LossOnData, "judge", "held-out NLL"),
        Part(picture_makers, "density_on_grid", "density on the grid"),
        Part(Flow, "sample", "samples"),
        Part(slices, "take_snapshot", "rest of the snapshot"),
        Part(RunState, "from_bytes", "state in"),
        Part(RunState, "to_bytes", "state and snapshot out"),
        Part(Snapshot, "to_bytes", "state and snapshot out"),
        Part(worker, "run_slice", "everything else"),
    ]


def table(rows: Sequence[dict[str, float]]) -> str:
    """Write the mean of each part and its share as Markdown, and what is not optimizer steps."""
    labels = sorted({label for row in rows for label in row}, key=lambda label: label != STEPS)
    means = {label: statistics.fmean(row.get(label, 0.0) for row in rows) for label in labels}
    whole = sum(means.values())
    lines = ["| part of a slice | ms, mean | of the slice |", "|---|---:|---:|"]
    lines += [f"| {n} | {1000 * s:.2f} | {s / whole:.1%} |" for n, s in means.items()]
    extra = whole - means[STEPS]
    lines.append(f"| **all but the steps** | {1000 * extra:.2f} | {extra / whole:.1%} |")
    lines.append(f"| whole slice | {1000 * whole:.2f} | |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--architecture", default="realnvp")
    arguments = parser.parse_args()
    config = RunConfig(architecture=arguments.architecture, budget=1_000_000, schedule="constant")
    print(table(measure(config, slice_seconds(arguments.workers, 1))))


if __name__ == "__main__":
    main()
