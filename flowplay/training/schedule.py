"""The learning rate as a function of where a run stands."""

from __future__ import annotations

import math

from flowplay.config import RunConfig

#: What is left of the peak rate at the end of the budget.
FLOOR = 0.01


def progress(config: RunConfig, budget: float, step: int, seconds: float) -> float:
    """Return the part of the budget that is used up, in [0, 1]."""
    used = step if config.budget_unit == "steps" else seconds
    return min(1.0, used / budget)


def annealed(config: RunConfig, budget: float, step: int, seconds: float) -> float:
    """Return the part of the budget that is used up, where a later, larger budget does not count.

    An energy has its full weight for good, also where a run goes on beyond its first budget.
    """
    return progress(config, min(budget, config.budget), step, seconds)


def rate_factor(config: RunConfig, part: float, step: int) -> float:
    r"""Return what the peak learning rate is multiplied by at a step.

    Linear warm-up, then a cosine from 1 down to `FLOOR` over the budget (or 1 throughout):

    .. math::
        \min(1, (t + 1) / w)\,\bigl(f + (1 - f)\,(1 + \cos \pi p) / 2\bigr)

    Args:
        config: the run's warm-up w in steps, and its schedule.
        part: the part p of the budget that is used up.
        step: optimizer steps t already taken.

    References:
        Loshchilov & Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017.
    """
    warm = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    if config.schedule == "constant":
        return warm
    return warm * (FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * part)) / 2)
