"""Why whole levels need noise: without it a density grows at them without end."""

from __future__ import annotations

import math
from typing import TypedDict

import torch

from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.flows.images import NoNoise
from flowplay.models.images import DequantizedFlow
from flowplay.problems import ImageProblem, bits_per_dim
from flowplay.training.live_run import LiveRun
from flowplay.training.start import new_run

#: Optimizer steps of each of the two runs.
STEPS = 150


class Undequantized(TypedDict):
    """Two short runs that differ in the noise alone: "bits" per dimension at each step.

    Attributes:
        without: with no noise; below 0 they are no bits, since no probability is above 1.
        uniform: with uniform noise: a bound.
    """

    without: list[float]
    uniform: list[float]


def undequantized(config: RunConfig, steps: int = STEPS) -> Undequantized:
    """Train the model of a config for a short while without noise, and with uniform noise.

    Raises:
        RefusedError: if it is no flow of images.
    """
    problem = config.problem()
    options = dict(config.options) | {"dequantization": "uniform"}
    changed = config.model_copy(
        update={"options": options, "budget": steps, "budget_unit": "steps", "schedule": "constant"}
    )
    if not isinstance(problem, ImageProblem) or "dequantization" not in config.options:
        raise RefusedError(f"{config.entry.label} on {problem.label} needs no noise.")
    state = new_run(changed)
    curves = []
    for silent in (True, False):
        live = LiveRun(state)
        assert isinstance(live.model, DequantizedFlow), "it has a dequantization"
        if silent:
            live.model.noise = NoNoise().train()
        losses = torch.stack(live.train(state, math.inf, steps).losses).double()
        curves.append([bits_per_dim(float(loss), problem.dim) for loss in losses])
    return Undequantized(without=curves[0], uniform=curves[1])
