"""The network that computes a layer's parameters from the coordinates they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

#: Half width of the interval over which the first layer's biases spread; standardized data lie
#: inside.
REACH = 3.0

#: Norm of each first-layer unit's weights: its SiLU turns on over about one standard deviation.
STEEPNESS = 1.0


class SavedNetwork(NamedTuple):
    """What the backward pass of the network needs; the batch B is the last axis.

    Attributes:
        x: inputs [inputs, B].
        w1, w2, w3: the weights.
        a1, a2: hidden units before the activation [width, B].
        h1, h2: hidden units after it [width, B].
    """

    x: Tensor
    w1: Tensor
    w2: Tensor
    w3: Tensor
    a1: Tensor
    h1: Tensor
    a2: Tensor
    h2: Tensor


class SavedConditioned(NamedTuple):
    """What a layer made of a network and a transformer saves.

    Attributes:
        network: saved by `forward_pass`.
        transformer: saved by `Transformer.normalize`.
    """

    network: SavedNetwork
    transformer: Any


class Conditioner(nn.Module):
    """A network with two hidden layers of SiLU units that maps [B, inputs] to [B, outputs].

    The units of its first layer start with random directions and with biases spread evenly over
    the data, so that sharp shapes are found early. Its last layer starts at zero, so that the layer
    that uses it starts as the identity and the first density is that of the base.

    Args:
        inputs: number of coordinates it reads.
        width: units in each hidden layer.
        outputs: number of parameters it computes.

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
        """Return weights and biases in order, as `forward_pass` takes them."""
        return self._tensors


def weights_and_biases(*layers: nn.Linear) -> tuple[Tensor, ...]:
    """Return the weights and biases of layers, for a module to store: attribute lookup is slow.

    Parameters stay the same objects when a module is copied, moved or loaded, unless it is loaded
    with `assign=True`.
    """
    return tuple(tensor for layer in layers for tensor in (layer.weight, layer.bias))


def forward_pass(
    x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
) -> tuple[Tensor, SavedNetwork | None]:
    """Compute the outputs of a network with two hidden layers.

    Args:
        x: [inputs, B]. The batch is the last axis here, so that each of the few coordinates or
            parameters is one contiguous row.
        tensors: weights [units, units before] and biases [units] of the three layers.
        for_backward: whether `backward_pass` will be called; otherwise activations are computed in
            place, which saves memory.

    Returns:
        The outputs [outputs, B], and what `backward_pass` needs; None if it will not be called.
    """
    w1, b1, w2, b2, w3, b3 = tensors
    a1 = torch.addmm(b1.unsqueeze(-1), w1, x)
    h1 = F.silu(a1, inplace=not for_backward)
    a2 = torch.addmm(b2.unsqueeze(-1), w2, h1)
    h2 = F.silu(a2, inplace=not for_backward)
    outputs = torch.addmm(b3.unsqueeze(-1), w3, h2)
    return outputs, SavedNetwork(x, w1, w2, w3, a1, h1, a2, h2) if for_backward else None


def backward_pass(g_outputs: Tensor, saved: SavedNetwork) -> tuple[Tensor, ...]:
    """Return the gradients of x, w1, b1, w2, b2, w3, b3, given that of the outputs."""
    x, w1, w2, w3, a1, h1, a2, h2 = saved
    g2 = torch.ops.aten.silu_backward.default(w3.t() @ g_outputs, a2)
    g1 = torch.ops.aten.silu_backward.default(w2.t() @ g2, a1)
    first, second = (g1 @ x.t(), g1.sum(-1)), (g2 @ h1.t(), g2.sum(-1))
    return (w1.t() @ g1, *first, *second, g_outputs @ h2.t(), g_outputs.sum(-1))


def two_hidden_layers(x: Tensor, tensors: Sequence[Tensor]) -> Tensor:
    """Map x [B, inputs] to [B, outputs], as one node of the graph."""
    outputs: Tensor
    if torch.is_grad_enabled():
        outputs = _TwoHiddenLayers.apply(x.t(), *tensors)
    else:
        outputs, _ = forward_pass(x.t(), tensors, for_backward=False)
    return outputs.t()


class _TwoHiddenLayers(torch.autograd.Function):
    """The network as one node of the graph: less overhead than the eight of its operations."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *tensors: Tensor) -> Tensor:  # noqa: ANN401
        outputs, saved = forward_pass(x, tensors)
        assert saved is not None
        ctx.save_for_backward(*saved)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_outputs: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401
        return backward_pass(g_outputs, SavedNetwork(*ctx.saved_tensors))
