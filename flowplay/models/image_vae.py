"""The variational autoencoder of images: its decoder gives each level a probability."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from flowplay.config import RunConfig
from flowplay.flows.integer import LogisticMixture
from flowplay.models.average import WeightAverage
from flowplay.models.base import BoundModel
from flowplay.models.posteriors import PosteriorFlow, posterior_flow
from flowplay.models.vae import NOISE_SEED, gaussian_log_prob, standard_divergence
from flowplay.problems import ImageProblem

#: Images that are evaluated at once without a gradient, so that memory stays bounded.
BLOCK = 256


class Posterior(NamedTuple):
    """What the encoder says of images x [B, D].

    Attributes:
        mean: of z_0 [B, latent].
        log_std: logarithm of its standard deviation [B, latent].
        context: for the flow from z_0 to z, [B, numbers]; no numbers without one.
    """

    mean: Tensor
    log_std: Tensor
    context: Tensor


class ImageVAE(BoundModel):
    r"""A latent :math:`z \sim \mathcal{N}(0, I)`, and levels that are independent given z.

    .. math::
        \log P(x) \ge \mathbb{E}_{q(z \mid x)} \sum_{d=1}^D \log P(x_d \mid z)
        - \mathrm{KL}\bigl(q(z \mid x) \,\|\, \mathcal{N}(0, I)\bigr)

    Each :math:`P(x_d \mid z)` is a discretized mixture of logistics, so levels need no noise. The
    posterior q is a diagonal Gaussian, or a flow of one; its divergence has a closed form in the
    first case, and is estimated by the same draws as the rest in the second. Outside of training,
    everything is that of the running average of the weights.

    Args:
        dim: D.
        levels: number of levels L.
        latent: axes of z.
        width: units in each hidden layer of encoder and decoder.
        beta: factor of the divergence in the gradient; the loss that is told has the factor 1.
        components: logistics of each mixture.
        dropout: part of the units that training leaves out.
        flow: from the encoder's Gaussian to z; None leaves the Gaussian.

    References:
        Kingma & Welling, Auto-Encoding Variational Bayes, 2014.
        Salimans, Karpathy, Chen & Kingma, PixelCNN++: Improving the PixelCNN with Discretized
        Logistic Mixture Likelihood and Other Modifications, 2017.
        Burda, Grosse & Salakhutdinov, Importance Weighted Autoencoders, 2016.
    """

    trained_by_likelihood = True

    def __init__(
        self,
        dim: int,
        levels: int,
        *,
        latent: int,
        width: int,
        beta: float = 1.0,
        components: int = 3,
        dropout: float = 0.1,
        flow: PosteriorFlow | None = None,
    ) -> None:
        super().__init__()
        self.dim, self.levels, self.latent, self.beta = dim, levels, latent, beta
        self.mixture = LogisticMixture(levels, components)
        self.flow = flow
        numbers = 0 if flow is None else flow.numbers
        self.encoder = _network(dim, width, 2 * latent + numbers, dropout)
        self.decoder = _network(latent, width, dim * self.mixture.numbers, dropout)
        self.average = WeightAverage(sum(p.numel() for p in self.parameters()))

    def initialize_from(self, x: Tensor) -> None:
        """Begin with the mean and spread of each value of training images x [n, D]."""
        last = self.decoder[-1]
        assert isinstance(last, nn.Linear), "the last layer is linear"
        with torch.no_grad():
            last.bias.copy_(self.mixture.first_guess(x).reshape(-1))

    def loss(self, x: Tensor) -> Tensor:
        """Return the mean negative bound (scalar, in nats) of images x [B, D], one draw each."""
        posterior = self.posterior(x)
        z, log_q = self._drawn(posterior, torch.randn(posterior.mean.shape).to(posterior.mean))
        divergence = self._divergence(posterior, z, log_q).mean()
        extra = (self.beta - 1) * divergence
        return divergence - self._given(x, z).mean() + (extra - extra.detach())

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return `loss` of images x [B, D], and its gradient."""
        if self.training:
            self.average.update(list(self.parameters()))
        return super().loss_and_gradient(x)

    def log_prob(self, x: Tensor) -> Tensor:
        r"""Return an estimate of the bound of :math:`\log P(x)` [B] in nats, from one draw."""
        return self.bound(x, draws=1)

    def bound(self, x: Tensor, draws: int) -> Tensor:
        r"""Return the bound of :math:`\log P(x)` [B] of images x [B, D], in nats.

        The same noise is used at every call.
        """
        with self._averaged():
            posterior = self.posterior(x)
            total = torch.zeros_like(x[:, 0])
            for noise in _noises(posterior.mean, draws):
                z, log_q = self._drawn(posterior, noise)
                total = total + self._given_of(x, z) - self._divergence(posterior, z, log_q)
            return total / draws

    def importance_bound(self, x: Tensor, draws: int) -> Tensor:
        r"""Return the importance-weighted bound of :math:`\log P(x)` [B], in nats."""
        with self._averaged():
            posterior = self.posterior(x)
            weights = []
            for noise in _noises(posterior.mean, draws):
                z, log_q = self._drawn(posterior, noise)
                weights.append(self._given_of(x, z) + _log_prior(z) - log_q)
            return torch.stack(weights).logsumexp(0) - math.log(draws)

    @torch.no_grad()
    def sample(
        self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw n images [n, D]; the temperature scales z and the logistics of each value."""
        with self._averaged():
            like = next(self.parameters())
            z = temperature * torch.randn(n, self.latent, generator=generator).to(like)
            return self.mixture.sample(self._numbers(z), temperature, generator)

    def posterior(self, x: Tensor) -> Posterior:
        """Return what the encoder says of images x [B, D]."""
        scaled = (2 * x - (self.levels - 1)) / self.levels
        sizes = self.latent, self.latent, 0 if self.flow is None else self.flow.numbers
        mean, log_std, context = self.encoder(scaled).split(sizes, -1)
        return Posterior(mean, log_std.clamp(-6.0, 2.0), context)

    def encoded(self, x: Tensor) -> Posterior:
        """Return `posterior` by the running average of the weights."""
        with self._averaged():
            return self.posterior(x)

    def log_joint(self, x: Tensor, z: Tensor) -> Tensor:
        r"""Return :math:`\log P(x \mid z) + \log p(z)` [B] of images x [B, D], in nats."""
        with self._averaged():
            return self._given_of(x, z) + _log_prior(z)

    def log_posterior(self, x: Tensor, z: Tensor) -> Tensor:
        r"""Return :math:`\log q(z \mid x)` [B] of images x [B, D], or one [1, D], and latents z."""
        with self._averaged():
            mean, log_std, context = self.posterior(x)
            if self.flow is None:
                return gaussian_log_prob(z, mean, log_std)
            z_0, log_det = self.flow.inverse(z, context.expand(len(z), -1))
            return gaussian_log_prob(z_0, mean, log_std) + log_det

    def _drawn(self, posterior: Posterior, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the z [B, latent] of draws from N(0, I), and log q(z | x) [B]."""
        mean, log_std, context = posterior
        z = mean + log_std.exp() * noise
        log_q = gaussian_log_prob(z, mean, log_std)
        if self.flow is None:
            return z, log_q
        z, log_det = self.flow(z, context)
        return z, log_q - log_det

    def _divergence(self, posterior: Posterior, z: Tensor, log_q: Tensor) -> Tensor:
        """Return KL(q‖N(0, I)) [B] in nats: its closed form, or the estimate of one draw z."""
        if self.flow is None:
            return standard_divergence(posterior.mean, posterior.log_std)
        return log_q - _log_prior(z)

    def _numbers(self, z: Tensor) -> Tensor:
        numbers: Tensor = self.decoder(z)
        return numbers.view(*z.shape[:-1], self.dim, self.mixture.numbers)

    def _given(self, x: Tensor, z: Tensor) -> Tensor:
        r"""Return :math:`\log P(x \mid z)` [B] of images x [B, D] and latents z [B, latent]."""
        return self.mixture.log_prob(self._numbers(z), x).sum(-1)

    def _given_of(self, x: Tensor, z: Tensor) -> Tensor:
        parts = zip(x.split(BLOCK), z.split(BLOCK), strict=True)
        return torch.cat([self._given(*part) for part in parts])

    def _averaged(self) -> AbstractContextManager[None]:
        return self.average.shown(list(self.parameters()), training=self.training)


def _network(inputs: int, width: int, outputs: int, dropout: float) -> nn.Sequential:
    last = nn.Linear(width, outputs)
    nn.init.normal_(last.weight, std=1e-2)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        *(nn.Linear(inputs, width), nn.SiLU(), nn.Dropout(dropout)),
        *(nn.Linear(width, width), nn.SiLU(), nn.Dropout(dropout)),
        last,
    )


def _noises(like: Tensor, draws: int) -> Iterator[Tensor]:
    """Yield draws from N(0, I) in the shape of a tensor, the same at every call."""
    generator = torch.Generator().manual_seed(NOISE_SEED)
    for _ in range(draws):
        yield torch.randn(like.shape, generator=generator).to(like)


def _log_prior(z: Tensor) -> Tensor:
    return gaussian_log_prob(z, torch.zeros_like(z), torch.zeros_like(z))


def build(config: RunConfig, points: Tensor) -> ImageVAE:
    """Build the untrained VAE of a config for images [n, D]."""
    problem = config.problem()
    assert isinstance(problem, ImageProblem), "the catalog lists it for images alone"
    options = config.options
    latent = int(options["latent"])
    return ImageVAE(
        problem.dim,
        problem.levels,
        latent=latent,
        width=config.width,
        beta=float(options["beta"]),
        components=int(options["components"]),
        dropout=float(options["dropout"]),
        flow=posterior_flow(str(options["posterior"]), latent, int(options["posterior_layers"])),
    )
