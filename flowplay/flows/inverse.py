"""The inverse of a bijection, as a bijection."""

from __future__ import annotations

from torch import Tensor

from flowplay.flows.base import Bijection


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
