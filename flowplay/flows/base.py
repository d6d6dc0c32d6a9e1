"""The two ideas everything stands on: a bijection with its log-determinant, and a flow of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Bijection(nn.Module, ABC):
    r"""An invertible map of :math:`\mathbb{R}^D` whose Jacobian determinant is tractable.

    :math:`z \to x` is *forward* (generate), :math:`x \to z` is *inverse* (normalize). Both return
    the image and the log of the absolute Jacobian determinant of the direction taken, in nats.
    """

    #: Largest error of a round trip in float64; numeric inverses state a larger one.
    tolerance: float = 1e-8

    #: Start and end in the time of an ODE, for a piece of a continuous flow.
    times: tuple[float, float] | None = None

    @abstractmethod
    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        r"""Generate: map z to x.

        Args:
            z: [B, D].

        Returns:
            x [B, D] and :math:`\log|\det \partial x/\partial z|` [B].
        """

    @abstractmethod
    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Normalize: map x to z.

        Args:
            x: [B, D].

        Returns:
            z [B, D] and :math:`\log|\det \partial z/\partial x|` [B].
        """

    def penalty(self) -> Tensor | None:
        """Return what training should keep small beside the loss (scalar), if anything."""
        return None


def standard_normal_log_prob(z: Tensor) -> Tensor:
    r"""Return :math:`\log \mathcal{N}(z; 0, I)` [B] of z [B, D], in nats."""
    return -0.5 * z.square().sum(-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)


class Flow(Bijection):
    r"""A normalizing flow: the base :math:`z_0 \sim \mathcal{N}(0, I)` pushed through bijections.

    .. math::
        x = (f_K \circ \dots \circ f_1)(z_0), \qquad
        \log p(x) = \log p(z_0) + \sum_{k=1}^{K} \log|\det \partial z_{k-1}/\partial z_k|

    Args:
        bijections: in generating order, :math:`z_0 \to z_1 \to \dots \to z_K = x`.
        dim: D.
        checkpoint: recompute each layer in the backward pass instead of keeping what it computed:
            memory for one layer instead of K, at the price of a second evaluation.

    References:
        Tabak & Vanden-Eijnden, Density estimation by dual ascent of the log-likelihood, 2010.
        Papamakarios et al., Normalizing Flows for Probabilistic Modeling and Inference, 2021.

    Example:
        >>> from flowplay.flows import build_flow
        >>> flow = build_flow("realnvp", dim=2, depth=4, width=16, seed=0)
        >>> flow.log_prob(torch.zeros(3, 2)).shape
        torch.Size([3])
    """

    #: Whether `loss` is the negative log-likelihood: only then may it be called so.
    trained_by_likelihood: bool = True

    def __init__(
        self, bijections: Sequence[Bijection], dim: int, *, checkpoint: bool = False
    ) -> None:
        super().__init__()
        self.bijections: Sequence[Bijection] = nn.ModuleList(bijections)  # type: ignore[assignment]
        self.dim = dim
        self.checkpoint = checkpoint
        self.tolerance = max((b.tolerance for b in bijections), default=Bijection.tolerance)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: map base points z [B, D] to data x [B, D], with the sum of log-dets [B]."""
        states, log_dets = self.forward_states(z)
        return states[-1], log_dets.sum(0)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize: map data x [B, D] to base points z [B, D], with the sum of log-dets [B]."""
        return self._inverse_from(len(self.bijections), x)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the log-density [B] of data x [B, D], in nats; exact in evaluation mode."""
        return self.layer_log_prob(len(self.bijections), x)

    def loss(self, x: Tensor) -> Tensor:
        """Return what training makes small on data x [B, D] (scalar, in nats).

        The mean negative log-likelihood, plus the pull of layers that have one: it adds to the
        gradient but not to the value, which stays a likelihood.
        """
        nll = -self.log_prob(x).mean()
        for bijection in self.bijections:
            if (penalty := bijection.penalty()) is not None:
                nll = nll + (penalty - penalty.detach())
        return nll

    def layer_log_prob(self, k: int, y: Tensor) -> Tensor:
        r"""Return the exact log-density [B] of :math:`z_k` at y [B, D], in nats.

        Args:
            k: 0 (the base) to K (the data).
            y: points [B, D].

        Raises:
            ValueError: if there is no such layer.
        """
        if not 0 <= k <= len(self.bijections):
            raise ValueError(f"k must be between 0 and {len(self.bijections)}, got {k}.")
        z, log_det = self._inverse_from(k, y)
        return standard_normal_log_prob(z) + log_det

    def sample(
        self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        r"""Draw n points [n, D] from the flow, without gradient.

        Args:
            n: number of points.
            temperature: standard deviation :math:`\tau` of the base,
                :math:`z \sim \mathcal{N}(0, \tau^2 I)`; 1 draws from the model itself.
            generator: source of randomness, for draws that can be repeated.
        """
        with torch.no_grad():
            return self.forward(temperature * self.base_sample(n, generator))[0]

    def base_sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n points [n, D] from the base, in the dtype and on the device of the flow."""
        like = next(self.parameters(), next(self.buffers(), torch.empty(0)))
        device = like.device if generator is None else generator.device
        z = torch.randn(n, self.dim, generator=generator, device=device, dtype=like.dtype)
        return z.to(like.device)

    def forward_states(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate, keeping every step: z_0 … z_K [K+1, B, D] and the log-det of each [K, B]."""
        states, log_dets = [z], []
        for bijection in self.bijections:
            z, log_det = bijection(z)
            states.append(z)
            log_dets.append(log_det)
        return torch.stack(states), self._stack(log_dets, z)

    def inverse_states(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Normalize, keeping every step, both in generating order.

        Returns:
            z_0 … z_K = x [K+1, B, D], and :math:`\log|\det \partial z_{k-1}/\partial z_k|` for
            k = 1 … K [K, B].
        """
        states, log_dets = [x], []
        for bijection in reversed(self.bijections):
            x, log_det = bijection.inverse(x)
            states.append(x)
            log_dets.append(log_det)
        return torch.stack(states[::-1]), self._stack(log_dets[::-1], x)

    def _inverse_from(self, k: int, y: Tensor) -> tuple[Tensor, Tensor]:
        total = y.new_zeros(len(y))
        recompute = self.checkpoint and torch.is_grad_enabled()
        for bijection in reversed(self.bijections[:k]):
            if recompute:
                y, log_det = checkpoint(bijection.inverse, y, use_reentrant=False)
            else:
                y, log_det = bijection.inverse(y)
            total = total + log_det
        return y, total

    @staticmethod
    def _stack(log_dets: list[Tensor], like: Tensor) -> Tensor:
        return torch.stack(log_dets) if log_dets else like.new_zeros(0, len(like))
