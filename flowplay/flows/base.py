"""The interface of a bijection with its log-determinant, and the log-density of the base."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from torch import Tensor, nn


class Bijection(nn.Module, ABC):
    r"""An invertible map of :math:`\mathbb{R}^D` whose Jacobian determinant is tractable.

    :math:`z \to x` is *forward* (generate), :math:`x \to z` is *inverse* (normalize). Both return
    the result and the log of the absolute Jacobian determinant of the direction taken, in nats.

    All random numbers that a layer draws in training mode come from torch's default generator,
    which training sets to the run's own stream.
    """

    #: Largest error of a round trip in float64; layers with a numeric inverse state a larger one.
    tolerance: float = 1e-8

    #: Start and end time of a piece of a continuous flow; None for other layers.
    times: tuple[float, float] | None = None

    #: Largest absolute log-scale, in nats, of a layer that scales each coordinate by a bounded
    #: factor: the log of each diagonal entry of its Jacobian stays within it. None without a bound.
    log_scale_bound: float | None = None

    @abstractmethod
    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        r"""Generate: map z to x.

        Args:
            z: [B, D].

        Returns:
            x [B, D] and :math:`\log|\det \partial x/\partial z|` [B].
        """

    @abstractmethod
    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Normalize: map x to z.

        Args:
            x: [B, D].

        Returns:
            z [B, D] and :math:`\log|\det \partial z/\partial x|` [B].
        """

    def penalty(self) -> Tensor | None:
        """Return a penalty that training adds to the loss (scalar), or None."""
        return None


def standard_normal_log_prob(z: Tensor) -> Tensor:
    r"""Return :math:`\log \mathcal{N}(z; 0, I)` [B] of z [B, D], in nats."""
    return -0.5 * z.square().sum(-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)
