"""Squeeze: every block of 2 × 2 positions becomes one position with four times the channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from flowplay.flows.chain import Link


class Squeeze(Link[None]):
    r"""Reorder coordinates: [C, H, W] becomes [4·C, H/2, W/2] in the normalizing direction.

    Nothing is changed but the order, so the log-determinant is 0.

    Args:
        shape: C, H, W before it.
        channels_last: whether the coordinates before it are ordered [H, W, C], as those of an
            image are, and not [C, H, W].

    Raises:
        ValueError: if a side is odd.

    References:
        Dinh, Sohl-Dickstein & Bengio, Density Estimation using Real NVP, 2017.
    """

    order: Tensor
    order_back: Tensor

    def __init__(self, shape: tuple[int, int, int], *, channels_last: bool = False) -> None:
        super().__init__()
        c, h, w = shape
        if h % 2 or w % 2:
            raise ValueError(f"A squeeze needs even sides, got {h} × {w}.")
        numbers = np.arange(c * h * w)
        grid = numbers.reshape(h, w, c).transpose(2, 0, 1) if channels_last else None
        grid = numbers.reshape(c, h, w) if grid is None else grid
        blocks = grid.reshape(c, h // 2, 2, w // 2, 2).transpose(0, 2, 4, 1, 3)
        order = torch.from_numpy(np.ascontiguousarray(blocks).reshape(-1))
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("order_back", order.argsort(), persistent=False)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: put the positions apart again."""
        return z[:, self.order_back], z.new_zeros(len(z))

    def tensors(self) -> tuple[Tensor, ...]:
        """Return no tensors: nothing is trained."""
        return ()

    def normalize(
        self, x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
    ) -> tuple[Tensor, Tensor, None]:
        """Take blocks of positions together."""
        return x[self.order], x.new_zeros(()).expand(x.shape[-1]), None

    def normalize_backward(self, g_z: Tensor, g_log_det: Tensor, saved: None) -> tuple[Tensor, ...]:
        """Return the gradient with respect to x [D, B]."""
        return (g_z[self.order_back],)
