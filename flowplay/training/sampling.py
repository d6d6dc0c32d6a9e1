"""Samples as a visitor asks for them, without training: what they cost, and how near they are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from flowplay.errors import RefusedError
from flowplay.flows.continuous import evaluations
from flowplay.models.diffusion import Diffusion
from flowplay.problems import DataProblem
from flowplay.training.data import held_out_points
from flowplay.training.live_run import LiveRun
from flowplay.training.sample_metrics import compared_with_data, sliced_wasserstein
from flowplay.training.streams import generator
from flowplay.wire import SampledView, SamplingCostView

#: Points that are shown, and that are drawn for a comparison, in so many parts.
SHOWN = 1000
DRAWN = 4000
PARTS = 4

#: Numbers of steps whose cost is compared.
STEPS = (1, 2, 3, 5, 8, 12, 20, 40)


@torch.inference_mode()
def sampled_view(live: LiveRun, temperature: float, sampler: str | None, steps: int) -> SampledView:
    """Draw samples from a live run's model, and compare them with fresh data.

    Args:
        live: the run.
        temperature: of the draws.
        sampler: of diffusion, see `Diffusion`; None for other models.
        steps: of the sampler.

    Raises:
        RefusedError: if the problem has no window in the plane.
    """
    problem = live.config.problem()
    if problem.window is None:
        raise RefusedError("The data of this run do not lie in the plane.")
    before = evaluations(live.model)
    start = time.perf_counter()
    with sampled_by(live, sampler, steps):
        points = live.model.sample(DRAWN, temperature, generator(live.config.seed, "samples"))
    taken = time.perf_counter() - start
    metrics: dict[str, Any] = {}
    if isinstance(problem, DataProblem):
        metrics = dict(compared_with_data(live, points, PARTS))
    return SampledView(
        window=list(problem.window),
        points=points[:SHOWN].float().cpu().numpy(),
        drawn=DRAWN,
        milliseconds=1000 * taken,
        evaluations=evaluations(live.model) - before,
        metrics=metrics,
    )


@torch.inference_mode()
def sampling_cost(live: LiveRun) -> SamplingCostView:
    """Compare the samplers of a live run's diffusion model by their steps, at temperature 1.

    Raises:
        RefusedError: if the model is no diffusion of data in the plane.
    """
    problem = live.config.problem()
    if not isinstance(live.model, Diffusion) or not isinstance(problem, DataProblem):
        raise RefusedError("Only diffusion that learns points has a number of sampling steps.")
    n = DRAWN // PARTS
    points = held_out_points(live.config, 2 * DRAWN).double()
    fresh, others = points[:DRAWN].split(n), points[DRAWN:].split(n)
    rows: list[dict[str, Any]] = []
    asked = [(name, steps) for name in ("heun", "ancestral") for steps in STEPS] + [("ode", 0)]
    for sampler, steps in asked:
        before = evaluations(live.model)
        start = time.perf_counter()
        with sampled_by(live, sampler, steps):
            drawn = live.model.sample(DRAWN, 1.0, generator(live.config.seed, "judgement"))
        taken = time.perf_counter() - start
        parts = drawn.double().cpu().split(n)
        found = [sliced_wasserstein(x, y) for x, y in zip(parts, fresh, strict=True)]
        rows.append(
            {
                "sampler": sampler,
                "steps": steps,
                "evaluations": evaluations(live.model) - before,
                "milliseconds": 1000 * taken,
                "sliced_w2": float(np.mean(found)),
                "error": float(np.std(found, ddof=1) / np.sqrt(PARTS)),
            }
        )
    data = [sliced_wasserstein(x, y) for x, y in zip(others, fresh, strict=True)]
    return SamplingCostView(rows, DRAWN, float(np.mean(data)))


@contextmanager
def sampled_by(live: LiveRun, sampler: str | None, steps: int) -> Iterator[None]:
    """Let the model of a live run draw by another sampler inside the block, if it has several."""
    model = live.model
    if sampler is None or not isinstance(model, Diffusion):
        yield
        return
    usual = model.sampler, model.sample_steps
    model.sampler, model.sample_steps = sampler, max(1, steps)
    try:
        yield
    finally:
        model.sampler, model.sample_steps = usual
