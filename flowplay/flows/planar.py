"""Planar flows: each layer shifts points along one direction by a tanh of one projection."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowplay.flows.base import Bijection
from flowplay.flows.roots import increasing_root


def shift_along(x: Tensor, w: Tensor, u: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return :math:`x + \hat u \tanh(w^\top x + b)` [..., D] and its log-determinant [...].

    The log-determinant is in nats; for the formulas see `Planar`.

    Args:
        x: points [..., D].
        w: [D], or one for each point.
        u: from which the invertible :math:`\hat u` is computed, as w.
        b: scalar, or one for each point.
    """
    u_hat, w_u_hat = _invertible(w, u)
    h = torch.tanh((x * w).sum(-1) + b)
    return x + h.unsqueeze(-1) * u_hat, torch.log1p(w_u_hat * (1 - h.square()))


def shift_back(z: Tensor, w: Tensor, u: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Undo `shift_along`: z [..., D] to x [..., D] and the log-determinant [...] of that, in nats.

    Raises:
        NotConvergedError: if the scalar equation cannot be solved up to rounding.
    """
    u_hat, w_u_hat = _invertible(w, u)
    target = (z * w).sum(-1) + b

    def excess(a: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(a)
        return a + w_u_hat * h - target, 1 + w_u_hat * (1 - h.square())

    reach = w_u_hat.detach().abs() + 1
    a = increasing_root(excess, target.detach() - reach, target.detach() + reach)
    h = torch.tanh(a)
    return z - h.unsqueeze(-1) * u_hat, -torch.log1p(w_u_hat * (1 - h.square()))


def no_shift(w: Tensor) -> Tensor:
    """Return the u [..., D] with which nothing is shifted, given w [..., D]."""
    # softplus(log(e - 1)) = 1, hence w·û = 0; u along w then gives û = 0 exactly.
    return math.log(math.e - 1) * w / w.square().sum(-1, keepdim=True)


def _invertible(w: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Return û [..., D] and w·û [...], the latter by its own formula."""
    wu = (w * u).sum(-1)
    w_u_hat = F.softplus(wu) - 1
    along = w / w.square().sum(-1, keepdim=True)
    return u + (w_u_hat - wu).unsqueeze(-1) * along, w_u_hat


class Planar(Bijection):
    r"""A planar layer with the closed form in the normalizing direction, for maximum likelihood.

    .. math::
        z = x + \hat u \tanh(w^\top x + b), \qquad
        \log|\det \partial z / \partial x|
        = \log\bigl(1 + \hat u^\top w\,(1 - \tanh^2(w^\top x + b))\bigr)

    with :math:`\hat u = u + (m(w^\top u) - w^\top u)\, w / \|w\|^2` and
    :math:`m(a) = -1 + \mathrm{softplus}(a)`, so that :math:`w^\top \hat u > -1` and the layer is
    invertible. Generating solves one increasing scalar equation for :math:`a = w^\top x + b`,
    :math:`a + w^\top \hat u \tanh a = w^\top z + b`, up to rounding.

    Args:
        dim: D.

    Raises:
        NotConvergedError: from `forward`, if the scalar equation cannot be solved up to rounding.

    References:
        Rezende & Mohamed, Variational Inference with Normalizing Flows, 2015 (appendix A.1).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(dim))
        self.u = nn.Parameter(torch.zeros(dim))
        self.b = nn.Parameter(torch.randn(()))
        with torch.no_grad():
            self.u.copy_(no_shift(self.w))

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize in closed form."""
        return shift_along(x, self.w, self.u, self.b)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate by solving the scalar equation."""
        return shift_back(z, self.w, self.u, self.b)


def planar(dim: int, depth: int) -> list[Bijection]:
    """Build `depth` planar layers."""
    return [Planar(dim) for _ in range(depth)]
