"""Layers of a few coordinates, applied to every position, or to the first coordinates alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from flowplay.flows.chain import Link


class EachPosition(Link[Any]):
    r"""Apply one layer of C coordinates to the channels of every position.

    With an invertible linear map this is the 1 × 1 convolution, with an activation normalization
    that of a channel. The log-determinant is the sum over positions.

    Args:
        layer: a layer of C coordinates.
        positions: P; the coordinates are [C, P].

    References:
        Kingma & Dhariwal, Glow: Generative Flow with Invertible 1x1 Convolutions, 2018.
    """

    def __init__(self, layer: Link[Any], positions: int) -> None:
        super().__init__()
        self.layer = layer
        self.positions = positions

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate at every position."""
        channels = z.unflatten(-1, (-1, self.positions))
        x, log_det = self.layer(channels.transpose(1, 2).flatten(0, 1))
        x = x.unflatten(0, (len(z), self.positions)).transpose(1, 2)
        return x.flatten(1), log_det.view(len(z), self.positions).sum(-1)

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the tensors of the layer."""
        return self.layer.tensors()

    def normalize(
        self, x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
    ) -> tuple[Tensor, Tensor, Any]:
        """Normalize x [C·P, B] at every position."""
        size = x.shape[-1]
        wide = x.reshape(-1, self.positions * size)
        z, log_det, saved = self.layer.normalize(wide, tensors, for_backward=for_backward)
        return z.view(-1, size), log_det.reshape(self.positions, size).sum(0), saved

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: object
    ) -> tuple[Tensor, ...]:
        """Return the gradients with respect to x [C·P, B] and to the layer's tensors."""
        size = g_z.shape[-1]
        wide = g_z.reshape(-1, self.positions * size)
        if g_log_det.dim():
            g_log_det = g_log_det.expand(self.positions, size).reshape(-1)
        g_x, *g_tensors = self.layer.normalize_backward(wide, g_log_det, saved)
        return g_x.view(-1, size), *g_tensors


class First(Link[Any]):
    """Apply a layer to the first coordinates, and leave the others, which are split off, alone.

    Args:
        layer: a layer of `rows` coordinates.
        rows: how many coordinates it has.
    """

    def __init__(self, layer: Link[Any], rows: int) -> None:
        super().__init__()
        self.layer = layer
        self.rows = rows

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate the first coordinates."""
        x, log_det = self.layer(z[:, : self.rows])
        return torch.cat((x, z[:, self.rows :]), -1), log_det

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the tensors of the layer."""
        return self.layer.tensors()

    def normalize(
        self, x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
    ) -> tuple[Tensor, Tensor, Any]:
        """Normalize the first rows of x [D, B]."""
        first = x[: self.rows]
        z, log_det, saved = self.layer.normalize(first, tensors, for_backward=for_backward)
        return torch.cat((z, x[self.rows :])), log_det, saved

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: object
    ) -> tuple[Tensor, ...]:
        """Return the gradients with respect to x [D, B] and to the layer's tensors."""
        g_x, *g_tensors = self.layer.normalize_backward(g_z[: self.rows], g_log_det, saved)
        return torch.cat((g_x, g_z[self.rows :])), *g_tensors
