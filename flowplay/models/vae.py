"""The variational autoencoder, with its likelihood by quadrature over 1 or 2 latent axes."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowplay.config import RunConfig
from flowplay.flows import Standardization
from flowplay.flows.conditioner import (
    REACH,
    STEEPNESS,
    SavedNetwork,
    backward_pass,
    forward_pass,
    weights_and_biases,
)
from flowplay.models.base import BoundModel
from flowplay.models.gaussian_mixture import GaussianMixture

#: Fewest and most nodes of the quadrature along each axis of the latent, by the number of axes, and
#: how far they reach: the base has less than 1e-4 of its mass beyond.
NODES = {1: (1024, 16384), 2: (96, 384)}
RADIUS = 4.5

#: Standard deviations of the decoder by which the means of neighbouring nodes may differ: sums over
#: an even grid are then right to 1e-3. It may be more for one node in twenty, where means jump.
SPACING = 1.5
SHARE = 0.95

#: Nodes along each axis by which that is told, and their radius: 99 % of the base.
PROBED = 48
PROBED_RADIUS = 3.0

#: Seed of the noise with which bounds are evaluated, so that the same weights give the same bound.
NOISE_SEED = 0

#: Smallest and largest logarithm of a standard deviation of encoder and decoder, in standardized
#: units: the quadrature can see nothing narrower.
LOG_STDS = (-4.0, 1.5)
_MIDDLE, _REACH = (LOG_STDS[0] + LOG_STDS[1]) / 2, (LOG_STDS[1] - LOG_STDS[0]) / 2

_LOG_TWO_PI = math.log(2 * math.pi)


class SavedGaussian(NamedTuple):
    """What the backward pass of a `GaussianNetwork` needs; the batch B is the last axis.

    Attributes:
        network: of its hidden layers.
        squashed: the logarithm of the standard deviation, scaled to (-1, 1) [outputs, B].
    """

    network: SavedNetwork
    squashed: Tensor


class GaussianNetwork(nn.Module):
    r"""A network of two hidden layers of SiLU units that gives a diagonal Gaussian.

    The mean has a linear path too, which starts at the identity: at first, encoder and decoder undo
    each other, and training bends both.

    Args:
        inputs: dimension of what it is given.
        outputs: dimension of the Gaussian.
        width: units in each hidden layer.
        log_std: logarithm of the standard deviation at the start.
    """

    def __init__(self, inputs: int, outputs: int, width: int, log_std: float) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, 2 * outputs)
        self.straight = nn.Linear(inputs, outputs, bias=False)
        with torch.no_grad():
            nn.init.eye_(self.straight.weight)
            self.last.weight[:outputs].zero_()
            self.first.weight.copy_(STEEPNESS * F.normalize(torch.randn(width, inputs), dim=-1))
            self.first.bias.uniform_(-STEEPNESS * REACH, STEEPNESS * REACH)
            self.last.bias[outputs:].fill_(log_std)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of the standard deviation [B, outputs] at x [B, inputs]."""
        h = F.silu(self.second(F.silu(self.first(x))))
        mean, log_std = self.last(h).chunk(2, -1)
        mean = mean + self.straight(x)
        return mean, _MIDDLE + _REACH * torch.tanh((log_std - _MIDDLE) / _REACH)

    def forward_pass(self, x: Tensor) -> tuple[Tensor, Tensor, SavedGaussian]:
        """Return mean and log_std [outputs, B] at x [inputs, B], and what is saved."""
        tensors = weights_and_biases(self.first, self.second, self.last)
        out, saved = forward_pass(x, tensors)
        assert saved is not None
        mean, log_std = out.chunk(2)
        squashed = torch.tanh((log_std - _MIDDLE) / _REACH)
        mean = torch.addmm(mean, self.straight.weight, x)
        return mean, _MIDDLE + _REACH * squashed, SavedGaussian(saved, squashed)

    def backward_pass(
        self, g_mean: Tensor, g_log_std: Tensor, saved: SavedGaussian
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the gradients of x and of the parameters, given those of mean and log_std."""
        g_out = torch.cat((g_mean, g_log_std * (1 - saved.squashed.square())))
        g_x, *gradients = backward_pass(g_out, saved.network)
        g_x = torch.addmm(g_x, self.straight.weight.t(), g_mean)
        return g_x, [*gradients, g_mean @ saved.network.x.t()]


class VAE(BoundModel):
    r"""A latent :math:`z \sim \mathcal{N}(0, I)`, a Gaussian decoder and a Gaussian encoder.

    .. math::
        p(x) = \int p(x \mid z)\, p(z)\, dz, \qquad
        \mathrm{ELBO} = \mathbb{E}_{q(z \mid x)} \log p(x \mid z)
        - \mathrm{KL}\bigl(q(z \mid x) \,\|\, p(z)\bigr) \le \log p(x)

    Training minimizes the negative ELBO, the divergence with the factor :math:`\beta`.
    `log_prob` is the integral, by quadrature over the latent; `bound` is the ELBO.

    Args:
        standardization: between standardized units, in which the networks compute, and data units.
        dim: D.
        latent: axes of z, 1 or 2.
        width: units in each hidden layer of a network.
        beta: factor of the divergence in training.

    References:
        Kingma & Welling, Auto-Encoding Variational Bayes, 2014.
        Higgins et al., beta-VAE: Learning Basic Visual Concepts with a Constrained Variational
        Framework, 2017.
    """

    def __init__(
        self, standardization: Standardization, dim: int, *, latent: int, width: int, beta: float
    ) -> None:
        super().__init__()
        self.dim, self.latent, self.beta = dim, latent, beta
        self.standardization = standardization
        self.encoder = GaussianNetwork(dim, latent, width, log_std=-2.5)
        self.decoder = GaussianNetwork(latent, dim, width, log_std=-2.0)

    def loss(self, x: Tensor) -> Tensor:
        r"""Return the mean negative ELBO of x [B, D] (scalar, in nats), from one draw of z.

        Its value is that of :math:`\beta = 1` in data units; only its gradient has the factor.
        """
        y, log_det = self.standardization.inverse(x)
        mean, log_std = self.encoder(y)
        z = mean + log_std.exp() * torch.randn(mean.shape).to(mean)
        divergence = standard_divergence(mean, log_std).mean()
        loss = -(gaussian_log_prob(y, *self.decoder(z)) + log_det).mean() + divergence
        extra = (self.beta - 1) * divergence
        return loss + (extra - extra.detach())

    @torch.no_grad()
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return `loss` of x [B, D] and its gradient, which takes a third as long without a graph.

        With decoder mean m and standard deviation s, the residual r = (y - m) / s, and z = a + b ε
        from the encoder, the derivatives of the loss of one point are -r / s by m, 1 - r² by log s,
        βa + ∂z by a, and β(b² - 1) + ∂z ε b by log b.
        """
        y, log_det = self.standardization.inverse(x)
        share, y = 1 / len(x), y.t()
        a, log_b, of_encoder = self.encoder.forward_pass(y)
        b = log_b.exp()
        noise = b * torch.randn(len(x), self.latent).to(y).t()
        m, log_s, of_decoder = self.decoder.forward_pass(a + noise)
        scale = torch.exp(-log_s)
        r = (y - m) * scale
        loss = (
            (0.5 * r.square() + log_s + _LOG_TWO_PI / 2).sum()
            + (0.5 * (a.square() + b.square() - 1) - log_b).sum()
            - log_det.sum()
        ) * share
        g_z, down = self.decoder.backward_pass(
            r * scale * -share, (1 - r.square()) * share, of_decoder
        )
        g_a = torch.add(g_z, a, alpha=self.beta * share)
        g_log_b = torch.add(g_z * noise, b.square() - 1, alpha=self.beta * share)
        _, up = self.encoder.backward_pass(g_a, g_log_b, of_encoder)
        return loss, [*up, *down]

    def log_prob(self, x: Tensor) -> Tensor:
        r"""Return :math:`\log p(x)` [B] of x [B, D], in nats, by quadrature over the latent."""
        y, log_det = self.standardization.inverse(x)
        return self.mixture().log_prob(y) + log_det

    @torch.no_grad()
    def density_on_axes(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the density [H, W] at all pairs of y [H] and x [W], by the same quadrature."""
        low = torch.stack((x, x.new_zeros(len(x))), -1)
        high = torch.stack((y.new_zeros(len(y)), y), -1)
        of_x, log_det = self.standardization.inverse(low)
        of_y = self.standardization.inverse(high)[0]
        density = self.mixture().density_on_axes(of_x[:, 0], of_y[:, 1])
        return density * log_det[0].exp()

    def mixture(self) -> GaussianMixture:
        """Return the quadrature in standardized units: a Gaussian for each node of the latent."""
        like = self.encoder.last.bias
        nodes = min(NODES[self.latent][1], self._wanted_nodes())
        z, log_weight = latent_nodes(self.latent, nodes, RADIUS, like)
        return GaussianMixture(log_weight, *self.decoder(z))

    @torch.no_grad()
    def is_estimate(self) -> bool:
        """Tell whether the decoder is too steep for the most nodes of the quadrature."""
        return self._wanted_nodes() > NODES[self.latent][1]

    def _wanted_nodes(self) -> int:
        """Return how many nodes along each axis the quadrature needs to be right to 1e-3."""
        least, _ = NODES[self.latent]
        return math.ceil(least * max(1.0, self._apart(2 * RADIUS / (least - 1)) / SPACING))

    def _apart(self, step: float) -> float:
        """Return how far the means of most neighbours are apart, in standard deviations.

        Args:
            step: between neighbours in the latent.
        """
        z = latent_nodes(self.latent, PROBED, PROBED_RADIUS, self.encoder.last.bias)[0]
        mean, log_std = self.decoder(z)
        shifts = step * torch.eye(self.latent).to(z)
        moved = torch.stack([self.decoder(z + shift)[0] - mean for shift in shifts])
        return float(torch.quantile((moved * torch.exp(-log_std)).norm(dim=-1).amax(0), SHARE))

    def bound(self, x: Tensor, draws: int) -> Tensor:
        r"""Return the ELBO [B] of x [B, D], in nats: its mean over draws of z.

        The divergence has a closed form; the same noise is used at every call.
        """
        y, log_det = self.standardization.inverse(x)
        mean, log_std = self.encoder(y)
        generator = torch.Generator().manual_seed(NOISE_SEED)
        total = torch.zeros_like(log_det)
        for _ in range(draws):
            noise = torch.randn(mean.shape, generator=generator).to(mean)
            total = total + gaussian_log_prob(y, *self.decoder(mean + log_std.exp() * noise))
        return total / draws - standard_divergence(mean, log_std) + log_det

    def importance_bound(self, x: Tensor, draws: int) -> Tensor:
        r"""Return the importance-weighted bound of :math:`\log p(x)` [B], in nats."""
        y, log_det = self.standardization.inverse(x)
        mean, log_std = self.encoder(y)
        generator = torch.Generator().manual_seed(NOISE_SEED)
        weights = []
        for _ in range(draws):
            noise = torch.randn(mean.shape, generator=generator).to(mean)
            z = mean + log_std.exp() * noise
            log_q = gaussian_log_prob(z, mean, log_std)
            log_p = gaussian_log_prob(z, torch.zeros_like(z), torch.zeros_like(z))
            weights.append(gaussian_log_prob(y, *self.decoder(z)) + log_p - log_q)
        return torch.stack(weights).logsumexp(0) - math.log(draws) + log_det

    @torch.no_grad()
    def sample(
        self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw n points [n, D]; the temperature scales the latent and the decoder's noise."""
        like = self.encoder.last.bias
        z = temperature * torch.randn(n, self.latent, generator=generator).to(like)
        mean, log_std = self.decoder(z)
        noise = torch.randn(n, self.dim, generator=generator).to(like)
        return self.standardization.forward(mean + temperature * log_std.exp() * noise)[0]

    @torch.no_grad()
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation [B, latent] of q(z | x) at x [B, D]."""
        mean, log_std = self.encoder(self.standardization.inverse(x)[0])
        return mean, log_std.exp()

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Return the mean [B, D] of p(x | z) at z [B, latent], in data units."""
        return self.standardization.forward(self.decoder(z)[0])[0]


def gaussian_log_prob(x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Return the log-density [B] of x [B, D] under a diagonal Gaussian, in nats."""
    scaled = (x - mean) * torch.exp(-log_std)
    return -(0.5 * scaled.square() + log_std).sum(-1) - 0.5 * x.shape[-1] * _LOG_TWO_PI


def standard_divergence(mean: Tensor, log_std: Tensor) -> Tensor:
    """Return KL(q‖N(0, I)) [B] of a diagonal Gaussian q, in nats."""
    return (0.5 * (mean.square() + torch.exp(2 * log_std) - 1) - log_std).sum(-1)


def latent_nodes(latent: int, nodes: int, radius: float, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nodes [K, latent] of an even grid, and log-weights [K] that sum to 1, of N(0, I).

    Args:
        latent: axes.
        nodes: along each axis.
        radius: of the ball that holds them.
        like: a tensor of the dtype and on the device wanted.
    """
    axis = torch.linspace(-radius, radius, nodes).to(like)
    z = torch.cartesian_prod(*[axis] * latent).reshape(-1, latent)
    z = z[z.square().sum(-1) <= radius**2]
    return z, torch.log_softmax(-0.5 * z.square().sum(-1), 0)


def build(config: RunConfig, points: Tensor) -> VAE:
    """Build the untrained VAE of a config for points [n, D]."""
    return VAE(
        Standardization.of(points),
        points.shape[1],
        latent=int(config.options["latent"]),
        width=config.width,
        beta=float(config.options["beta"]),
    )
