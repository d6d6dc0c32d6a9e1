"""Concentric rings with Gaussian noise: a density in closed form."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.special import i0e, logsumexp

from flowplay.problems.base import FloatArray, Window
from flowplay.problems.targets.base import Target


class ConcentricRings(Target):
    r"""Circles about the origin, of equal weight each, convolved with an isotropic Gaussian.

    With :math:`r = |x|` and the modified Bessel function :math:`I_0`,

    .. math:: p(x) = \frac1K \sum_{k=1}^{K} \frac{1}{2\pi\sigma^2}
              \exp\!\left(-\frac{r^2 + R_k^2}{2\sigma^2}\right)
              I_0\!\left(\frac{r R_k}{\sigma^2}\right)

    evaluated with the scaled :math:`e^{-z} I_0(z)`, which neither over- nor underflows.

    Args:
        noise: the standard deviation σ of the Gaussian, in data units.
    """

    radii: ClassVar[tuple[float, ...]]

    @property
    def _core(self) -> Window:
        largest = max(self.radii)
        return -largest, largest, -largest, largest

    def _log_prob(self, x: FloatArray) -> FloatArray:
        variance = self.noise**2
        r = np.hypot(x[:, 0], x[:, 1])[:, None]
        radii = np.array(self.radii)
        rings = np.log(i0e(r * radii / variance)) - (r - radii) ** 2 / (2 * variance)
        volume = 2 * np.pi * variance * len(radii)
        log_prob: FloatArray = logsumexp(rings, axis=1) - np.log(volume)
        return log_prob


class Circles(ConcentricRings):
    """Scikit-learn's two circles, of radius 0.5 and 1, sampled by ``make_circles``.

    Args:
        noise: the standard deviation of the noise, in data units.

    References:
        Scikit-learn: Machine Learning in Python (Pedregosa et al., 2011).

    Example:
        >>> from flowplay.targets import TARGETS
        >>> round(TARGETS["circles"].entropy, 2)
        0.61
    """

    name = "circles"
    label = "Two circles"
    summary = (
        "Two rings, one inside the other: the density of a flow is positive everywhere, "
        "so some of it always remains inside the rings and between them."
    )
    default_noise = 0.05
    noise_range = (0.02, 0.3)
    radii = (0.5, 1.0)

    def _sample(self, n: int, seed: int) -> FloatArray:
        from sklearn.datasets import make_circles

        x: FloatArray = make_circles(n, noise=self.noise, factor=0.5, random_state=seed)[0]
        return x


class Rings(ConcentricRings):
    """Four evenly spaced rings with the same number of points each, so the inner are denser.

    Args:
        noise: the standard deviation of the noise, in data units.

    References:
        FFJORD: Free-form Continuous Dynamics for Scalable Reversible Generative Models
        (Grathwohl et al., 2019).

    Example:
        >>> from flowplay.targets import TARGETS
        >>> TARGETS["rings"].radii
        (0.75, 1.5, 2.25, 3.0)
    """

    name = "rings"
    label = "Four rings"
    summary = (
        "Four rings of equal probability around each other: some density remains in every gap, "
        "and the innermost ring is four times as dense as the outermost."
    )
    default_noise = 0.08
    noise_range = (0.03, 0.4)
    radii = (0.75, 1.5, 2.25, 3.0)

    def _sample(self, n: int, seed: int) -> FloatArray:
        rng = np.random.default_rng(seed)
        r = rng.choice(self.radii, size=n)
        angle = rng.uniform(0, 2 * np.pi, size=n)
        ring = np.column_stack([r * np.cos(angle), r * np.sin(angle)])
        return ring + rng.normal(scale=self.noise, size=(n, 2))
