"""Why whole levels need noise: without it a density grows at them without end."""

from __future__ import annotations

import math
from typing import TypedDict

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.problems import ImageProblem

#: Optimizer steps of each of the two fits, and their rate.
STEPS = 400
RATE = 0.05

#: Images whose pixel is fitted.
IMAGES = 500

#: Logistics of the mixture, at most: as many as a digit has levels.
COMPONENTS = 17


class Undequantized(TypedDict):
    """Two densities of one pixel that differ in the noise alone, in bits at each step.

    Attributes:
        without: the mean of -log2 p at the levels themselves. Below 0 it is no number of bits,
            since no probability is above 1.
        uniform: the same with uniform noise: a bound of the bits that the pixel takes.
        entropy: the least that any code of this pixel takes, from how often each level occurs.
    """

    without: list[float]
    uniform: list[float]
    entropy: float


def undequantized(config: RunConfig, coordinate: int, steps: int = STEPS) -> Undequantized:
    """Fit a mixture of logistics to one pixel, without noise and with uniform noise.

    Args:
        config: of a run of images; its training part is fitted.
        coordinate: which value of an image, from 0 to D - 1.
        steps: of each fit.

    Raises:
        RefusedError: if the problem is not of images, or an image has no such value.
    """
    problem = config.problem()
    if not isinstance(problem, ImageProblem):
        raise RefusedError(f"{problem.label} has no levels that could need noise.")
    if not 0 <= coordinate < problem.dim:
        raise RefusedError(f"An image of {problem.label} has {problem.dim} values.")
    levels = problem.points("train", config.seed)[:IMAGES, coordinate]
    share = np.bincount(levels.astype(int)) / len(levels)
    known = share[share > 0]
    x = torch.from_numpy(levels).float()
    return Undequantized(
        without=_fit(x, problem.levels, steps, noisy=False),
        uniform=_fit(x, problem.levels, steps, noisy=True),
        entropy=float(-(known * np.log2(known)).sum()),
    )


def _fit(x: Tensor, levels: int, steps: int, *, noisy: bool) -> list[float]:
    """Return the mean of -log2 p of x [n] at each step, in bits."""
    components = min(levels, COMPONENTS)
    noise = torch.Generator().manual_seed(0)
    logits = torch.zeros(components, requires_grad=True)
    spread = (torch.arange(components) + 0.5) * (levels / components)
    means = spread.clone().requires_grad_()
    log_scales = torch.zeros(components, requires_grad=True)
    optimizer = torch.optim.Adam([logits, means, log_scales], lr=RATE)
    bits = []
    for _ in range(steps):
        u = torch.rand(x.shape, generator=noise) if noisy else torch.full_like(x, 0.5)
        t = ((x + u).unsqueeze(-1) - means) * (-log_scales).exp()
        terms = logits.log_softmax(0) + F.logsigmoid(t) + F.logsigmoid(-t) - log_scales
        loss = -terms.logsumexp(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        bits.append(float(loss.detach()) / math.log(2))
    return bits
