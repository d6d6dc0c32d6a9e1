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
from flowplay.training.data import held_out_points
from flowplay.training.live_run import LiveRun
from flowplay.training.start import new_run

#: Points of one timed call, and how often it is timed.
POINTS = 10_000
TIMES = 3

#: Training steps that are timed together.
STEPS = 20


class Timing(TypedDict):
    """Milliseconds for so many points: their log-densities, and as many samples.

    `log_prob_ms` is None for a model without a likelihood. `evaluations` counts how often one pass
    of log-densities evaluates the vector field of an ODE; 0 where there is none.
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
        points: points of one call, at most; a problem may have fewer held-out points.

    Returns:
        Medians of three calls, after one that warms up.
    """
    model, likelihood = live.model, live.likelihood
    x = held_out_points(live.config, points).to(live.device)
    points = len(x)
    before = evaluations(model)
    if likelihood is not None:
        likelihood.log_prob(x)
    return Timing(
        points=points,
        evaluations=evaluations(model) - before,
        log_prob_ms=None if likelihood is None else _milliseconds(lambda: likelihood.log_prob(x)),
        sample_ms=_milliseconds(lambda: model.sample(points)),
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


def _milliseconds(work: Callable[[], torch.Tensor]) -> float:
    return 1000 * statistics.median([_seconds(work) for _ in range(1 + TIMES)][1:])


def _seconds(work: Callable[[], torch.Tensor]) -> float:
    start = time.perf_counter()
    # A GPU answers before it is done; a number that is read is a number that is there.
    work().sum().item()
    return time.perf_counter() - start
