"""Radial flows: each layer contracts or expands space around one point."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowplay.flows.base import Bijection


class Radial(Bijection):
    r"""A radial layer with the closed form of the paper in the normalizing direction.

    With :math:`r = \|x - c\|`,

    .. math::
        z = x + \frac{\hat\beta}{\alpha + r}(x - c), \qquad
        \log|\det \partial z/\partial x| = (D - 1)\log\Bigl(1 + \frac{\hat\beta}{\alpha + r}\Bigr)
        + \log\Bigl(1 + \frac{\hat\beta\,\alpha}{(\alpha + r)^2}\Bigr)

    and :math:`\hat\beta = -\alpha + \mathrm{softplus}(\beta) > -\alpha`, so that the layer is
    invertible. Generating leaves the direction from c as it is and solves for the radius: the
    equation :math:`r\,(1 + \hat\beta/(\alpha + r)) = \|z - c\|` is a quadratic in r with one
    positive root.

    Args:
        dim: D.

    References:
        Rezende & Mohamed, Variational Inference with Normalizing Flows, 2015 (appendix A.2).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.centre = nn.Parameter(torch.randn(dim))
        self.log_alpha = nn.Parameter(torch.zeros(()))
        # softplus(log(e - 1)) = 1 = alpha: beta-hat is 0 and the layer starts as the identity.
        self.beta = nn.Parameter(torch.tensor(math.log(math.e - 1)))

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize in closed form."""
        alpha, beta_hat = self._alpha_and_beta_hat()
        offset = x - self.centre
        radius = _length(offset)
        scale = 1 + beta_hat / (alpha + radius)
        log_det = self._log_det(radius, alpha, beta_hat, x.shape[-1])
        return self.centre + offset * scale.unsqueeze(-1), log_det

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate by the root of the quadratic."""
        alpha, beta_hat = self._alpha_and_beta_hat()
        offset = z - self.centre
        distance = _length(offset)
        # r² + b r - alpha·distance = 0; each of the two forms of its root has cancellation for
        # one sign of b.
        b = alpha + beta_hat - distance
        root = (b.square() + 4 * alpha * distance).sqrt()
        radius = torch.where(b > 0, 2 * alpha * distance / (b + root), (root - b) / 2)
        scale = 1 + beta_hat / (alpha + radius)
        log_det = self._log_det(radius, alpha, beta_hat, z.shape[-1])
        return self.centre + offset / scale.unsqueeze(-1), -log_det

    @staticmethod
    def _log_det(radius: Tensor, alpha: Tensor, beta_hat: Tensor, dim: int) -> Tensor:
        across = torch.log1p(beta_hat / (alpha + radius))
        along = torch.log1p(beta_hat * alpha / (alpha + radius).square())
        return (dim - 1) * across + along

    def _alpha_and_beta_hat(self) -> tuple[Tensor, Tensor]:
        alpha = self.log_alpha.exp()
        return alpha, F.softplus(self.beta) - alpha


def _length(offset: Tensor) -> Tensor:
    """Return norms [B] of [B, D], with a finite gradient at 0."""
    squares = offset.square().sum(-1)
    return squares.clamp(min=torch.finfo(squares.dtype).tiny).sqrt()


def radial(dim: int, depth: int) -> list[Bijection]:
    """Build `depth` radial layers."""
    return [Radial(dim) for _ in range(depth)]
