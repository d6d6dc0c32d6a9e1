"""The generative adversarial network: a generator and a discriminator, and no likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowplay.config import RunConfig
from flowplay.flows import Standardization
from flowplay.flows.conditioner import REACH, STEEPNESS
from flowplay.models.average import WeightAverage
from flowplay.models.base import Model

#: Slope of a unit below zero.
LEAK = 0.2


class Passed(NamedTuple):
    """What the forward pass of a network leaves behind.

    Attributes:
        units: inputs [B, inputs] and hidden units [B, width].
        slopes: of the three layers of hidden units, 1 or `LEAK` [B, width].
    """

    units: list[Tensor]
    slopes: list[Tensor]

    def part(self, start: int, end: int) -> Passed:
        """Return what belongs to some points of the batch."""
        return Passed([u[start:end] for u in self.units], [s[start:end] for s in self.slopes])


class Network(nn.Module):
    """A network of three hidden layers of leaky rectified units.

    Args:
        inputs: dimension of what it is given.
        outputs: dimension of what it gives.
        width: units in each hidden layer.
    """

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.second = nn.Linear(width, width)
        self.third = nn.Linear(width, width)
        self.last = nn.Linear(width, outputs)
        with torch.no_grad():
            self.first.weight.copy_(STEEPNESS * F.normalize(torch.randn(width, inputs), dim=-1))
            self.first.bias.uniform_(-STEEPNESS * REACH, STEEPNESS * REACH)

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs [B, outputs] at x [B, inputs]."""
        h = F.leaky_relu(self.first(x), LEAK)
        h = F.leaky_relu(self.second(h), LEAK)
        out: Tensor = self.last(F.leaky_relu(self.third(h), LEAK))
        return out

    def forward_pass(self, x: Tensor) -> tuple[Tensor, Passed]:
        """Return outputs [B, outputs] at x [B, inputs], and what the other passes need."""
        h, units, slopes = x, [x], []
        for layer in (self.first, self.second, self.third):
            a = torch.addmm(layer.bias, h, layer.weight.t())
            slope = (a > 0).to(a).mul_(1 - LEAK).add_(LEAK)
            h = a * slope
            units.append(h)
            slopes.append(slope)
        return torch.addmm(self.last.bias, h, self.last.weight.t()), Passed(units, slopes)

    def backward_pass(self, g_out: Tensor, passed: Passed) -> list[Tensor]:
        """Return the gradients of the parameters, given that of the outputs [B, outputs]."""
        gradients, g = [], g_out
        layers = (self.first, self.second, self.third, self.last)
        for k in range(len(layers) - 1, -1, -1):
            gradients += [g.sum(0), g.t() @ passed.units[k]]
            if k:
                g = (g @ layers[k].weight) * passed.slopes[k - 1]
        return gradients[::-1]

    def slope(self, passed: Passed) -> tuple[Tensor, list[Tensor]]:
        """Return the gradient [B, inputs] of the only output by the inputs.

        Between its kinks the network is linear, so that this is a product of its weights. What it
        passes on its way is returned too, for `slope_backward`: a list of [B, width], last first.
        """
        s = self.last.weight * passed.slopes[2]
        way = [s]
        for layer, slopes in ((self.third, passed.slopes[1]), (self.second, passed.slopes[0])):
            s = (s @ layer.weight) * slopes
            way.append(s)
        return s @ self.first.weight, way

    def slope_backward(self, g: Tensor, way: list[Tensor], passed: Passed) -> list[Tensor | None]:
        """Return the gradients of the parameters, given that of `slope` [B, inputs].

        None stands for the biases, which the slope does not depend on.
        """
        gradients: list[Tensor | None] = []
        layers = (self.first, self.second, self.third)
        for layer, s, slopes in zip(layers, way[::-1], passed.slopes, strict=True):
            gradients += [s.t() @ g, None]
            g = (g @ layer.weight.t()) * slopes
        return [*gradients, g.sum(0, keepdim=True), None]


