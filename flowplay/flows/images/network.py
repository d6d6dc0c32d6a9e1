"""The network of a layer of images: each position sees its neighbours, and knows where it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

#: Positions that a position sees, its own among them.
PATCH = 9


class SavedPatches(NamedTuple):
    """What the backward pass of `PatchNetwork` needs.

    Attributes:
        patches: [9·C, P·B], the inputs at the neighbours of each position.
        w1, w2, w3: the weights.
        h1, h2: hidden units [width, P·B], after dropout.
        kept: [width, 1, B], by what dropout multiplied the first hidden units; None without.
        label: [K, B], the one-hot label of each image; None where none is given.
    """

    patches: Tensor
    w1: Tensor
    w2: Tensor
    w3: Tensor
    h1: Tensor
    h2: Tensor
    kept: Tensor | None
    label: Tensor | None


class Given:
    """The label that the images of a batch are given, shared by all networks of a model.

    Attributes:
        one_hot: [K, B]; None where no label is given.
    """

    def __init__(self) -> None:
        self.one_hot: Tensor | None = None


class PatchNetwork(nn.Module):
    r"""A 3 × 3 convolution and two 1 × 1 convolutions, with ReLU units, on [C, P, B].

    Each position has a bias of its own in the first layer, since on so small an image every place
    is different. The convolution gathers the nine neighbours of each position and multiplies: on a
    processor this takes half the time of ``conv2d``. The last layer starts at zero.

    Args:
        channels: C, inputs at each position.
        side: of the square image: P = side².
        width: units in each hidden layer.
        outputs: numbers computed at each position.
        dropout: part of the first layer's units that are left out, for a whole image at once.
        classes: K; with labels the first layer has a bias for each. 0 without.
        given: holds the label of a batch.
    """

    gather: Tensor
    scatter: Tensor

    def __init__(
        self,
        channels: int,
        side: int,
        width: int,
        outputs: int,
        dropout: float = 0.0,
        classes: int = 0,
        given: Given | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.positions, self.dropout = channels, side * side, dropout
        self.given = given if classes else None
        w1 = torch.randn(width, PATCH * channels) * math.sqrt(2 / (PATCH * channels))
        self.w1 = nn.Parameter(w1)
        self.b1 = nn.Parameter(0.5 * torch.randn(width, self.positions))
        self.w2 = nn.Parameter(torch.randn(width, width) * math.sqrt(2 / width))
        self.b2 = nn.Parameter(torch.zeros(width))
        self.w3 = nn.Parameter(torch.zeros(outputs, width))
        self.b3 = nn.Parameter(torch.zeros(outputs))
        self._tensors: tuple[Tensor, ...] = (self.w1, self.b1, self.w2, self.b2, self.w3, self.b3)
        if classes:
            self.of_label = nn.Parameter(0.5 * torch.randn(width, classes))
            self._tensors += (self.of_label,)
        gather, scatter = _neighbours(side)
        self.register_buffer("gather", gather, persistent=False)
        self.register_buffer("scatter", scatter, persistent=False)

    def tensors(self) -> tuple[Tensor, ...]:
        """Return all parameters, in the order of `parameters()`."""
        return self._tensors

    def forward(self, x: Tensor) -> Tensor:
        """Map x [C·P, B] to [outputs, P·B], as one node of the graph."""
        if torch.is_grad_enabled():
            outputs: Tensor = _Network.apply(x, self, *self._tensors)
            return outputs
        return self.forward_pass(x, self._tensors)[0]

    def forward_pass(self, x: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor, SavedPatches]:
        """Map x [C·P, B] to [outputs, P·B]; return what `backward_pass` needs, too."""
        w1, b1, w2, b2, w3, b3, *of_label = tensors
        size = x.shape[-1]
        padded = torch.cat((x.view(self.channels, self.positions, size), self._zeros(x)), 1)
        patches = padded.index_select(1, self.gather)
        patches = patches.view(self.channels * PATCH, self.positions * size)
        h1 = (w1 @ patches).view(-1, self.positions, size)
        h1 += b1.unsqueeze(-1)
        label = None if self.given is None else self.given.one_hot
        if label is not None:
            label = label.to(x.dtype)
            h1 += (of_label[0] @ label).unsqueeze(1)
        h1.relu_()
        kept = None
        if self.training and self.dropout:
            kept = torch.empty(len(h1), 1, size, dtype=x.dtype, device=x.device)
            kept.bernoulli_(1 - self.dropout).div_(1 - self.dropout)
            h1 *= kept
        h1 = h1.view(-1, self.positions * size)
        h2 = torch.addmm(b2.unsqueeze(-1), w2, h1).relu_()
        outputs = torch.addmm(b3.unsqueeze(-1), w3, h2)
        return outputs, SavedPatches(patches, w1, w2, w3, h1, h2, kept, label)

    def backward_pass(self, g_outputs: Tensor, saved: SavedPatches) -> tuple[Tensor, ...]:
        """Return the gradients of x [C·P, B] and of each tensor, given that of the outputs."""
        patches, w1, w2, w3, h1, h2, kept, label = saved
        size = patches.shape[-1] // self.positions
        g2 = torch.ops.aten.threshold_backward.default(w3.t() @ g_outputs, h2, 0)
        g1 = torch.ops.aten.threshold_backward.default(w2.t() @ g2, h1, 0)
        if kept is not None:
            g1.view(-1, self.positions, size).mul_(kept)
        by_position = g1.view(-1, self.positions, size)
        g_tensors = [
            g1 @ patches.t(),
            by_position.sum(-1),
            g2 @ h1.t(),
            g2.sum(-1),
            g_outputs @ h2.t(),
            g_outputs.sum(-1),
        ]
        if self.given is not None:
            like = g1.new_zeros(len(g1), self._tensors[-1].shape[1])
            g_tensors.append(like if label is None else by_position.sum(1) @ label.t())
        g_patches = (w1.t() @ g1).view(self.channels, PATCH * self.positions, size)
        padded = torch.cat((g_patches, self._zeros(g_patches)), 1)
        g_x = padded.index_select(1, self.scatter)
        g_x = g_x.view(self.channels, PATCH, self.positions, size).sum(1)
        return g_x.view(-1, size), *g_tensors

    def _zeros(self, like: Tensor) -> Tensor:
        return like.new_zeros(self.channels, 1, like.shape[-1])


class _Network(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, network: PatchNetwork, *tensors: Tensor) -> Tensor:  # noqa: ANN401
        outputs, saved = network.forward_pass(x, tensors)
        ctx.network, ctx.present = network, [t is not None for t in saved]
        ctx.save_for_backward(*(t for t in saved if t is not None))
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_outputs: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        tensors = iter(ctx.saved_tensors)
        fields = [next(tensors) if there else None for there in ctx.present]
        saved = SavedPatches._make(fields)
        g_x, *g_tensors = ctx.network.backward_pass(g_outputs, saved)
        return g_x, None, *g_tensors


def _neighbours(side: int) -> tuple[Tensor, Tensor]:
    """Return where each position's patch is gathered from, and where its gradient comes from.

    Returns:
        [9·P] positions, P for outside of the image; and [9·P] rows of the gathered patches, 9·P
        for none.
    """
    positions = side * side
    padded = F.pad(torch.arange(positions).view(side, side), (1, 1, 1, 1), value=positions)
    at = padded.unfold(0, side, 1).unfold(1, side, 1).reshape(PATCH, positions)
    opposite = at.flip(0)
    rows = torch.arange(PATCH).unsqueeze(1) * positions + opposite
    rows = rows.where(opposite < positions, torch.tensor(PATCH * positions))
    return at.reshape(-1), rows.reshape(-1)
