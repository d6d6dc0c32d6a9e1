"""MADE: one network with masked weights for all parameters of an autoregressive layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowplay.flows.conditioner import (
    REACH,
    STEEPNESS,
    SavedNetwork,
    backward_pass,
    forward_pass,
    two_hidden_layers,
    weights_and_biases,
)
from flowplay.flows.transformers import Transformer


class MADE(nn.Module):
    r"""Two masked hidden layers from x [B, D] to parameters [B, D, P], those of i from x_{<i} only.

    Unit j of a hidden layer has a degree :math:`m(j) \in \{1 \dots D - 1\}`; it is connected to
    units and inputs of degree at most its own, and output i to hidden units of degree below i. The
    first and the last layer are initialized as those of `Conditioner`. With a context, which every
    output depends on, degrees start at 0.

    Args:
        dim: D.
        width: units in each hidden layer.
        transformer: has the number of parameters P per coordinate, and their start.
        reverse: let output i depend on :math:`x_{>i}` instead.
        context: numbers that follow x in the input, [B, D + context].

    References:
        Germain, Gregor, Murray & Larochelle, MADE: Masked Autoencoder for Distribution Estimation,
        2015.
    """

    def __init__(
        self,
        dim: int,
        width: int,
        transformer: Transformer[Any],
        *,
        reverse: bool,
        context: int = 0,
    ) -> None:
        super().__init__()
        self.parameter_count = transformer.parameter_count
        inputs = torch.arange(1, dim + 1)
        if reverse:
            inputs = inputs.flip(0)
        lowest = 0 if context else 1
        hidden = lowest + torch.arange(width) % max(1, dim - lowest)
        outputs = inputs.repeat_interleave(transformer.parameter_count) - 1
        self.first = _Masked(torch.cat((inputs, inputs.new_zeros(context))), hidden)
        self.second = _Masked(hidden, hidden)
        self.last = _Masked(hidden, outputs)
        with torch.no_grad():
            direction = F.normalize(torch.randn(width, dim + context) * self.first.mask, dim=-1)
            self.first.weight.copy_(STEEPNESS * direction)
            self.first.bias.uniform_(-STEEPNESS * REACH, STEEPNESS * REACH)
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)
            if (start := transformer.start()) is not None:
                self.last.bias.copy_(start.repeat(dim))
        self._tensors = weights_and_biases(self.first, self.second, self.last)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, D], and its context, to parameters [B, D, P]."""
        outputs = two_hidden_layers(x, self._masked(self.tensors()))
        theta: Tensor = outputs.unflatten(-1, (-1, self.parameter_count))
        return theta

    def tensors(self) -> tuple[Tensor, ...]:
        """Return weights and biases in order, before masking."""
        return self._tensors

    def forward_pass(
        self, x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
    ) -> tuple[Tensor, SavedNetwork | None]:
        """Map x [D, B] to outputs [D P, B]; return also what `backward_pass` needs."""
        return forward_pass(x, self._masked(tensors), for_backward=for_backward)

    def backward_pass(self, g_outputs: Tensor, saved: SavedNetwork) -> tuple[Tensor, ...]:
        """Return the gradients of x and of all tensors, given that of the outputs."""
        g_x, *g_tensors = backward_pass(g_outputs, saved)
        return g_x, *self._masked(g_tensors)

    def masks(self) -> tuple[Tensor, ...]:
        """Return a mask for each tensor, in order; those of biases are all ones."""
        layers = self.first, self.second, self.last
        return tuple(
            m for layer in layers for m in (layer.mask, torch.ones_like(layer.bias).detach())
        )

    def _masked(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        w1, b1, w2, b2, w3, b3 = tensors
        return w1 * self.first.mask, b1, w2 * self.second.mask, b2, w3 * self.last.mask, b3


class _Masked(nn.Linear):
    """A linear layer that connects each output to the inputs of at most its own degree."""

    mask: Tensor

    def __init__(self, inputs: Tensor, outputs: Tensor) -> None:
        super().__init__(len(inputs), len(outputs))
        mask = (outputs.unsqueeze(-1) >= inputs).float()
        # Not part of the state: it follows from the sizes.
        self.register_buffer("mask", mask, persistent=False)
