"""Coupling: part of the coordinates stays and parametrizes an elementwise map of the rest."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from flowplay.flows.base import Bijection
from flowplay.flows.conditioner import Conditioner


class Coupling(Bijection):
    r"""Keep :math:`z_a`, and map :math:`z_b` elementwise with parameters :math:`\theta(z_a)`.

    .. math::
        x_a = z_a, \qquad x_b = g_{\theta(z_a)}(z_b), \qquad
        \log|\det J| = \sum_i \log |g'_{\theta(z_a)}(z_{b,i})|

    The Jacobian is triangular, whatever the conditioner :math:`\theta` is. `swap` decides which
    part stays, the first or the second; layers alternate.

    Args:
        dim: D >= 2.
        width: hidden units of the conditioner.
        parameters: numbers that the elementwise map takes for each coordinate.
        swap: keep the second part instead of the first.

    Raises:
        ValueError: for fewer than two dimensions: nothing would be left to condition on.

    References:
        Dinh, Krueger & Bengio, NICE: Non-linear Independent Components Estimation, 2015.
    """

    def __init__(self, dim: int, width: int, parameters: int, swap: bool) -> None:
        super().__init__()
        if dim < 2:
            raise ValueError(f"A coupling layer needs at least 2 dimensions, got {dim}.")
        self.swap = swap
        first = dim - dim // 2
        self.sizes = [first, dim - first]
        kept, mapped = reversed(self.sizes) if swap else self.sizes
        self.parameters_per_coordinate = parameters
        self.conditioner = Conditioner(kept, width, mapped * parameters)

    @abstractmethod
    def elementwise(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Map z [B, d] with parameters theta [B, d, P]; return x [B, d] and log|dx/dz| [B, d]."""

    @abstractmethod
    def elementwise_inverse(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Undo `elementwise`: x [B, d] to z [B, d] and log|dz/dx| [B, d]."""

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: keep one part, map the other."""
        kept, rest, theta = self._split(z)
        mapped, log_det = self.elementwise(rest, theta)
        return joined(kept, mapped, self.swap), log_det.sum(-1)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize: keep the same part, which gives the same parameters, and undo the map."""
        kept, rest, theta = self._split(x)
        mapped, log_det = self.elementwise_inverse(rest, theta)
        return joined(kept, mapped, self.swap), log_det.sum(-1)

    def _split(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        kept, rest = parts(y, self.sizes, self.swap)
        theta = self.conditioner(kept)
        return kept, rest, theta.unflatten(-1, (-1, self.parameters_per_coordinate))


def parts(y: Tensor, sizes: Sequence[int], swap: bool) -> tuple[Tensor, Tensor]:
    """Split y [B, D] into the part that a coupling layer keeps and the part that it maps."""
    first, second = y.split(list(sizes), -1)
    return (second, first) if swap else (first, second)


def joined(kept: Tensor, mapped: Tensor, swap: bool) -> Tensor:
    """Undo `parts`."""
    return torch.cat((mapped, kept) if swap else (kept, mapped), -1)
