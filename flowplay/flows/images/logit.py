"""Logit: from levels with noise to the whole line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from flowplay.flows.chain import Link

#: What is kept free at both ends, so that the logit stays finite; density that lies there is lost.
#: With 0.05, as for photos in the paper, digits need 0.03 bits per dimension more.
ALPHA = 1e-6


class SavedLogit(NamedTuple):
    """What `Logit` saves: the number in (0, 1) of each coordinate [D, B]."""

    part: Tensor


class Logit(Link[SavedLogit]):
    r"""Map levels in (0, L) to the line: :math:`z = \mathrm{logit}(\alpha + (1 - 2\alpha) x / L)`.

    Args:
        levels: L.

    References:
        Dinh, Sohl-Dickstein & Bengio, Density Estimation using Real NVP, 2017.
    """

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.slope = (1 - 2 * ALPHA) / levels

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: the sigmoid, then levels; they may lie outside of (0, L) by L·α."""
        part = torch.sigmoid(z)
        log_det = torch.nn.functional.logsigmoid(z) + torch.nn.functional.logsigmoid(-z)
        return (part - ALPHA) / self.slope, (log_det - math.log(self.slope)).sum(-1)

    def tensors(self) -> tuple[Tensor, ...]:
        """Return no tensors: nothing is trained."""
        return ()

    def normalize(
        self, x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
    ) -> tuple[Tensor, Tensor, SavedLogit]:
        """Take the logit of x [D, B]."""
        part = ALPHA + self.slope * x
        log_part, log_rest = part.log(), torch.log1p(-part)
        log_det = (math.log(self.slope) - log_part - log_rest).sum(0)
        return log_part - log_rest, log_det, SavedLogit(part)

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: SavedLogit
    ) -> tuple[Tensor, ...]:
        """Return the gradient with respect to x [D, B]."""
        part = saved.part
        slope = self.slope / (part * (1 - part))
        return (slope * (g_z + g_log_det * (2 * part - 1)),)
