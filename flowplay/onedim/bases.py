"""The densities that a map of the line starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FloatArray: TypeAlias = NDArray[np.float64]
Numbers = TypeVar("Numbers", NDArray[np.float64], NDArray[np.complex128])
"""Real values, or real ones that carry a tiny imaginary part along."""

Interval: TypeAlias = tuple[float, float]
"""Two ends, the lower one first; either may be infinite."""


@dataclass(frozen=True)
class Base:
    r"""A density :math:`p_z` of the line, with its quantiles.

    Args:
        name: key of the base in ``BASES``.
        label: name to show.
        summary: one sentence about it.
        distribution: one of scipy's, with ``logpdf``, ``icdf`` and ``sample``.
        support: where the density is positive.
        reach: a finite interval that holds all but about :math:`10^{-20}` of the probability, and
            of the probability times any slope of a single map.

    Example:
        >>> BASES["normal"].log_prob([0.0]).round(4)
        array([-0.9189])
        >>> BASES["uniform"].quantile([0.25, 0.5])
        array([0.25, 0.5 ])
    """

    name: str
    label: str
    summary: str
    distribution: Any
    support: Interval
    reach: Interval

    def log_prob(self, z: ArrayLike) -> FloatArray:
        """Return the log-density at z, in nats; minus infinity outside the support."""
        return np.asarray(self.distribution.logpdf(np.asarray(z, float)), float)

    def quantile(self, probability: ArrayLike) -> FloatArray:
        """Return the z below which so much of the probability lies."""
        return np.asarray(self.distribution.icdf(np.asarray(probability, float)), float)

    def sample(self, n: int, seed: int) -> FloatArray:
        """Draw n values; the same seed draws the same."""
        draws = self.distribution.sample((n,), rng=np.random.default_rng(seed))
        return np.asarray(draws, float)

    @cached_property
    def window(self) -> Interval:
        """The part of the line that a picture shows."""
        low, high = (float(q) for q in self.quantile([5e-4, 1 - 5e-4]))
        return max(low, self.support[0]), min(high, self.support[1])


_LINE: Interval = (-np.inf, np.inf)
_Logistic = stats.make_distribution(stats.logistic)

NORMAL = Base(
    "normal",
    "Normal",
    "The usual base: mean 0, variance 1.",
    stats.Normal(mu=0.0, sigma=1.0),
    _LINE,
    (-12.0, 12.0),
)
UNIFORM = Base(
    "uniform",
    "Uniform",
    "Constant density on (0, 1), zero outside. It shows where a map moves the two edges.",
    stats.Uniform(a=0.0, b=1.0),
    (0.0, 1.0),
    (0.0, 1.0),
)
LOGISTIC = Base(
    "logistic",
    "Logistic",
    "A bell with heavier tails: the density of logit(u) for uniform u.",
    _Logistic(),
    _LINE,
    (-250.0, 250.0),
)
TWO_BUMPS = Base(
    "two_bumps",
    "Two bumps",
    "A mixture of two normal densities: 60 % around −1.3, 40 % around 1.2.",
    stats.Mixture(
        [stats.Normal(mu=-1.3, sigma=0.5), stats.Normal(mu=1.2, sigma=0.6)], weights=[0.6, 0.4]
    ),
    _LINE,
    (-9.0, 9.0),
)

BASES: Mapping[str, Base] = MappingProxyType(
    {base.name: base for base in (NORMAL, UNIFORM, LOGISTIC, TWO_BUMPS)}
)
