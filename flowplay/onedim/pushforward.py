"""The density that maps make from a base density: the change of variables on the line."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate

from flowplay.numbers import number
from flowplay.onedim.bases import Base, FloatArray, Interval
from flowplay.onedim.maps import MonotoneMap

#: Pieces of a quadrature; their ends are images of even steps and of even probabilities.
_PIECES = 48

#: So small that its square is nothing beside 1.
_COMPLEX_STEP = 1e-20


@dataclass(frozen=True)
class PushForward:
    r"""The density of :math:`x = f_K \circ \dots \circ f_1(z)` for z from a base.

    .. math::
        \log p_x(x) = \log p_z(z) - \sum_{k=1}^K \log|f_k'(z_{k-1})|,
        \qquad z = f_1^{-1} \circ \dots \circ f_K^{-1}(x)

    Args:
        base: where z comes from.
        maps: at least one, in generating order.

    Attributes:
        supports: [K + 1] intervals in which z_0 … z_K lie.

    Raises:
        ValueError: if a map is not defined where the values before it lie.

    Example:
        >>> from flowplay.onedim import BASES, Affine
        >>> law = PushForward(BASES["normal"], (Affine(2.0, 3.0),))
        >>> law.log_prob([3.0]).round(4)  # that of N(3, 2²) at its middle
        array([-1.6121])
    """

    base: Base
    maps: tuple[MonotoneMap, ...]
    supports: tuple[Interval, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Follow the support through the maps."""
        supports = [self.base.support]
        for k, step in enumerate(self.maps, 1):
            low, high = supports[-1]
            if low < step.domain[0] or high > step.domain[1]:
                raise ValueError(
                    f"Map {k} ({type(step).__name__.lower()}) takes values in "
                    f"{_interval(step.domain)}, but those that reach it lie in "
                    f"{_interval(supports[-1])}."
                )
            supports.append(step.image((low, high)))
        object.__setattr__(self, "supports", tuple(supports))

    @property
    def increasing(self) -> bool:
        """Whether the composition rises."""
        return sum(not step.increasing for step in self.maps) % 2 == 0

    def states(self, z: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Generate, keeping every step.

        Args:
            z: [n], within the base's support.

        Returns:
            z_0 … z_K [K + 1, n] and the log-slope of each map [K, n], in nats.
        """
        values = [np.asarray(z, float)]
        slopes = []
        for step in self.maps:
            slopes.append(step.log_slope(values[-1]))
            values.append(step.forward(values[-1]))
        return np.stack(values), np.stack(slopes)

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return x [n] for z [n]."""
        values = np.asarray(z, float)
        for step in self.maps:
            values = step.forward(values)
        return values

    def inverse(self, x: ArrayLike) -> FloatArray:
        """Return z [n] for x [n]; NaN where no z leads."""
        x = np.asarray(x, float)
        low, high = self.supports[-1]
        with np.errstate(all="ignore"):
            z = np.where((x >= low) & (x <= high), x, np.nan)
            for step in reversed(self.maps):
                z = step.inverse(z)
        return z

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the log-density [n] at x [n], in nats; minus infinity outside the support."""
        return self._log_prob(x, corrected=True)

    def naive_log_prob(self, x: ArrayLike) -> FloatArray:
        r"""Return :math:`\log p_z(f^{-1}(x))`: what is left if the slope is forgotten."""
        return self._log_prob(x, corrected=False)

    def _log_prob(self, x: ArrayLike, *, corrected: bool) -> FloatArray:
        with np.errstate(all="ignore"):
            z = self.inverse(x)
            log_p = self.base.log_prob(z)
            if corrected:
                log_p = log_p - self.states(z)[1].sum(0)
        # At the very ends of a support the slope can be 0 or infinite; they hold no probability.
        return np.where(np.isfinite(log_p), log_p, -np.inf)

    def integral(self, *, naive: bool = False) -> float:
        """Integrate the density, or the naive one, over x, piece by piece; 1 is what it should be.

        Returns:
            The integral; infinity where the naive one diverges.
        """
        if naive and np.isinf(self.supports[-1]).any() and np.isfinite(self.base.support).all():
            return np.inf  # A density that stays above 0 over an endless stretch.
        edges = self._edges()
        density = self.naive_log_prob if naive else self.log_prob
        pieces = integrate.tanhsinh(
            lambda x: np.exp(density(x)), edges[:-1], edges[1:], atol=1e-9, rtol=1e-8, maxlevel=7
        )
        return float(np.nansum(pieces.integral))

    def one_shot_log_slope(self, z: ArrayLike) -> FloatArray:
        r"""Return :math:`\log|f'|` [n] of the whole composition at z [n], by a complex step.

        .. math::
            f'(z) = \operatorname{Im} f(z + ih) / h + O(h^2)

        It subtracts nothing, and so is right to the last digits however flat f is. It knows nothing
        of the single maps' slopes, and so it judges their sum; below about -660 it is -inf.

        References:
            Squire & Trapp, *Using complex variables to estimate derivatives of real functions*,
            1998.
        """
        values = np.asarray(z, float) + 1j * _COMPLEX_STEP
        with np.errstate(all="ignore"):
            for step in self.maps:
                values = step.forward(values)
            return np.asarray(np.log(np.abs(values.imag) / _COMPLEX_STEP), float)

    def _edges(self) -> FloatArray:
        """Return where pieces of x begin and end: dense where z is likely, and out to the tails."""
        low, high = self.base.reach
        even = np.linspace(-1, 1, _PIECES + 1)
        # Steps that grow towards both ends: a peak near the middle and tails far out alike.
        reach = (low + high) / 2 + (high - low) / 2 * np.sign(even) * np.abs(even) ** 3
        likely = self.base.quantile(np.linspace(0, 1, _PIECES + 1)[1:-1])
        with np.errstate(all="ignore"):
            x = np.concatenate([self.forward(np.union1d(reach, likely)), *self._kinks()])
        x = np.unique(x[np.isfinite(x)])
        return np.union1d(x, self.supports[-1])

    def _kinks(self) -> list[FloatArray]:
        """Return the x at which the density has corners, for each map."""
        corners = []
        for k, step in enumerate(self.maps):
            low, high = self.supports[k]
            values = np.array([z for z in step.kinks if low < z < high])
            for later in self.maps[k:]:
                values = later.forward(values)
            corners.append(values)
        return corners


def _interval(interval: Interval) -> str:
    low, high = (number(end, 3) for end in interval)
    return f"({low}, {high})"
