"""The process of one library: it does what it is asked through a pipe, one thing at a time.

It imports nothing heavy before the library itself, so that imports can be timed.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.libraries import load
from benchmarks.libraries.base import FloatArray, Job, Model

#: Points along each side of the grid whose density is timed, and points that are drawn.
SIDE = 100
SAMPLES = 10_000

#: Gaps to the entropy, in nats, whose time is taken.
THRESHOLDS = (0.10, 0.03)

#: Seconds of training between two looks at the held-out NLL, at first and after `EARLY` seconds.
CLOSE, WIDE, EARLY = 0.1, 0.25, 2.0

#: Looks without a number in a row after which a run is given up.
HOPELESS = 5


def serve(pipe: Connection, name: str) -> None:
    """Import a library, then answer (method, arguments) until None comes."""
    # An interruption from the keyboard is for the process that asks.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start = time.perf_counter()
    try:
        worker = Worker(name)
    except ImportError as error:
        pipe.send(("failed", f"cannot be imported: {error}"))
        return
    pipe.send(
        ("done", {"import": time.perf_counter() - start, "imported_mb": resident_mb("VmRSS")})
    )
    while (question := pipe.recv()) is not None:
        method, arguments = question
        try:
            pipe.send(("done", getattr(worker, method)(*arguments)))
        except Exception as error:
            # Whatever a library raises ends its turn, not the comparison.
            pipe.send(("failed", f"{type(error).__name__}: {error}"))


class Worker:
    """A library in its process, with the model it works on."""

    model: Model

    def __init__(self, name: str) -> None:
        self.library = load(name)

    def about(self) -> dict[str, Any]:
        """Return which kinds the library has, and its version."""
        return {"kinds": list(self.library.kinds), "version": self.library.version}

    def begin(self, job: Job) -> dict[str, float]:
        """Build a model; return the seconds to build and to compile it.

        The job comes through the pipe: what flowplay needs to make one is no library's memory.
        """
        self.library.draw(job)
        self.points = _grid(job.data, spread=3.0, side=SIDE)
        self.window = _grid(job.data, spread=6.0, side=3 * SIDE)
        return self._build(job)

    def mass(self) -> float:
        """Take some steps; return what the density integrates to over a wide window."""
        # Untrained, a flow may lie far wider than the data.
        self.steps(100)
        # In pieces of the size that is timed, so that nothing is compiled or kept for this alone.
        values = [self.model.log_prob(piece) for piece in np.split(self.window, 9)]
        density = np.exp(np.nan_to_num(np.concatenate(values).astype(np.float64), nan=-np.inf))
        cell = np.prod(np.ptp(self.window.astype(np.float64), axis=0) / (3 * SIDE - 1))
        return float(density.sum() * cell)

    def steps(self, n: int) -> float:
        """Take n steps; return milliseconds for each."""

        def some() -> None:
            for _ in range(n):
                self.model.step(1e-3)
            self.model.wait()

        return _milliseconds(some) / n

    def grid(self) -> float:
        """Return the milliseconds of the log-density of a grid."""
        return _milliseconds(lambda: self.model.log_prob(self.points))

    def sample(self) -> float:
        """Return the milliseconds to draw samples."""
        return _milliseconds(lambda: self.model.sample(SAMPLES))

    def peak_mb(self) -> float:
        """Return the most memory this process has held, in MB."""
        return resident_mb("VmHWM")

    def floor(self) -> dict[str, float]:
        """Return the FLOPs of a step's matrix products, and how many a second this core does."""
        from benchmarks.floor import flops, matmul_rate

        return {"flops": flops(lambda: self.model.step(1e-3)), "rate": matmul_rate()}

    def quality(
        self, kind: str, recipe: str, target: str, seed: int, seconds: float, budget: float
    ) -> dict[str, Any]:
        """Train until the last threshold, the limit or the end of the budget.

        The clock runs from the call that builds the model, and stands while the held-out NLL is
        looked at. The cosine falls over training alone: who compiles loses none of it.
        """
        from benchmarks.peers_cases import config_of, job_of
        from flowplay.training.data import held_out_points
        from flowplay.training.schedule import progress, rate_factor

        config = config_of(kind, recipe, target, seed, budget)
        points = held_out_points(config).numpy()
        look = _Gap(points, target, float(config.target_options["noise"]))
        start = self._build(job_of(config, kind, recipe))
        begun, trained, step = sum(start.values()), 0.0, 0
        limit = seconds - begun if recipe == "usual" else budget
        curve = [(begun, look(self.model))]
        while trained < limit and not _over([gap for _, gap in curve]):
            length = min(CLOSE if trained < EARLY else WIDE, limit - trained)
            clock = time.perf_counter()
            while (passed := time.perf_counter() - clock) < length:
                part = progress(config, budget, step, trained + passed)
                self.model.step(config.learning_rate * rate_factor(config, part, step))
                step += 1
            self.model.wait()
            trained += time.perf_counter() - clock
            curve.append((begun + trained, look(self.model)))
        reached = {
            f"{threshold:.2f}": next((at for at, gap in curve if gap <= threshold), None)
            for threshold in THRESHOLDS
        }
        return {
            **start,
            "family": f"{config.architecture}, {config.depth} layers",
            "reached": reached,
            "gap": curve[-1][1],
            "steps": step,
            "trained": trained,
            "curve": [(round(at, 3), round(gap, 4)) for at, gap in curve],
        }

    def _build(self, job: Job) -> dict[str, float]:
        start = time.perf_counter()
        self.model = self.library.build(job)
        built = time.perf_counter()
        self.model.prepare()
        return {"build": built - start, "compile": time.perf_counter() - built}


class _Gap:
    """How far a model's held-out NLL lies above the entropy, in nats.

    The mean of log p - log q over the held-out points, p the target's exact density: the same
    expectation as NLL minus entropy, without the noise of which points were drawn.
    """

    def __init__(self, points: FloatArray, target: str, noise: float) -> None:
        from flowplay.targets import make_target

        self.points = points
        self.truth = make_target(target, noise).log_prob(points)

    def __call__(self, model: Model) -> float:
        return float((self.truth - model.log_prob(self.points)).mean())


def _over(gaps: list[float]) -> bool:
    """Tell whether the last threshold is reached, or there have long been no numbers."""
    hopeless = len(gaps) >= HOPELESS and not np.isfinite(gaps[-HOPELESS:]).any()
    return hopeless or gaps[-1] <= min(THRESHOLDS)


def _grid(data: FloatArray, spread: float, side: int) -> FloatArray:
    """Return a square grid [side², 2] that reaches so many standard deviations from the mean."""
    mean, std = data.mean(0), data.std(0)
    axis = np.linspace(-spread, spread, side)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    points: FloatArray = (mean + std * grid).astype(np.float32)
    return points


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def resident_mb(field: str) -> float:
    """Return a memory figure of this process in MB: now (VmRSS) or at most so far (VmHWM)."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text("utf-8").splitlines())
        return int(lines[field].split()[0]) / 1024
    import resource

    # The most so far is all that other systems tell: in bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)
