"""Whitening: the fixed affine bijection between whitened units and data units."""

from __future__ import annotations

import torch
from torch import Tensor

from flowplay.flows.base import Bijection


class Whitening(Bijection):
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

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize: scale and shift to whitened units."""
        return (x - self.mean) / self.std, -self.std.log().sum().expand(len(x))
