"""Monotone maps x = f(z) of the line, each with its inverse and its log-slope."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from flowplay.onedim.bases import FloatArray, Interval, Numbers

_LINE: Interval = (-np.inf, np.inf)


class MonotoneMap(ABC):
    r"""A strictly monotone, differentiable map :math:`f` of an interval onto another.

    Attributes:
        domain: where it is defined.
        kinks: values of z at which the slope has a corner.
    """

    domain: ClassVar[Interval] = _LINE
    kinks: tuple[float, ...] = ()

    @abstractmethod
    def forward(self, z: Numbers) -> Numbers:
        """Return x = f(z), elementwise; an imaginary part goes along as in the complex plane."""

    @abstractmethod
    def inverse(self, x: FloatArray) -> FloatArray:
        """Return z with f(z) = x, elementwise."""

    @abstractmethod
    def log_slope(self, z: FloatArray) -> FloatArray:
        r"""Return :math:`\log|f'(z)|` in nats, elementwise."""

    @property
    def increasing(self) -> bool:
        """Whether f rises."""
        return True

    def image(self, interval: Interval) -> Interval:
        """Return the ends of what f makes of an interval, the lower one first."""
        with np.errstate(all="ignore"):
            ends = self.forward(np.array(interval, float))
        low, high = sorted(float(end) for end in ends)
        return low, high


@dataclass(frozen=True)
class Affine(MonotoneMap):
    r"""Stretch and shift.

    .. math::
        f(z) = a z + b, \qquad f'(z) = a

    Raises:
        ValueError: if a is 0.

    Example:
        >>> Affine(2.0, 3.0).forward(np.array([0.0, 1.0]))
        array([3., 5.])
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        """Refuse a map without an inverse."""
        if self.a == 0:
            raise ValueError(
                "a = 0 maps every z to the same point b: there is no inverse, and 1/|a| is not "
                "defined."
            )

    def forward(self, z: Numbers) -> Numbers:
        """See `MonotoneMap`."""
        return self.a * z + self.b

    def inverse(self, x: FloatArray) -> FloatArray:
        """See `MonotoneMap`."""
        return (x - self.b) / self.a

    def log_slope(self, z: FloatArray) -> FloatArray:
        """See `MonotoneMap`."""
        return np.full_like(z, np.log(abs(self.a)))

    @property
    def increasing(self) -> bool:
        """Whether a is positive."""
        return self.a > 0


@dataclass(frozen=True)
class Sinh(MonotoneMap):
    r"""Stretch the tails; hardly change the middle.

    .. math::
        f(z) = \sinh(s z) / s, \qquad f'(z) = \cosh(s z)

    Args:
        s: strength, positive.
    """

    s: float

    def forward(self, z: Numbers) -> Numbers:
        """See `MonotoneMap`; infinity where sinh leaves what numbers can hold."""
        with np.errstate(over="ignore"):
            return np.asarray(np.sinh(self.s * z) / self.s, z.dtype)

    def inverse(self, x: FloatArray) -> FloatArray:
        """See `MonotoneMap`."""
        return np.arcsinh(self.s * x) / self.s

    def log_slope(self, z: FloatArray) -> FloatArray:
        r"""See `MonotoneMap`; :math:`\log\cosh`, also where cosh overflows."""
        t = self.s * z
        return np.asarray(np.logaddexp(t, -t) - np.log(2.0), float)


@dataclass(frozen=True)
class Softplus(MonotoneMap):
    r"""Map the line to the positive numbers.

    .. math::
        f(z) = \log(1 + e^{k z}) / k, \qquad f'(z) = \sigma(k z)

    Args:
        k: sharpness of the bend, positive.
    """

    k: float

    def forward(self, z: Numbers) -> Numbers:
        """See `MonotoneMap`."""
        t = self.k * z
        bent = np.where(t.real > 0, t, 0.0) + np.log1p(np.exp(_folded(t)))
        return np.asarray(bent / self.k, z.dtype)

    def inverse(self, x: FloatArray) -> FloatArray:
        r"""See `MonotoneMap`; :math:`z = x + \log(1 - e^{-k x}) / k`."""
        with np.errstate(divide="ignore"):
            return x + np.log(-np.expm1(-self.k * x)) / self.k

    def log_slope(self, z: FloatArray) -> FloatArray:
        """See `MonotoneMap`."""
        return np.asarray(special.log_expit(self.k * z), float)


