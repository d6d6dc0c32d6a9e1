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


#: Tensors that `evaluate_network` keeps for its derivative.
SAVED = 8


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
        self._tensors = weights_and_biases(self.first, self.second, self.last)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, inputs] to parameters [B, outputs]."""
        return two_hidden_layers(x, self.tensors())

    def tensors(self) -> tuple[Tensor, ...]:
        """Return weights and biases in order, as `evaluate_network` takes them."""
        return self._tensors


def weights_and_biases(*layers: nn.Linear) -> tuple[Tensor, ...]:
    """Return what `evaluate_network` takes, to be kept: looking it up at each step is slow.

    Parameters stay the same objects when a module is copied, moved or loaded, unless it is loaded
    by assignment.
    """
    return tuple(tensor for layer in layers for tensor in (layer.weight, layer.bias))


def evaluate_network(
    x: Tensor, tensors: Sequence[Tensor], *, keep: bool = True
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Evaluate a conditioner; return its outputs and what `differentiate_network` needs.

    Args:
        x: [inputs, B]. The batch is the last axis of everything here, so that whatever happens to
            one of few coordinates or parameters happens to a contiguous row.
        tensors: weights [units, units before] and biases [units] of the three layers.
        keep: whether the derivative will be asked for; otherwise memory is used again at once.

    Returns:
        The outputs [outputs, B], and tensors to hand to `differentiate_network`.
    """
    w1, b1, w2, b2, w3, b3 = tensors
    a1 = torch.addmm(b1.unsqueeze(-1), w1, x)
    h1 = F.silu(a1, inplace=not keep)
    a2 = torch.addmm(b2.unsqueeze(-1), w2, h1)
    h2 = F.silu(a2, inplace=not keep)
    outputs = torch.addmm(b3.unsqueeze(-1), w3, h2)
    return outputs, (x, w1, w2, w3, a1, h1, a2, h2) if keep else ()


def differentiate_network(gradient: Tensor, kept: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return the gradients of x, w1, b1, w2, b2, w3, b3, given that of the outputs."""
    x, w1, w2, w3, a1, h1, a2, h2 = kept
    g2 = torch.ops.aten.silu_backward.default(w3.t() @ gradient, a2)
    g1 = torch.ops.aten.silu_backward.default(w2.t() @ g2, a1)
    first, second = (g1 @ x.t(), g1.sum(-1)), (g2 @ h1.t(), g2.sum(-1))
    return (w1.t() @ g1, *first, *second, gradient @ h2.t(), gradient.sum(-1))


def two_hidden_layers(x: Tensor, tensors: Sequence[Tensor]) -> Tensor:
    """Map x [B, inputs] to [B, outputs], as one node of the graph."""
    outputs: Tensor
    if torch.is_grad_enabled():
        outputs = _TwoHiddenLayers.apply(x.t(), *tensors)
    else:
        outputs, _ = evaluate_network(x.t(), tensors, keep=False)
    return outputs.t()


class _TwoHiddenLayers(torch.autograd.Function):
    """The network as one node of the graph: less bookkeeping than its eight."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *tensors: Tensor) -> Tensor:  # noqa: ANN401
        outputs, kept = evaluate_network(x, tensors)
        ctx.save_for_backward(*kept)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401
        return differentiate_network(gradient, ctx.saved_tensors)