class GAN(Model):
    r"""A generator :math:`x = G(z)`, :math:`z \sim \mathcal{N}(0, I)`, and a discriminator D.

    Both take a step at once. With :math:`s(a) = \log(1 + e^a)`, the non-saturating losses are

    .. math::
        L_D = \mathbb{E}\, s(-D(x)) + \mathbb{E}\, s(D(G(z)))
        + \tfrac{\gamma}{2} \mathbb{E} \|\nabla D(x)\|^2, \qquad
        L_G = \mathbb{E}\, s(-D(G(z)))

    Wasserstein's are :math:`L_D = \mathbb{E} D(G(z)) - \mathbb{E} D(x) + \gamma\,
    \mathbb{E} (\|\nabla D(\hat x)\| - 1)^2` with :math:`\hat x` on lines between data and samples,
    and :math:`L_G = -\mathbb{E} D(G(z))`.

    G is not a bijection: several z may have one x, and no density of x can be computed. Outside of
    training the generator is that of the running average of its weights.

    Args:
        standardization: between standardized units, in which the networks compute, and data units.
        dim: D.
        latent: dimension of z.
        width: units in each hidden layer.
        objective: `r1`, `gradient_penalty`, `plain` (non-saturating) or `wasserstein`.
        penalty: :math:`\gamma`.

    References:
        Goodfellow et al., Generative Adversarial Nets, 2014.
        Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville, Improved Training of Wasserstein GANs,
        2017.
        Mescheder, Geiger & Nowozin, Which Training Methods for GANs do actually Converge?, 2018.
    """

    #: The two losses pull against each other: a long memory of gradients makes them swing.
    betas = (0.5, 0.99)

    def __init__(
        self,
        standardization: Standardization,
        dim: int,
        *,
        latent: int,
        width: int,
        objective: str,
        penalty: float,
    ) -> None:
        super().__init__()
        self.dim, self.latent = dim, latent
        self.objective, self.penalty = objective, penalty
        self.standardization = standardization
        self.generator = Network(latent, dim, width)
        self.discriminator = Network(dim, 1, width)
        self.average = WeightAverage(sum(p.numel() for p in self.generator.parameters()))

    def loss(self, x: Tensor) -> Tensor:
        """Return the discriminator's loss on data x [B, D], with its penalty (scalar)."""
        real = self.standardization.inverse(x)[0]
        return self._discriminator_loss(real, self._generated(len(x)).detach())

    @torch.no_grad()
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return `loss` on x [B, D]; the gradient of the generator's loss and of its own.

        Without a graph: one pass through the discriminator serves both losses.
        """
        n, share = len(x), 1 / len(x)
        real = self.standardization.inverse(x)[0]
        like = self.generator.last.bias
        fake, of_generator = self.generator.forward_pass(torch.randn(n, self.latent).to(like))
        judge = self.discriminator
        score, passed = judge.forward_pass(torch.cat((real, fake)))
        of_real, of_fake = score[:n], score[n:]
        if self.objective == "wasserstein":
            loss = of_fake.mean() - of_real.mean()
            g_score = torch.cat((-torch.ones_like(of_real), torch.ones_like(of_fake)))
            g_fooled = -torch.ones_like(of_fake)
        else:
            loss = F.softplus(-of_real).mean() + F.softplus(of_fake).mean()
            g_score = torch.cat((-torch.sigmoid(-of_real), torch.sigmoid(of_fake)))
            g_fooled = -torch.sigmoid(-of_fake)
        down = judge.backward_pass(g_score * share, passed)
        slope, way = judge.slope(passed)
        up = self.generator.backward_pass(g_fooled * share * slope[n:], of_generator)
        if self.objective != "plain":
            at = passed.part(0, n)
            slope, way = slope[:n], [s[:n] for s in way]
            if self.objective == "r1":
                penalty = self.penalty / 2 * slope.square().sum(-1).mean()
                g_slope = slope * (self.penalty * share)
            else:
                between = torch.lerp(fake, real, torch.rand(n, 1).to(real))
                at = judge.forward_pass(between)[1]
                slope, way = judge.slope(at)
                norm = slope.norm(dim=-1, keepdim=True)
                penalty = self.penalty * (norm - 1).square().mean()
                g_slope = 2 * self.penalty * share * (norm - 1) / norm.clamp(min=1e-12) * slope
            loss = loss + penalty
            more = judge.slope_backward(g_slope, way, at)
            down = [g if m is None else g + m for g, m in zip(down, more, strict=True)]
        self.average.update(list(self.generator.parameters()))
        return loss, [*up, *down]

    @torch.no_grad()
    def sample(
        self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw n points [n, D]; the temperature scales z."""
        like = self.generator.last.bias
        z = torch.randn(n, self.latent, generator=generator).to(like)
        return self.generate(temperature * z)

    @torch.no_grad()
    def generate(self, z: Tensor) -> Tensor:
        """Return the points G(z) [B, D] of z [B, latent], in data units."""
        with self._averaged(list(self.generator.parameters())):
            return self.standardization.forward(self.generator(z))[0]

    @torch.no_grad()
    def judge(self, x: Tensor) -> Tensor:
        """Return the discriminator's output [B] at x [B, D]: higher where it takes x for data."""
        score: Tensor = self.discriminator(self.standardization.inverse(x)[0]).squeeze(-1)
        return score

    def _generated(self, n: int) -> Tensor:
        # Drawn on the CPU, from torch's default generator; see `Bijection`.
        fake: Tensor = self.generator(torch.randn(n, self.latent).to(self.generator.last.bias))
        return fake

    def _discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        if self.objective in ("plain", "r1"):
            real = real.requires_grad_(self.objective == "r1")
            of_real, of_fake = self.discriminator(real), self.discriminator(fake)
            loss = F.softplus(-of_real).mean() + F.softplus(of_fake).mean()
            if self.objective == "r1":
                (slope,) = torch.autograd.grad(of_real.sum(), real, create_graph=True)
                loss = loss + self.penalty / 2 * slope.square().sum(-1).mean()
            return loss
        of_real, of_fake = self.discriminator(real), self.discriminator(fake)
        if self.objective == "wasserstein":
            loss = of_fake.mean() - of_real.mean()
        else:
            loss = F.softplus(-of_real).mean() + F.softplus(of_fake).mean()
        share = torch.rand(len(real), 1).to(real)
        between = torch.lerp(fake, real, share).requires_grad_()
        (slope,) = torch.autograd.grad(
            self.discriminator(between).sum(), between, create_graph=True
        )
        distance: Tensor = (slope.norm(dim=-1) - 1).square().mean()
        return loss + self.penalty * distance

    def _averaged(self, weights: Sequence[Tensor]) -> AbstractContextManager[None]:
        return self.average.shown(weights, training=self.training)


def build(config: RunConfig, points: Tensor) -> GAN:
    """Build the untrained GAN of a config for points [n, D]."""
    return GAN(
        Standardization.of(points),
        points.shape[1],
        latent=int(config.options["noise_dim"]),
        width=config.width,
        objective=str(config.options["gan_loss"]),
        penalty=float(config.options["penalty"]),
    )
