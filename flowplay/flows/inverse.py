"""The inverse of a bijection, as a bijection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from flowplay.flows.base import Bijection
from flowplay.flows.chain import Link
from flowplay.flows.compiled import Layer
from flowplay.kernels import layout as lay


class Inverse(Bijection):
    r"""A bijection with its directions exchanged: :math:`f^{-1}` in place of f.

    Args:
        bijection: f.
    """

    def __init__(self, bijection: Bijection) -> None:
        super().__init__()
        self.bijection = bijection
        self.tolerance = bijection.tolerance
        self.log_scale_bound = bijection.log_scale_bound
        if bijection.times is not None:
            self.times = bijection.times[1], bijection.times[0]

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate by normalizing with f."""
        return self.bijection.inverse(z)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize by generating with f."""
        result: tuple[Tensor, Tensor] = self.bijection(x)
        return result

    def penalty(self) -> Tensor | None:
        """Return the penalty of f."""
        return self.bijection.penalty()


class InverseLink(Inverse):
    """The inverse of a link; where gradients follow its generating direction, autograd finds them.

    Compiled kernels know it if it is a masked autoregressive layer with a map that they can
    turn.

    Args:
        bijection: the link.
    """

    bijection: Link[Any]

    def __init__(self, bijection: Link[Any]) -> None:
        super().__init__(bijection)

    def tensors(self) -> tuple[Tensor, ...]:
        """Return all parameters of the link."""
        return self.bijection.tensors()

    def kernel_layers(self) -> Sequence[Layer]:
        """Return what the inverse is to the compiled kernels; nothing if they cannot take it."""
        layers = self.bijection.kernel_layers()
        turning = all(
            layer.kind == lay.CONDITIONED
            and layer.inputs == layer.mapped
            and layer.transformer.kind in lay.TURNING
            for layer in layers
        )
        return [layer._replace(turned=True) for layer in reversed(layers)] if turning else ()
