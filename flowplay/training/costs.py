"""What a family's two directions cost on this machine, as a watch sees it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TypedDict

import torch

from flowplay.config import RunConfig
from flowplay.training.data import held_out_points
from flowplay.training.live import new_flow, pick_device

#: Points of one timed call, and how often it is timed.
POINTS = 10_000
TIMES = 3


class Costs(TypedDict):
    """Milliseconds for so many points: their log-densities, and as many samples."""

    points: int
    log_prob_ms: float
    sample_ms: float


@torch.inference_mode()
def measure(config: RunConfig, points: int = POINTS) -> Costs:
    """Time both directions of a config's untrained flow, on the device it would train on.

    Args:
        config: names the flow; its weights are the first ones, its layers all there are.
        points: points of one call.

    Returns:
        Medians of three calls, after one that warms up.
    """
    device = pick_device(config.device)
    flow = new_flow(config).to(device).eval()
    x = held_out_points(config, points).to(device)
    return Costs(
        points=points,
        log_prob_ms=_milliseconds(lambda: flow.log_prob(x)),
        sample_ms=_milliseconds(lambda: flow.sample(points)),
    )


def _milliseconds(work: Callable[[], torch.Tensor]) -> float:
    return 1000 * statistics.median([_seconds(work) for _ in range(1 + TIMES)][1:])


def _seconds(work: Callable[[], torch.Tensor]) -> float:
    start = time.perf_counter()
    # A GPU answers before it is done; a number that is read is a number that is there.
    work().sum().item()
    return time.perf_counter() - start
