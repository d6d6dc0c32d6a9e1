"""The points of a run: what it trains on, and what it is judged by."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from flowplay.config import RunConfig
from flowplay.targets import make_target

#: Held-out points behind every live figure; the command line judges by more.
HELD_OUT = 2000

#: Held-out points are drawn from their own stream of seeds, so that no run ever trains on them.
_HELD_OUT_SEEDS = 2**31


def training_points(config: RunConfig) -> Tensor:
    """Draw the config's training points [samples, 2], float32, in data units."""
    return _points(config.target, config.noise, config.samples, config.seed)


def held_out_points(config: RunConfig, n: int = HELD_OUT) -> Tensor:
    """Draw n points [n, 2], float32, that no training step sees."""
    return _points(config.target, config.noise, n, config.seed + _HELD_OUT_SEEDS)


@functools.lru_cache(maxsize=64)
def _points(target: str, noise: float, n: int, seed: int) -> Tensor:
    return torch.from_numpy(make_target(target, noise).sample(n, seed)).float()
