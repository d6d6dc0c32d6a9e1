"""What a flow starts from: the standard normal, or a mixture of Gaussians."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from flowplay.flows.base import standard_normal_log_prob


class Base(nn.Module, ABC):
    """The density on R^D from which a flow starts: one round Gaussian, or some.

    Args:
        dim: D.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log-density [B] of z [B, D], in nats."""

    @abstractmethod
    def log_prob_and_gradient(self, z: Tensor, share: float) -> tuple[Tensor, Tensor, list[Tensor]]:
        r"""Return the log-density, and the gradient of :math:`L = -w \sum_i \log p(z_i)`.

        Args:
            z: [D, B].
            share: w.

        Returns:
            The log-densities [B]; the gradient of L by z [D, B], and by each parameter, in their
            order. No graph is built.
        """

    @abstractmethod
    def means(self) -> Tensor:
        """Return where its Gaussians stand [K, D]."""

    @abstractmethod
    def stds(self) -> Tensor:
        """Return their standard deviations [K], each the same in all coordinates."""

    @abstractmethod
    def weights(self) -> Tensor:
        """Return the probability of each of its Gaussians [K]."""

    def sample(
        self, n: int, like: Tensor, generator: torch.Generator | None, temperature: float
    ) -> Tensor:
        r"""Draw n points [n, D], in the dtype of `like`, on the device of the generator if given.

        Args:
            n: number of points.
            like: a tensor of the wanted dtype, and device where there is no generator.
            generator: source of randomness; torch's default generator if None.
            temperature: :math:`\tau`, a factor on the standard deviation of each Gaussian; their
                means stay.
        """
        device = like.device if generator is None else generator.device
        chosen = self._choose(n, generator, device)
        noise = torch.randn(n, self.dim, generator=generator, device=device, dtype=like.dtype)
        z = temperature * noise
        if chosen is None:
            return z
        means, stds = self.means().detach().to(z), self.stds().detach().to(z)
        return means[chosen] + stds[chosen].unsqueeze(1) * z

    def _choose(
        self, n: int, generator: torch.Generator | None, device: torch.device
    ) -> Tensor | None:
        """Draw which Gaussian each of n points comes from [n]; None for the standard normal."""
        return None


class StandardNormal(Base):
    r"""The standard normal :math:`\mathcal{N}(0, I)`; it has no parameters.

    Args:
        dim: D.
    """

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log-density [B] of z [B, D], in nats."""
        return standard_normal_log_prob(z)

    def log_prob_and_gradient(self, z: Tensor, share: float) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the log-density and its gradient: that of L by z is z itself times the share."""
        return standard_normal_log_prob(z.t()), z * share, []

    def means(self) -> Tensor:
        """Return the origin [1, D]."""
        return torch.zeros(1, self.dim)

    def stds(self) -> Tensor:
        """Return 1 [1]."""
        return torch.ones(1)

    def weights(self) -> Tensor:
        """Return 1 [1]."""
        return torch.ones(1)


#: Distance of the first means from the origin, in standard deviations of one Gaussian.
_SEPARATION = 3.0

#: The log of a standard deviation stays within this distance of where it starts: a Gaussian that
#: shrinks to a point would have an unbounded likelihood.
_LOG_STD_BOUND = 3.0


class GaussianMixture(Base):
    r"""A mixture of K round Gaussians; weights, means and standard deviations are learned.

    .. math::
        p(z) = \sum_{k=1}^{K} \pi_k\, \mathcal{N}(z;\, \mu_k, \sigma_k^2 I)

    The means start evenly on a circle in the first two coordinates, 3 standard deviations from the
    origin, and all so that in the plane, for K of 3 or more, the mixture has variance 1 in every
    coordinate. Between two Gaussians the density is low, but not 0.

    Args:
        dim: D.
        components: K.

    References:
        Izmailov, Kirichenko, Finzi & Wilson, Semi-Supervised Learning with Normalizing Flows,
        2020.
    """

    def __init__(self, dim: int, components: int) -> None:
        super().__init__(dim)
        self.first_log_std = -0.5 * math.log(1 + _SEPARATION**2 / 2)
        angles = 2 * math.pi * torch.arange(components) / components
        circle = torch.stack([angles.cos(), angles.sin()], 1)[:, :dim]
        centres = torch.zeros(components, dim)
        centres[:, : circle.shape[1]] = _SEPARATION * math.exp(self.first_log_std) * circle
        self.centres = nn.Parameter(centres)
        self.widths = nn.Parameter(torch.zeros(components))
        self.logits = nn.Parameter(torch.zeros(components))

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log-density [B] of z [B, D], in nats."""
        return self._joint(z).logsumexp(1)

    @torch.no_grad()
    def log_prob_and_gradient(self, z: Tensor, share: float) -> tuple[Tensor, Tensor, list[Tensor]]:
        r"""Return the log-density and its gradient, from the responsibilities of the Gaussians.

        With :math:`r_k = p(k \mid z)` the derivatives of :math:`\log p(z)` are
        :math:`r_k (z - \mu_k)/\sigma_k^2` by :math:`\mu_k`, the negative sum of these by z,
        :math:`r_k (|z - \mu_k|^2/\sigma_k^2 - D)` by :math:`\log\sigma_k`, and
        :math:`r_k - \pi_k` by the logits.
        """
        points = z.t()
        joint = self._joint(points)
        log_prob = joint.logsumexp(1)
        shares = share * (joint - log_prob.unsqueeze(1)).exp()
        away = (points.unsqueeze(1) - self.centres) / self.stds().unsqueeze(1)
        pulls = shares.unsqueeze(2) * away / self.stds().unsqueeze(1)
        slope = 1 - (self.widths / _LOG_STD_BOUND).tanh().square()
        g_widths = slope * (shares * (self.dim - away.square().sum(2))).sum(0)
        g_logits = share * len(points) * self.weights() - shares.sum(0)
        return log_prob, pulls.sum(1).t(), [-pulls.sum(0), g_widths, g_logits]

    def means(self) -> Tensor:
        """Return the means [K, D]."""
        return self.centres

    def stds(self) -> Tensor:
        """Return the standard deviations [K]."""
        return self._log_stds().exp()

    def weights(self) -> Tensor:
        """Return the weights [K]."""
        return self.logits.softmax(0)

    def _log_stds(self) -> Tensor:
        bounded = _LOG_STD_BOUND * (self.widths / _LOG_STD_BOUND).tanh()
        return self.first_log_std + bounded

    def _joint(self, z: Tensor) -> Tensor:
        """Return log(weight times density) of each Gaussian [B, K]."""
        away = (z.unsqueeze(1) - self.centres) / self.stds().unsqueeze(1)
        scale = self.logits.log_softmax(0) - self.dim * self._log_stds()
        return standard_normal_log_prob(away) + scale

    def _choose(
        self, n: int, generator: torch.Generator | None, device: torch.device
    ) -> Tensor | None:
        ends = self.weights().detach().to(device).cumsum(0)
        drawn = torch.rand(n, generator=generator, device=device, dtype=ends.dtype)
        return torch.searchsorted(ends, drawn).clamp(max=len(ends) - 1)
