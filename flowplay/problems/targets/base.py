"""What every target shares: the contract, the validation, the entropy and the picture window."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from flowplay.catalog import Real
from flowplay.problems.base import DataProblem, FloatArray, Window

_OVERFLOW_RADIUS = 1e150  # beyond it |x|² / 2σ² may leave float64
_SEED_LIMIT = 2**32  # scikit-learn's own
_HELD_OUT_SEEDS = 2**31  # held-out points come from seeds of their own
_BOUNDS_STEP = 0.25
_BOUNDS_STDS = 4.5  # 1e-5 of a Gaussian's mass lies outside, in each direction
_BOUNDS_MARGIN = 1.05
_ENTROPY_STDS = 8.0  # what lies outside adds less than 1e-12 nats
_ENTROPY_STEP = 0.7  # in noise stds; halving it changes no entropy by 1e-5 nats


@dataclass(frozen=True)
class Target(DataProblem):
    r"""A 2D density that can be sampled and evaluated exactly.

    A subclass sets the class attributes and implements :meth:`_sample`, :meth:`_log_prob` and
    :attr:`_core`; validation, entropy and the picture window come from here.

    Args:
        noise: standard deviation of the noise, in data units, within ``noise_range``.

    Attributes:
        default_noise: noise of the target in ``TARGETS``.
        noise_range: smallest and largest noise allowed.

    Raises:
        ValueError: if ``noise`` lies outside ``noise_range``.

    Example:
        >>> from flowplay.targets import TARGETS
        >>> moons = TARGETS["moons"]
        >>> x = moons.sample(1000, seed=0)
        >>> moons.log_prob(x).shape
        (1000,)
        >>> round(moons.entropy, 2)
        0.29
        >>> moons.window
        (-1.5, 2.5, -1.75, 2.25)
    """

    default_noise: ClassVar[float]
    noise_range: ClassVar[tuple[float, float]]

    noise: float

    def __init_subclass__(cls) -> None:
        """Make the noise an option of every target that says what it is at first."""
        if hasattr(cls, "default_noise"):
            cls.options = (
                Real(
                    "noise",
                    "Noise",
                    "Standard deviation of the noise around the target's shape, in data units.",
                    cls.default_noise,
                    *cls.noise_range,
                ),
            )

    def __post_init__(self) -> None:
        """Refuse a noise out of range."""
        low, high = self.noise_range
        if not low <= self.noise <= high:
            raise ValueError(
                f"The noise of {self.name!r} must lie in [{low:g}, {high:g}], got {self.noise:g}."
            )

    def sample(self, n: int, seed: int) -> FloatArray:
        """Draw ``n`` points, in an order such that any prefix is a fair sample too.

        Args:
            n: number of points, at least 0.
            seed: from 0 to 2³² − 1; the same ``(n, seed)`` gives the same points.

        Returns:
            Points ``[n, 2]`` in data units.

        Raises:
            ValueError: if ``n`` is negative or ``seed`` out of range.
        """
        if n < 0:
            raise ValueError(f"The number of points must not be negative, got {n}.")
        if not 0 <= seed < _SEED_LIMIT:
            raise ValueError(f"The seed must lie in [0, 2**32 - 1], got {seed}.")
        return self._sample(n, seed) if n else np.empty((0, 2))

    def training_points(self, n: int, seed: int) -> FloatArray:
        """Draw ``n`` points ``[n, 2]`` to train on; see :meth:`sample`."""
        return self.sample(n, seed)

    def held_out_points(self, n: int, seed: int) -> FloatArray:
        """Draw ``n`` points ``[n, 2]`` from a seed with which no run trains.

        Args:
            n: number of points.
            seed: from 0 to 2³¹ − 1.
        """
        return self.sample(n, seed + _HELD_OUT_SEEDS)

    @property
    def modes(self) -> tuple[FloatArray, float] | None:
        """Centres ``[K, 2]`` of separate modes, and their radius; None where there are none."""
        return None

    @property
    def dim(self) -> int:
        """2."""
        return 2

    @property
    def density(self) -> Self:
        """The target itself."""
        return self

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Evaluate the exact log-density.

        Args:
            x: points ``[n, 2]`` in data units.

        Returns:
            Log-density ``[n]`` in nats: finite up to a distance of 1e150, where squares leave
            float64, and −inf beyond.

        Raises:
            ValueError: if ``x`` is not of shape ``[n, 2]`` or holds a NaN.
        """
        points = np.asarray(x, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"Points must have shape [n, 2], got {list(points.shape)}.")
        if np.isnan(points).any():
            raise ValueError("Points must not hold NaN.")
        log_prob = np.full(len(points), -np.inf)
        inside = np.abs(points).max(axis=1, initial=0.0) <= _OVERFLOW_RADIUS
        log_prob[inside] = self._log_prob(points[inside])
        return log_prob

    @cached_property
    def entropy(self) -> float:
        r"""Differential entropy in nats: the least expected NLL of any model.

        .. math:: h = -\int p(x) \log p(x) \, dx

        Computed when first asked for, by :func:`entropy_by_trapezoid`.
        """
        window = expand(self._core, _ENTROPY_STDS * self._spread)
        return entropy_by_trapezoid(self._isentropic_log_prob, window, _ENTROPY_STEP * self.noise)

    @cached_property
    def window(self) -> Window:
        """Square picture window ``(x_min, x_max, y_min, y_max)`` with 99.99 % of the mass."""
        x_min, x_max, y_min, y_max = expand(self._core, _BOUNDS_STDS * self._spread)
        center_x = _BOUNDS_STEP * round((x_min + x_max) / 2 / _BOUNDS_STEP)
        center_y = _BOUNDS_STEP * round((y_min + y_max) / 2 / _BOUNDS_STEP)
        reach = max(x_max - center_x, center_x - x_min, y_max - center_y, center_y - y_min)
        half = _BOUNDS_STEP * ceil(_BOUNDS_MARGIN * reach / _BOUNDS_STEP)
        return center_x - half, center_x + half, center_y - half, center_y + half

    @property
    @abstractmethod
    def _core(self) -> Window:
        """Box around the data without its noise."""

    @property
    def _spread(self) -> float:
        """Largest standard deviation with which the data leave :attr:`_core`."""
        return self.noise

    @abstractmethod
    def _sample(self, n: int, seed: int) -> FloatArray:
        """:meth:`sample` for ``n >= 1`` and a valid seed."""

    @abstractmethod
    def _log_prob(self, x: FloatArray) -> FloatArray:
        """:meth:`log_prob` for checked points of coordinates up to 1e150."""

    def _isentropic_log_prob(self, x: FloatArray) -> FloatArray:
        """Log-density to integrate for the entropy: an easier one of equal entropy, if any."""
        return self._log_prob(x)


