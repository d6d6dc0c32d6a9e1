"""Diffusion: a denoiser, and the continuous flow that it defines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowplay.config import RunConfig
from flowplay.flows import Flow, Standardization
from flowplay.flows.conditioner import STEEPNESS
from flowplay.flows.continuous import ContinuousLayer
from flowplay.flows.vector_field import VectorField

#: Logarithms of the standard deviation of the noise, in standardized units: from data to base.
LOG_SIGMAS = (math.log(0.005), math.log(20.0))

#: Logarithms of the noise in training: mean and standard deviation.
TRAINED = (-1.2, 1.2)

#: Noisy points that training makes of each data point.
DRAWS = 2

#: Tolerance of a step of the ODE's solver. The solver's error is that of a whole batch: with 1e-3
#: single points were off by 0.1, with this one by 0.002, for twice the evaluations.
ACCURACY = 1e-4

#: Steps of the solver while a picture moves: its root mean square error is then 0.4 % of the
#: highest density, and 6 % of it where the density is steepest.
ROUGH_STEPS = 16

#: Steps of the solver for the held-out loss while it trains: its mean is then within 0.006 nats of
#: that of the adaptive solver, for half of the evaluations.
JUDGING_STEPS = 40

#: Steps of Heun's method for the samples beside it: they have the same distance to data (sliced
#: Wasserstein-2) as those of the ODE solved to its tolerance.
ROUGH_SAMPLE_STEPS = 6

#: Root mean square of y's coordinates at which the field has fallen to a half. Training sees
#: nothing out there, and what the network makes of it can grow without end.
HORIZON = 4.0

#: Radians that a unit of the first layer turns in a standard deviation of the data, at the start.
WAVES = 3.0

#: Pairs of sine and cosine by which the network is told the noise level.
_FREQUENCIES = 4


class Denoised(NamedTuple):
    """What the backward pass of a denoiser needs.

    Attributes:
        y: noisy points [B, D].
        weight: of the network there [B, 1].
        embedding: of the noise levels [B, 2 frequencies].
        a1, a2: hidden units before the activation [B, width].
        h1, h2: hidden units after it [B, width].
    """

    y: Tensor
    weight: Tensor
    embedding: Tensor
    a1: Tensor
    h1: Tensor
    a2: Tensor
    h2: Tensor


class DenoiserField(VectorField):
    r"""The vector field of the probability-flow ODE, made of a denoiser.

    With noise of standard deviation :math:`\sigma`, :math:`\theta = \arctan \sigma` and
    :math:`y = \cos\theta\, x_0 + \sin\theta\, \epsilon`, EDM's denoiser for data of variance 1 is
    :math:`D = \cos\theta\, y + \sin\theta\, F(y, \sigma)`, and the ODE becomes

    .. math:: \frac{dy}{d\theta} = -F(y, \sigma)

    The units of the first layer are sines, with random directions and `WAVES` radians in a standard
    deviation at the start: with SiLU units, the arms of a spiral were learned as one disc.

    Far from all data F falls to 0, where points stay as they are: the network is multiplied by
    :math:`w(y) = 1 / (1 + (\|y\|^2 / D R^2)^4)`, which is 1 where training sees points.

    Time runs from 0 (noise, :math:`\sigma = 20`) to 1 (data, :math:`\sigma = 0.005`), evenly in
    :math:`\log \sigma`. The noise level shifts both hidden layers, so that the divergence still is
    one product of matrices.

    Args:
        dim: D.
        width: units in each hidden layer.
    """

    accuracy = ACCURACY

    frequencies: Tensor

    def __init__(self, dim: int, width: int) -> None:
        super().__init__(dim, width)
        self.time = nn.Linear(2 * _FREQUENCIES, width, bias=False)
        self.level = nn.Linear(2 * _FREQUENCIES, width, bias=False)
        with torch.no_grad():
            self.first.weight.mul_(WAVES / STEEPNESS)
        octaves = math.pi * 2.0 ** torch.arange(_FREQUENCIES) / 2
        self.register_buffer("frequencies", octaves, persistent=False)

    def denoiser(self, log_sigma: Tensor, y: Tensor) -> Tensor:
        """Return F [B, D] at y [B, D] and the logarithm of the noise [B, 1] or [1, 1]."""
        first, second = self._shifts(log_sigma)
        h = torch.sin(F.linear(y, self.first.weight) + first)
        out: Tensor = self.last(F.silu(F.linear(h, self.second.weight) + second))
        return out * self.nearness(y)[0]

    def nearness(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weight w [B, 1] of the network at y [B, D], and its gradient [B, D]."""
        ratio = y.square().mean(-1, keepdim=True) / HORIZON**2
        weight = 1 / (1 + ratio**4)
        return weight, -8 / (y.shape[-1] * HORIZON**2) * weight.square() * ratio**3 * y

    def forward_pass(self, log_sigma: Tensor, y: Tensor) -> tuple[Tensor, Denoised]:
        """Return F [B, D] as `denoiser` does, and what `backward_pass` needs."""
        embedding = self._embedding(log_sigma)
        a1 = torch.addmm(self.first.bias, y, self.first.weight.t())
        a1.addmm_(embedding, self.time.weight.t())
        h1 = torch.sin(a1)
        a2 = torch.addmm(self.second.bias, h1, self.second.weight.t())
        a2.addmm_(embedding, self.level.weight.t())
        h2 = F.silu(a2)
        weight = self.nearness(y)[0]
        out = torch.addmm(self.last.bias, h2, self.last.weight.t()) * weight
        return out, Denoised(y, weight, embedding, a1, h1, a2, h2)

    def backward_pass(self, g_out: Tensor, saved: Denoised) -> list[Tensor]:
        """Return the gradients of the parameters, given that of F [B, D]."""
        y, weight, embedding, a1, h1, a2, h2 = saved
        g_out = g_out * weight
        g2 = torch.ops.aten.silu_backward.default(g_out @ self.last.weight, a2)
        g1 = (g2 @ self.second.weight) * torch.cos(a1)
        return [
            *(g1.t() @ y, g1.sum(0), g1.t() @ embedding),
            *(g2.t() @ h1, g2.sum(0)),
            *(g_out.t() @ h2, g_out.sum(0)),
            g2.t() @ embedding,
        ]

    def forward(self, t: Tensor, x: Tensor) -> Tensor:
        """Return f(x, t) [B, D] at x [B, D] and t, a scalar or [B, 1]."""
        self.evaluations += 1
        log_sigma, speed = self._at(t)
        return speed * self.denoiser(log_sigma, x)

    def with_divergence(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(x, t) [B, D] and its exact divergence [B]."""
        field, divergence = super().with_divergence(t, x)
        weight, slope = self.nearness(x)
        divergence = weight.squeeze(-1) * divergence + (slope * field).sum(-1)
        speed = self._at(t)[1].squeeze(-1)
        return speed.unsqueeze(-1) * weight * field, speed * divergence

    def _with_slopes(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.evaluations += 1
        first, second = self._shifts(self._at(t)[0])
        a1 = torch.addmm(first, x, self.first.weight.t())
        h1 = torch.sin(a1)
        a2 = torch.addmm(second, h1, self.second.weight.t())
        s2 = torch.sigmoid(a2)
        h2 = a2 * s2
        return (
            self.last(h2),
            torch.cos(a1),
            torch.addcmul(s2 + h2, h2, s2, value=-1),
        )

    def _shifts(self, log_sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is added in the two hidden layers, biases included."""
        embedding = self._embedding(log_sigma)
        return self.time(embedding) + self.first.bias, self.level(embedding) + self.second.bias

    def _embedding(self, log_sigma: Tensor) -> Tensor:
        low, high = LOG_SIGMAS
        angles = (log_sigma - low) / (high - low) * self.frequencies
        return torch.cat((angles.sin(), angles.cos()), -1)

    @staticmethod
    def _at(t: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return :math:`\log\sigma` and :math:`-d\theta/dt` at t, each [1, 1] or [B, 1]."""
        low, high = LOG_SIGMAS
        log_sigma = high + (low - high) * t.reshape(-1, 1)
        theta = torch.atan(log_sigma.exp())
        return log_sigma, (high - low) * theta.sin() * theta.cos()


class Diffusion(Flow):
    r"""A continuous flow whose field is trained by denoising.

    .. math::
        \mathcal{L} = \mathbb{E}\, \bigl\| F(y, \sigma) -
        (\sin\theta\, x_0 - \cos\theta\, \epsilon) \bigr\|^2,
        \qquad \log\sigma \sim \mathcal{N}(-1.2, 1.2^2)

    That is EDM's loss with its weights. It is not a likelihood, and its minimum is not 0.
    `log_prob` is that of the probability-flow ODE, with the exact divergence. Samples come from the
    same ODE, or from steps that remove some noise and add fresh noise.

    Args:
        standardization: between standardized units and data units.
        dim: D.
        width: units in each hidden layer.
        depth: intervals of log σ in which pictures show the flow.
        sampler: `ode` solves the ODE, `heun` takes `sample_steps` steps of order two, `ancestral`
            as many random steps.
        sample_steps: of `heun` and `ancestral`.

    References:
        Sohl-Dickstein, Weiss, Maheswaranathan & Ganguli, Deep Unsupervised Learning using
        Nonequilibrium Thermodynamics, 2015.
        Ho, Jain & Abbeel, Denoising Diffusion Probabilistic Models, 2020.
        Song et al., Score-Based Generative Modeling through Stochastic Differential Equations,
        2021.
        Karras, Aittala, Aila & Laine, Elucidating the Design Space of Diffusion-Based Generative
        Models, 2022.
        Sitzmann et al., Implicit Neural Representations with Periodic Activation Functions, 2020.
    """

    trained_by_likelihood = False

    def __init__(
        self,
        standardization: Standardization,
        dim: int,
        *,
        width: int,
        depth: int,
        sampler: str,
        sample_steps: int,
    ) -> None:
        field = DenoiserField(dim, width)
        layers = [
            ContinuousLayer(field, (k / depth, (k + 1) / depth), solver="dopri5")
            for k in range(depth)
        ]
        super().__init__([*layers, standardization], dim)
        self.field, self.standardization = field, standardization
        self.sampler, self.sample_steps = sampler, sample_steps

    def loss(self, x: Tensor) -> Tensor:
        """Return the denoising loss on data x [B, D] (scalar, squared standardized units)."""
        log_sigma, y, wanted = self._noisy(x)
        return (self.field.denoiser(log_sigma, y) - wanted).square().sum(-1).mean()

    @torch.no_grad()
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return `loss` of x [B, D] and its gradient, which takes half as long without a graph."""
        log_sigma, y, wanted = self._noisy(x)
        out, saved = self.field.forward_pass(log_sigma, y)
        error = out - wanted
        return error.square().sum(-1).mean(), self.field.backward_pass(2 / len(y) * error, saved)

    def _noisy(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Draw noise for x [B, D]: return log σ [n, 1], noisy points [n, D] and F's target."""
        y = self.standardization.inverse(x)[0].repeat(DRAWS, 1)
        n = len(y)
        # Noise levels are evenly spread over their distribution: the loss varies less.
        share = (torch.randperm(n) + torch.rand(n)) / n
        mean, std = TRAINED
        log_sigma = mean + std * torch.special.ndtri(share.clamp(1e-5, 1 - 1e-5))
        noise = torch.randn(y.shape).to(y)
        log_sigma = log_sigma.to(y).unsqueeze(-1)
        theta = torch.atan(log_sigma.exp())
        sin, cos = theta.sin(), theta.cos()
        return log_sigma, cos * y + sin * noise, sin * y - cos * noise

    @contextmanager
    def quickly(self, *, judging: bool = False) -> Iterator[bool]:
        """Solve the ODE inside the block in a fixed number of steps; yield that this is rough."""
        self.field.rough_steps = JUDGING_STEPS if judging else ROUGH_STEPS
        try:
            yield True
        finally:
            self.field.rough_steps = None

    @torch.no_grad()
    def sample(
        self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw n points [n, D] with the sampler; the temperature scales all noise."""
        roughly = self.sampler == "ode" and self.field.rough_steps is not None
        if self.sampler == "ode" and not roughly:
            return super().sample(n, temperature, generator)
        y = self.base_sample(n, generator, temperature)
        steps = ROUGH_SAMPLE_STEPS if roughly else self.sample_steps
        times = torch.linspace(0, 1, steps + 1).to(y)
        for start, end in pairwise(times):
            if self.sampler == "ancestral":
                y = self._ancestral(y, start, end, temperature, generator)
            else:
                slope = self.field(start, y)
                guess = y + (end - start) * slope
                y = y + (end - start) * (slope + self.field(end, guess)) / 2
        return self.standardization.forward(y)[0]

    def _ancestral(
        self,
        y: Tensor,
        start: Tensor,
        end: Tensor,
        temperature: float,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Take away noise by the denoiser, and add less of it: a draw of the next level given D."""
        before, after = self.field._at(start)[0], self.field._at(end)[0]
        sigma, less = before.exp(), after.exp()
        x = y * (1 + sigma.square()).sqrt()
        theta = torch.atan(sigma)
        self.field.evaluations += 1
        clean = theta.cos() * y + theta.sin() * self.field.denoiser(before.expand(len(y), 1), y)
        share = (less / sigma).square()
        noise = torch.randn(y.shape, generator=generator).to(y)
        x = clean + share * (x - clean) + temperature * less * (1 - share).sqrt() * noise
        return x / (1 + less.square()).sqrt()


def build(config: RunConfig, points: Tensor) -> Diffusion:
    """Build the untrained diffusion model of a config for points [n, D]."""
    return Diffusion(
        Standardization.of(points),
        points.shape[1],
        width=config.width,
        depth=config.depth,
        sampler=str(config.options["sampler"]),
        sample_steps=int(config.options["sample_steps"]),
    )
