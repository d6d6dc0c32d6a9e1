"""MADE: one network that gives all parameters of an autoregressive layer, by masked weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowplay.flows.conditioner import REACH, STEEPNESS
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

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, D] to parameters [B, D, P]."""
        hidden = F.silu(self.second(F.silu(self.first(x))))
        theta: Tensor = self.last(hidden).unflatten(-1, (-1, self.parameters_per_coordinate))
        return theta


class _Masked(nn.Linear):
    """A linear layer in which an output sees the inputs of at most its own degree."""

    mask: Tensor

    def __init__(self, inputs: Tensor, outputs: Tensor) -> None:
        super().__init__(len(inputs), len(outputs))
        mask = (outputs.unsqueeze(-1) >= inputs).float()
        # Not part of the state: it follows from the sizes.
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, inputs] to [B, outputs]."""
        return F.linear(x, self.weight * self.mask, self.bias)
