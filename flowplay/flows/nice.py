"""NICE: volume-preserving additive coupling layers, and one diagonal scaling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from flowplay.flows.base import Bijection
from flowplay.flows.chain import Link
from flowplay.flows.compiled import Layer
from flowplay.flows.coupling import Coupling
from flowplay.flows.transformers import Additive
from flowplay.kernels import layout as lay


class SavedScaling(NamedTuple):
    """What `DiagonalScaling` saves.

    Attributes:
        z: the result [D, B].
        shrink: the factors by which x was multiplied [D, 1].
    """

    z: Tensor
    shrink: Tensor


class DiagonalScaling(Link[SavedScaling]):
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

    def kernel_layers(self) -> Sequence[Layer]:
        """Return a scaling by what is learned."""
        return (Layer(lay.SCALING, learned=1),)

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the log-scales."""
        return (self.log_scale,)

    def normalize(
        self, x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
    ) -> tuple[Tensor, Tensor, SavedScaling]:
        """Scale x [D, B] back."""
        (log_scale,) = tensors
        shrink = (-log_scale).exp().unsqueeze(-1)
        z = x * shrink
        return z, -log_scale.sum().expand(x.shape[-1]), SavedScaling(z, shrink)

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: SavedScaling
    ) -> tuple[Tensor, ...]:
        """Return the gradients with respect to x [D, B] and to the log-scales."""
        z, shrink = saved
        return g_z * shrink, -torch.addcmul(g_log_det, g_z, z).sum(-1)


def nice(dim: int, depth: int, width: int) -> list[Bijection]:
    """Build the scaling of the base and `depth` additive coupling layers."""
    couplings = [Coupling(dim, width, Additive(), swap=bool(k % 2)) for k in range(depth)]
    return [DiagonalScaling(dim), *couplings]
