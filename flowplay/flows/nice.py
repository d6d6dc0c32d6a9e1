"""NICE: additive coupling layers, which change no volume, and one scaling that does."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from flowplay.flows.base import Bijection
from flowplay.flows.coupling import Coupling
from flowplay.flows.transformers import Additive


class DiagonalScaling(Bijection):
    r"""Scale each coordinate: :math:`x = e^{s} \odot z`, :math:`\log|\det J| = \sum_i s_i`.

    Args:
        dim: D.

    References:
        Dinh, Krueger & Bengio, NICE: Non-linear Independent Components Estimation, 2015.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(dim))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: scale."""
        return z * self.log_scale.exp(), self.log_scale.sum().expand(len(z))

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize: scale back."""
        return x * (-self.log_scale).exp(), -self.log_scale.sum().expand(len(x))


def nice(dim: int, depth: int, width: int) -> list[Bijection]:
    """Build the scaling of the base and `depth` additive coupling layers."""
    couplings = [Coupling(dim, width, Additive(), swap=bool(k % 2)) for k in range(depth)]
    return [DiagonalScaling(dim), *couplings]
