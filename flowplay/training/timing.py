"""How long a model takes for densities and samples on this machine, measured."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import TypedDict

import torch

from flowplay.config import RunConfig
from flowplay.flows.continuous import evaluations
from flowplay.problems import ImageProblem
from flowplay.training.data import held_out_points
from flowplay.training.live_run import LiveRun
from flowplay.training.start import new_run

#: Points of one timed call, and how often it is timed.
POINTS = 10_000
TIMES = 3

#: Seconds: a call that takes so long is timed once. It needs no warming up, and others wait.
LONG = 1.0

#: Training steps that are timed together.
STEPS = 20


class Timing(TypedDict):
    """Milliseconds for so many points: their log-densities, and as many samples.

    `log_prob_ms` is None for a model without a likelihood. `evaluations` counts how often one pass
    of log-densities evaluates the vector field of an ODE, for a point on average; 0 where there is
    none.
    """

    points: int
    log_prob_ms: float | None
    sample_ms: float
    evaluations: int


@torch.inference_mode()
def measure(live: LiveRun, points: int = POINTS) -> Timing:
    """Time densities and samples of a run's model, on the device it trains on.

    Args:
        live: the run.
        points: points of one call. Where fewer are held out they are repeated, but images are not:
            of those so many would take too much memory.

    Returns:
        Medians of three calls, after one that warms up; the first alone where it takes a second.
    """
    model, likelihood = live.model, live.likelihood
    x = held_out_points(live.config, points).to(live.device)
    if not isinstance(live.config.problem(), ImageProblem):
        x = x.repeat(math.ceil(points / len(x)), 1)[:points]
    points = len(x)
    log_prob_ms, solved = None, 0
    if likelihood is not None:
        before = evaluations(model)
        first = _seconds(lambda: likelihood.log_prob(x))
        solved = evaluations(model) - before
        log_prob_ms = _milliseconds(lambda: likelihood.log_prob(x), first)
    first = _seconds(lambda: model.sample(points))
    return Timing(
        points=points,
        evaluations=solved,
        log_prob_ms=log_prob_ms,
        sample_ms=_milliseconds(lambda: model.sample(points), first),
    )


def step_milliseconds(config: RunConfig) -> float:
    """Time training steps of a run from its start; return the milliseconds of one.

    Args:
        config: of the run.
    """
    state = new_run(config)
    live = LiveRun(state)
    taken = [live.train(state, math.inf, STEPS).seconds for _ in range(1 + TIMES)]
    return 1000 * min(taken[1:]) / STEPS


def _milliseconds(work: Callable[[], torch.Tensor], first: float) -> float:
    """Return what `work` takes, in milliseconds, given the seconds of its first call."""
    if first >= LONG:
        return 1000 * first
    return 1000 * statistics.median(_seconds(work) for _ in range(TIMES))


def _seconds(work: Callable[[], torch.Tensor]) -> float:
    start = time.perf_counter()
    # A GPU answers before it is done; a number that is read is a number that is there.
    work().sum().item()
    return time.perf_counter() - start
