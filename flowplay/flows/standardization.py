"""Standardization: the fixed affine bijection between standardized units and data units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from flowplay.flows.chain import Link
from flowplay.flows.compiled import Layer
from flowplay.kernels import layout as lay


class SavedStandardization(NamedTuple):
    """What `Standardization` saves: the standard deviations [D, 1]."""

    std: Tensor


class Standardization(Link[SavedStandardization]):
    r"""The last layer of a flow: :math:`x = \mu + \sigma \odot z`, with nothing to train.

    All other layers then work on data with zero mean and unit variance in each coordinate, while
    `log_prob` stays in data units. Correlations are left as they are, so this is not whitening.

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
            raise ValueError(
                "Standardization needs data with a positive, finite spread in each column."
            )
        self.register_buffer("mean", mean.clone())
        self.register_buffer("std", std.clone())

    @classmethod
    def of(cls, data: Tensor) -> Standardization:
        """Return the layer whose inverse gives data [N, D] mean 0 and variance 1 per column."""
        return cls(data.mean(0), data.std(0, correction=0))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: scale and shift to data units."""
        return self.mean + self.std * z, self.std.log().sum().expand(len(z))

    def kernel_layers(self) -> Sequence[Layer]:
        """Return a scaling by constants."""
        return (Layer(lay.SCALING, constants=(self.mean, self.std)),)

    def tensors(self) -> tuple[Tensor, ...]:
        """Return no tensors: nothing is trained."""
        return ()

    def normalize(
        self, x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
    ) -> tuple[Tensor, Tensor, SavedStandardization]:
        """Shift and scale x [D, B] to standardized units."""
        std = self.std.unsqueeze(-1)
        z = (x - self.mean.unsqueeze(-1)) / std
        return z, -self.std.log().sum().expand(x.shape[-1]), SavedStandardization(std)

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: SavedStandardization
    ) -> tuple[Tensor, ...]:
        """Return the gradient with respect to x [D, B]."""
        return (g_z / saved.std,)
