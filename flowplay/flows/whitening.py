"""Whitening: the fixed affine bijection between whitened units and data units."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from flowplay.flows.chain import Link


class Whitening(Link):
    r"""The last layer of a flow: :math:`x = \mu + \sigma \odot z`, with nothing to train.

    It lets all other layers work on data of zero mean and unit variance, while `log_prob` stays
    in data units.

    Args:
        mean: :math:`\mu` [D], in data units.
        std: :math:`\sigma` [D] > 0, in data units.

    Raises:
        ValueError: if a standard deviation is not positive and finite.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        if not (torch.isfinite(std).all() and (std > 0).all()):
            raise ValueError("Whitening needs data with a positive, finite spread in each column.")
        self.register_buffer("mean", mean.clone())
        self.register_buffer("std", std.clone())

    @classmethod
    def of(cls, data: Tensor) -> Whitening:
        """Whiten data [N, D] to zero mean and unit variance in each column."""
        return cls(data.mean(0), data.std(0, correction=0))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: scale and shift to data units."""
        return self.mean + self.std * z, self.std.log().sum().expand(len(z))

    def tensors(self) -> tuple[Tensor, ...]:
        """Return nothing to train."""
        return ()

    def evaluate(
        self, x: Tensor, tensors: Sequence[Tensor], *, keep: bool = True
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Normalize: scale and shift to whitened units."""
        std = self.std.unsqueeze(-1)
        z = (x - self.mean.unsqueeze(-1)) / std
        return z, -self.std.log().sum().expand(x.shape[-1]), (std,)

    def differentiate(
        self, g_z: Tensor, g_log_det: Tensor, saved: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Scale the gradient of x."""
        return (g_z / saved[0],)
