"""Energies that are hard for one reason each: a funnel, a banana, a ring of wells."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flowplay.catalog import Real
from flowplay.problems.base import Window
from flowplay.problems.energies.base import ENERGY_OPTIONS, Array, Energy, Functions


@dataclass(frozen=True)
class Funnel(Energy):
    r"""Neal's funnel in the plane: the scale of one coordinate is the exponential of the other.

    .. math:: x_2 \sim \mathcal{N}(0, \tau^2), \qquad x_1 \sim \mathcal{N}(0, e^{x_2})

    Args:
        spread: the standard deviation :math:`\tau` of the log-variance; 3 in the paper.

    References:
        Neal, Slice Sampling, 2003.
    """

    name = "funnel"
    label = "Funnel"
    summary = (
        "Neal's funnel: the scale of one coordinate is the exponential of the other, so that no "
        "single step size fits. Its mouth reaches far beyond the picture."
    )
    options = (
        *ENERGY_OPTIONS,
        Real(
            "spread",
            "Spread",
            "Standard deviation of the funnel's log-variance; 3 in Neal's paper.",
            3.0,
            0.5,
            3.0,
        ),
    )
    stretch = (0.02, 0.0)

    spread: float = 3.0

    @property
    def window(self) -> Window:
        """From -10 to 10; the mouth of a wide funnel reaches beyond."""
        return -10.0, 10.0, -10.0, 10.0

    @property
    def box(self) -> Window:
        """Eight standard deviations of the log-variance, and six of the widest place."""
        reach = 8 * self.spread
        widest = 8 * math.exp(min(reach, 30) / 2)
        return -widest, widest, -reach, reach

    def log_unnormalized(self, x: Array, y: Array, xp: Functions) -> Array:
        """Return -U."""
        return -0.5 * (y / self.spread) ** 2 - 0.5 * y - 0.5 * x**2 * xp.exp(-y)


@dataclass(frozen=True)
class Banana(Energy):
    r"""Rosenbrock's bent valley, as a density: a Gaussian whose second axis is bent.

    .. math:: U = \frac{x_1^2}{2 s^2} + \frac{(x_2 + b\,(x_1^2 - s^2))^2}{2}, \qquad s = 2

    Args:
        bend: b.

    References:
        Haario, Saksman & Tamminen, Adaptive proposal distribution for random walk Metropolis
        algorithm, 1999.
    """

    name = "banana"
    label = "Banana"
    summary = (
        "A Gaussian bent into a crescent: a narrow, curved valley, which one layer that shifts one "
        "coordinate by a function of the other can straighten."
    )
    options = (
        *ENERGY_OPTIONS,
        Real("bend", "Bend", "How strongly the crescent is bent; 0 is a Gaussian.", 0.5, 0.0, 1.0),
    )

    bend: float = 0.5

    @property
    def window(self) -> Window:
        """From -8 to 8, moved down with the tips."""
        return -8.0, 8.0, -12.0, 4.0

    @property
    def box(self) -> Window:
        """Nine standard deviations."""
        return -18.0, 18.0, -10.0 - 320.0 * self.bend, 10.0 + 4.0 * self.bend

    def log_unnormalized(self, x: Array, y: Array, xp: Functions) -> Array:
        """Return -U."""
        return -(x**2) / 8 - 0.5 * (y + self.bend * (x**2 - 4)) ** 2


@dataclass(frozen=True)
class Wells(Energy):
    r"""Eight wells on a ring of radius 3, with a barrier between neighbours.

    .. math::
        U = \tfrac12\Bigl(\frac{\|x\| - 3}{0.35}\Bigr)^2 + \frac{h}{2}\,(1 - \cos 8\varphi)

    Args:
        barrier: h, in nats.
    """

    name = "wells"
    label = "Eight wells"
    summary = (
        "A ring of eight wells. The higher the barriers, the more easily a model settles in some "
        "wells and leaves the others empty."
    )
    options = (
        *ENERGY_OPTIONS,
        Real(
            "barrier", "Barrier", "Height of the barriers between wells, in nats.", 5.0, 0.0, 12.0
        ),
    )

    barrier: float = 5.0

    @property
    def window(self) -> Window:
        """From -5 to 5."""
        return -5.0, 5.0, -5.0, 5.0

    @property
    def box(self) -> Window:
        """Ten standard deviations of the radius beyond the ring."""
        return -6.5, 6.5, -6.5, 6.5

    def log_unnormalized(self, x: Array, y: Array, xp: Functions) -> Array:
        """Return -U."""
        ring = 0.5 * ((xp.hypot(x, y) - 3) / 0.35) ** 2
        return -ring - 0.5 * self.barrier * (1 - xp.cos(8 * xp.arctan2(y, x)))
