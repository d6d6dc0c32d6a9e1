"""The network that turns the coordinates a coupling layer keeps into the others' parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

#: Half width of the region over which the first layer's units turn on: whitened data lie inside.
REACH = 3.0

#: Steepness of the first layer's units: features about a standard deviation wide.
STEEPNESS = 1.0


class Conditioner(nn.Module):
    """A network with two hidden layers of SiLU units that maps [B, inputs] to [B, outputs].

    Its first layer starts with units that turn on at places spread evenly over the data, in every
    direction, so that sharp shapes need no long search. Its last layer starts at zero, so that the
    bijection it steers starts as the identity and the density first seen is the base itself.

    Args:
        inputs: coordinates that are kept.
        width: units in each hidden layer.
        outputs: parameters to give.

    References:
        Elfwing, Uchibe & Doya, Sigmoid-weighted linear units for neural network function
        approximation in reinforcement learning, 2018.
    """

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, outputs)
        with torch.no_grad():
            direction = F.normalize(torch.randn(width, inputs), dim=-1)
            self.first.weight.copy_(STEEPNESS * direction)
            self.first.bias.uniform_(-STEEPNESS * REACH, STEEPNESS * REACH)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, inputs] to parameters [B, outputs]."""
        return _TwoHiddenLayers.apply(x, *self.tensors())  # type: ignore[no-any-return]

    def tensors(self) -> tuple[Tensor, ...]:
        """Return weights and biases in order, as `evaluate` takes them."""
        layers = (self.first, self.second, self.last)
        return tuple(tensor for layer in layers for tensor in (layer.weight, layer.bias))


def evaluate(x: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Evaluate a conditioner; return its outputs and what `differentiate` needs."""
    w1, b1, w2, b2, w3, b3 = tensors
    a1 = torch.addmm(b1, x, w1.t())
    h1 = F.silu(a1)
    a2 = torch.addmm(b2, h1, w2.t())
    h2 = F.silu(a2)
    return torch.addmm(b3, h2, w3.t()), (x, w1, w2, w3, a1, h1, a2, h2)


def differentiate(gradient: Tensor, kept: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return the gradients of x, w1, b1, w2, b2, w3, b3, given that of the outputs."""
    x, w1, w2, w3, a1, h1, a2, h2 = kept
    g2 = torch.ops.aten.silu_backward(gradient @ w3, a2)
    g1 = torch.ops.aten.silu_backward(g2 @ w2, a1)
    first, second = (g1.t() @ x, g1.sum(0)), (g2.t() @ h1, g2.sum(0))
    return (g1 @ w1, *first, *second, gradient.t() @ h2, gradient.sum(0))


class _TwoHiddenLayers(torch.autograd.Function):
    """The network as one node of the graph: less bookkeeping than its eight."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *tensors: Tensor) -> Tensor:  # noqa: ANN401
        outputs, kept = evaluate(x, tensors)
        ctx.save_for_backward(*kept)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401
        return differentiate(gradient, ctx.saved_tensors)