@dataclass(frozen=True)
class Cubic(MonotoneMap):
    r"""Add a cube: the further out, the more it stretches.

    .. math::
        f(z) = z + c z^3, \qquad f'(z) = 1 + 3 c z^2

    The inverse is the one real root of the cubic, in a form that loses no digits.

    Args:
        c: strength, not negative.
    """

    c: float

    def forward(self, z: Numbers) -> Numbers:
        """See `MonotoneMap`; infinity where the cube leaves what numbers can hold."""
        with np.errstate(over="ignore"):
            return z * (1 + self.c * z**2) if self.c else z

    def inverse(self, x: FloatArray) -> FloatArray:
        """See `MonotoneMap`."""
        if self.c == 0:
            return x
        r = np.sqrt(3.0 * self.c)
        return np.asarray(2.0 / r * np.sinh(np.arcsinh(1.5 * r * x) / 3.0), float)

    def log_slope(self, z: FloatArray) -> FloatArray:
        """See `MonotoneMap`."""
        return np.log1p(3.0 * self.c * z**2)


@dataclass(frozen=True)
class Logistic(MonotoneMap):
    r"""Map the whole line to (0, 1).

    .. math::
        f(z) = \sigma(k z) = \frac{1}{1 + e^{-k z}}, \qquad f'(z) = k\,f(z)\,(1 - f(z))

    Args:
        k: steepness, positive.
    """

    k: float

    def forward(self, z: Numbers) -> Numbers:
        """See `MonotoneMap`."""
        return _expit(self.k * z)

    def inverse(self, x: FloatArray) -> FloatArray:
        """See `MonotoneMap`."""
        return np.asarray(special.logit(x), float) / self.k

    def log_slope(self, z: FloatArray) -> FloatArray:
        """See `MonotoneMap`."""
        t = self.k * z
        return np.asarray(np.log(self.k) + special.log_expit(t) + special.log_expit(-t), float)


@dataclass(frozen=True)
class Logit(MonotoneMap):
    r"""Map (0, 1) to the whole line: the inverse of the logistic map.

    .. math::
        f(z) = \frac{1}{k} \log\frac{z}{1 - z}, \qquad f'(z) = \frac{1}{k\,z\,(1 - z)}

    Args:
        k: steepness of the logistic map whose inverse this is, positive.
    """

    k: float
    domain: ClassVar[Interval] = (0.0, 1.0)

    def forward(self, z: Numbers) -> Numbers:
        """See `MonotoneMap`; infinite at the ends of the domain, NaN outside."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((np.log(z) - np.log1p(-z)) / self.k, z.dtype)

    def inverse(self, x: FloatArray) -> FloatArray:
        """See `MonotoneMap`."""
        return np.asarray(special.expit(self.k * x), float)

    def log_slope(self, z: FloatArray) -> FloatArray:
        """See `MonotoneMap`."""
        with np.errstate(divide="ignore"):
            return np.asarray(-np.log(z) - np.log1p(-z) - np.log(self.k), float)


def _folded(t: Numbers) -> Numbers:
    """Return -t where t is positive, and t elsewhere: what exp never sends to infinity."""
    return np.asarray(np.where(t.real > 0, -t, t), t.dtype)


def _expit(t: Numbers) -> Numbers:
    r"""Return :math:`\sigma(t)`, complex where t is, which scipy's cannot."""
    small = np.exp(_folded(t))
    return np.asarray(np.where(t.real > 0, 1.0, small) / (1.0 + small), t.dtype)
