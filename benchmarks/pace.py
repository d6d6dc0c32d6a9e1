"""How many steps every family takes to a good picture, and how long one step takes.

`taskset -c 1 python -m benchmarks.pace` trains each with its default settings on the two moons, and
prints the table that stands in `flowplay/catalog/pace.py`. A picture is called good where the
held-out NLL is less than `GOOD` nats above the entropy.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from typing import NamedTuple

from flowplay import kernels
from flowplay.catalog import ARCHITECTURES
from flowplay.catalog.pace import GOOD
from flowplay.config import RunConfig
from flowplay.numbers import fixed
from flowplay.training import new_run, prepare_process, train_slice

#: Steps between two looks at the held-out points.
_EVERY = 25


class Found(NamedTuple):
    """What was measured of a family.

    Attributes:
        steps: to a good picture; None if it did not come.
        trained: steps that it was trained for.
        milliseconds: of one step.
        gap: nats above the entropy at the end.
    """

    steps: int | None
    trained: int
    milliseconds: float
    gap: float


def pace(architecture: str, seconds: float) -> Found:
    """Train a family until its picture is good or its budget used up.

    The time is that of the processor, with the look at the held-out points, so that other work on
    the machine does not count.

    Args:
        architecture: its name.
        seconds: of the processor after which it is given up.
    """
    config = RunConfig(architecture=architecture)
    problem = config.problem()
    assert problem.floor is not None
    state = new_run(config)
    gap = math.inf
    taken: list[float] = []
    while state.step < config.budget and _EVERY * sum(taken) < seconds:
        before = time.process_time()
        state, snapshot = train_slice(state, steps=_EVERY)
        taken.append((time.process_time() - before) / _EVERY)
        held_out = snapshot.measurements.get("held_out")
        if held_out is not None:
            gap = held_out.value - problem.floor.value
        if gap < GOOD:
            break
    milliseconds = 1000 * statistics.median(taken)
    return Found(state.step if gap < GOOD else None, state.step, milliseconds, gap)


def main() -> None:
    """Print a line of the table for every family."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architectures", nargs="*", default=list(ARCHITECTURES))
    parser.add_argument("--seconds", type=float, default=300.0)
    arguments = parser.parse_args()
    prepare_process()
    deadline = time.monotonic() + 300
    while kernels.loaded() is None and time.monotonic() < deadline:
        kernels.prepare()
        time.sleep(1)
    for name in arguments.architectures:
        if ARCHITECTURES[name].likelihood == "none":
            continue
        found = pace(name, arguments.seconds)
        given_up = f", {found.trained}" if found.steps is None else ""
        line = f'"{name}": Pace({found.steps}, {found.milliseconds:.2f}{given_up}),'
        print(f"    {line}  # {fixed(found.gap)} nats above", flush=True)


if __name__ == "__main__":
    main()