def expand(box: Window, margin: float) -> Window:
    """Move each side of a box outwards.

    Args:
        box: the box, in data units.
        margin: distance that each side moves, in data units.

    Returns:
        The larger box.

    Example:
        >>> expand((0.0, 1.0, 0.0, 2.0), 0.5)
        (-0.5, 1.5, -0.5, 2.5)
    """
    x_min, x_max, y_min, y_max = box
    return x_min - margin, x_max + margin, y_min - margin, y_max + margin


def entropy_by_trapezoid(
    log_prob: Callable[[FloatArray], FloatArray], window: Window, step: float
) -> float:
    r"""Integrate :math:`-p \log p` over a box by the trapezoidal rule.

    The rule converges faster than any power of ``step`` for a smooth integrand that vanishes at
    the border, and a density blurred by a Gaussian is one.

    Args:
        log_prob: log-density in nats, from points ``[n, 2]`` to ``[n]``.
        window: the box, outside of which the density is negligible.
        step: distance of the nodes, below the narrowest standard deviation of the density.

    Returns:
        Differential entropy in nats.

    References:
        The Exponentially Convergent Trapezoidal Rule (Trefethen and Weideman, 2014).

    Example:
        >>> standard_normal = lambda x: -np.log(2 * np.pi) - (x**2).sum(axis=1) / 2
        >>> h = entropy_by_trapezoid(standard_normal, (-9.0, 9.0, -9.0, 9.0), step=0.7)
        >>> bool(np.isclose(h, 1 + np.log(2 * np.pi)))
        True
    """
    x_min, x_max, y_min, y_max = window
    xx, yy = np.meshgrid(np.arange(x_min, x_max, step), np.arange(y_min, y_max, step))
    values = log_prob(np.column_stack([xx.ravel(), yy.ravel()]))
    return float(-step * step * np.dot(np.exp(values), values))
