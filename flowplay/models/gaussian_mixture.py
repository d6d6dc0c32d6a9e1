"""A mixture of many diagonal Gaussians: what a decoder makes of the nodes of a quadrature."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

#: Points that look at the Gaussians near them together.
BLOCK = 128

#: Nats by which a Gaussian lies below another one before it is left out.
NEGLIGIBLE = 30.0

_LOG_TWO_PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class GaussianMixture:
    r"""The density :math:`p(x) = \sum_k w_k\, \mathcal{N}(x;\, \mu_k, \mathrm{diag}(\sigma_k^2))`.

    Attributes:
        log_weight: [K].
        mean: [K, D].
        log_std: [K, D].
    """

    log_weight: Tensor
    mean: Tensor
    log_std: Tensor

    def log_prob(self, x: Tensor) -> Tensor:
        r"""Return :math:`\log p(x)` [B] of x [B, D], in nats.

        Points go in blocks of neighbours. Of each block, Gaussians are left out that are smaller by
        :math:`e^{-30}` than another one at all points of the box around it.
        """
        result = x.new_empty(len(x))
        scale = torch.exp(-self.log_std)
        constant = self.log_weight - self.log_std.sum(-1) - 0.5 * x.shape[-1] * _LOG_TWO_PI
        for index in _neighbours(x, torch.arange(len(x), device=x.device)):
            block = x[index]
            near = self._near(block, scale, constant)
            # Around the block's centre the squares are small, and so is their rounding.
            centre = block.mean(0)
            y, mean, precision = block - centre, self.mean[near] - centre, scale[near].square()
            # A Gaussian's log-density is linear in (y², y, 1).
            linear = torch.cat((-0.5 * precision, mean * precision), -1).t()
            offset = constant[near] - 0.5 * (mean.square() * precision).sum(-1)
            terms = torch.addmm(offset, torch.cat((y.square(), y), -1), linear)
            result[index] = torch.logsumexp(terms, -1)
        return result

    def density_on_axes(self, x: Tensor, y: Tensor) -> Tensor:
        r"""Return the density [H, W] at all pairs of y [H] and x [W], in the plane.

        Each Gaussian is a product of two of one coordinate, so that the sum over all of them is one
        product of matrices.
        """
        weight = torch.exp(self.log_weight - self.log_std.sum(-1) - _LOG_TWO_PI)
        scale = torch.exp(-self.log_std)
        of_x, of_y = (
            torch.exp(-0.5 * ((axis[:, None] - self.mean[:, k]) * scale[:, k]).square())
            for k, axis in enumerate((x, y))
        )
        return (of_y * weight) @ of_x.t()

    def _near(self, block: Tensor, scale: Tensor, constant: Tensor) -> Tensor:
        """Return which Gaussians [K] count somewhere in the box around points."""
        low, high = (block.amin(0) - self.mean) * scale, (block.amax(0) - self.mean) * scale
        least = torch.maximum(low, -high).clamp(min=0).square().sum(-1)
        most = torch.maximum(-low, high).square().sum(-1)
        return constant - 0.5 * least >= (constant - 0.5 * most).max() - NEGLIGIBLE


def _neighbours(x: Tensor, index: Tensor) -> Iterator[Tensor]:
    """Yield parts of an index of points x [B, D], each of at most `BLOCK` neighbours."""
    if len(index) <= BLOCK:
        yield index
        return
    points = x[index]
    widest = int((points.amax(0) - points.amin(0)).argmax())
    for part in points[:, widest].argsort().tensor_split(2):
        yield from _neighbours(x, index[part])
