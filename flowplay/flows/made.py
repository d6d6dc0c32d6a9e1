"""MADE: one network that gives all parameters of an autoregressive layer, by masked weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowplay.flows.conditioner import (
    REACH,
    STEEPNESS,
    differentiate_network,
    evaluate_network,
    two_hidden_layers,
    weights_and_biases,
)
from flowplay.flows.transformers import Transformer


class MADE(nn.Module):
    r"""Two masked hidden layers from x [B, D] to parameters [B, D, P], those of i from x_{<i} only.

    Unit j of a hidden layer has a degree :math:`m(j) \in \{1 \dots D - 1\}`; it may see units and
    inputs of degree at most its own, and output i sees hidden degrees below i. First and last
    layer start as those of `Conditioner` do.

    Args:
        dim: D.
        width: units in each hidden layer.
        transformer: says how many parameters P a coordinate takes, and where they start.
        reverse: let output i depend on :math:`x_{>i}` instead.

    References:
        Germain, Gregor, Murray & Larochelle, MADE: Masked Autoencoder for Distribution Estimation,
        2015.
    """

    def __init__(self, dim: int, width: int, transformer: Transformer, *, reverse: bool) -> None:
        super().__init__()
        self.parameters_per_coordinate = transformer.parameters
        inputs = torch.arange(1, dim + 1)
        if reverse:
            inputs = inputs.flip(0)
        hidden = 1 + torch.arange(width) % max(1, dim - 1)
        outputs = inputs.repeat_interleave(transformer.parameters) - 1
        self.first = _Masked(inputs, hidden)
        self.second = _Masked(hidden, hidden)
        self.last = _Masked(hidden, outputs)
        with torch.no_grad():
            direction = F.normalize(torch.randn(width, dim) * self.first.mask, dim=-1)
            self.first.weight.copy_(STEEPNESS * direction)
            self.first.bias.uniform_(-STEEPNESS * REACH, STEEPNESS * REACH)
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)
            if (start := transformer.start()) is not None:
                self.last.bias.copy_(start.repeat(dim))
        self._tensors = weights_and_biases(self.first, self.second, self.last)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, D] to parameters [B, D, P]."""
        outputs = two_hidden_layers(x, self._masked(self.tensors()))
        theta: Tensor = outputs.unflatten(-1, (-1, self.parameters_per_coordinate))
        return theta

    def tensors(self) -> tuple[Tensor, ...]:
        """Return weights and biases in order, not masked."""
        return self._tensors

    def evaluate(
        self, x: Tensor, tensors: Sequence[Tensor], *, keep: bool = True
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Map x [D, B] to outputs [D P, B]; return also what `differentiate` needs."""
        return evaluate_network(x, self._masked(tensors), keep=keep)

    def differentiate(self, gradient: Tensor, kept: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the gradients of x and of all tensors, given that of the outputs."""
        g_x, *g_tensors = differentiate_network(gradient, kept)
        return g_x, *self._masked(g_tensors)

    def _masked(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        w1, b1, w2, b2, w3, b3 = tensors
        return w1 * self.first.mask, b1, w2 * self.second.mask, b2, w3 * self.last.mask, b3


class _Masked(nn.Linear):
    """Weights of a layer in which an output sees the inputs of at most its own degree."""

    mask: Tensor

    def __init__(self, inputs: Tensor, outputs: Tensor) -> None:
        super().__init__(len(inputs), len(outputs))
        mask = (outputs.unsqueeze(-1) >= inputs).float()
        # Not part of the state: it follows from the sizes.
        self.register_buffer("mask", mask, persistent=False)
