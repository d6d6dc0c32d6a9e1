"""How the time and memory of a training step grow with depth, width and batch.

Run `python -m benchmarks.scaling`, pinned to a core that nothing else uses. Around the default
config one size is varied at a time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.floor import floor_ms, matmul_rate
from benchmarks.memory import step_megabytes
from flowplay import kernels
from flowplay.config import RunConfig
from flowplay.training import new_run, prepare_process
from flowplay.training.live_run import LiveRun

SIZES: dict[str, tuple[int, ...]] = {
    "depth": (2, 4, 8, 16, 32, 64),
    "width": (16, 32, 64, 128, 256, 512),
    "batch_size": (64, 256, 1024, 4096, 16_384),
}

#: Blocks of steps per point, taken in turn, so that a disturbance meets all points alike.
BLOCKS = 9
BLOCK_SECONDS = 0.15

#: The rate matters to no measurement; this one breaks nothing.
RATE = 1e-4


class Point(NamedTuple):
    """One size: milliseconds a step, those of its matrix products alone, and megabytes."""

    size: int
    ms: float
    floor: float
    megabytes: float
    checkpointed: float | None


class Growth(NamedTuple):
    r"""A power law :math:`y \propto x^p` by least squares of logarithms; r² of that fit."""

    exponent: float
    r2: float


class Line(NamedTuple):
    """A straight line y = at_zero + slope x by least squares of relative errors."""

    at_zero: float
    slope: float


def growth(sizes: Sequence[float], values: Sequence[float]) -> Growth:
    """Fit a power law."""
    x, y = np.log(sizes), np.log(values)
    exponent, constant = np.polyfit(x, y, 1)
    spread = float(np.square(y - y.mean()).sum())
    missed = float(np.square(y - constant - exponent * x).sum())
    return Growth(float(exponent), 1.0 if spread == 0 else 1 - missed / spread)


def line(sizes: Sequence[float], values: Sequence[float]) -> Line:
    """Fit a straight line; the smallest point counts as much as the largest."""
    slope, at_zero = np.polyfit(sizes, values, 1, w=1 / np.asarray(values))
    return Line(float(at_zero), float(slope))


def step_times(runs: Sequence[LiveRun]) -> list[float]:
    """Return the median milliseconds a step of each run, from blocks taken in turn."""
    blocks: list[list[float]] = [[] for _ in runs]
    for k in range(BLOCKS + 1):
        for run, times in zip(runs, blocks, strict=True):
            ms = _block(run)
            if k:  # The first warms up.
                times.append(ms)
    return [statistics.median(times) for times in blocks]


def _block(run: LiveRun) -> float:
    """Take steps for a short while, at least one; return milliseconds a step."""
    steps = 0
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < BLOCK_SECONDS or not steps:
        run.step(RATE)
        steps += 1
    return 1000 * elapsed / steps


def configs(architecture: str, varied: str, *, checkpoint: bool = False) -> list[RunConfig]:
    """Return the family's default config with one size varied."""
    return [
        RunConfig.model_validate(
            {"architecture": architecture, "checkpoint": checkpoint, varied: size}
        )
        for size in SIZES[varied]
    ]


def megabytes(architecture: str) -> dict[str, list[float]]:
    """Return the memory of a step at every size; `checkpointed` is by depth."""
    wanted = {varied: configs(architecture, varied) for varied in SIZES}
    wanted["checkpointed"] = configs(architecture, "depth", checkpoint=True)
    return {name: [step_megabytes(config) for config in row] for name, row in wanted.items()}


def points(architecture: str, varied: str, memory: dict[str, list[float]]) -> list[Point]:
    """Time every size of a series, beside its floor and its memory."""
    runs = [LiveRun(new_run(config)) for config in configs(architecture, varied)]
    for run in runs:
        run.model.train()
    times = step_times(runs)
    rate = matmul_rate()
    floors = [floor_ms(lambda run=run: run.step(RATE), rate) for run in runs]  # type: ignore[misc]
    checkpointed = memory["checkpointed"] if varied == "depth" else [None] * len(runs)
    return [
        Point(*row)
        for row in zip(SIZES[varied], times, floors, memory[varied], checkpointed, strict=True)
    ]


def table(varied: str, series: Sequence[Point]) -> str:
    """Write a series and its fits as Markdown."""
    sizes = [p.size for p in series]
    times = [p.ms for p in series]
    memory = [p.megabytes for p in series]
    lines = [
        f"| {varied} | ms/step | floor ms | times the floor | MB of a step | MB, checkpointed |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {p.size} | {p.ms:.2f} | {p.floor:.2f} | {p.ms / p.floor:.1f} | {p.megabytes:.1f} | "
        f"{'–' if p.checkpointed is None else f'{p.checkpointed:.1f}'} |"
        for p in series
    ]
    half = len(series) // 2
    upper = growth(sizes[half:], times[half:])
    lines += [
        "",
        f"Time grows as {varied}^{growth(sizes, times).exponent:.2f} "
        f"(r² {growth(sizes, times).r2:.3f}), in the upper half as ^{upper.exponent:.2f}.",
        f"Memory grows as {varied}^{growth(sizes, memory).exponent:.2f} "
        f"(r² {growth(sizes, memory).r2:.3f}).",
    ]
    if varied == "depth":
        time_line, memory_line = line(sizes, times), line(sizes, memory)
        lines += [
            f"A step takes {time_line.at_zero:.2f} ms + {time_line.slope:.3f} ms a layer, and "
            f"{memory_line.at_zero:.1f} MB + {memory_line.slope:.2f} MB a layer."
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architectures", nargs="+", default=["realnvp", "nsf"])
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    arguments = parser.parse_args()
    prepare_process()
    kernels.prepare(wait=True)
    # First of all: autograd does not allow a fork of a process that has used it.
    memory = {name: megabytes(name) for name in arguments.architectures}
    for architecture in arguments.architectures:
        for varied in arguments.sizes:
            series = points(architecture, varied, memory[architecture])
            print(f"### {architecture}, {varied}\n\n{table(varied, series)}\n", flush=True)


if __name__ == "__main__":
    main()
