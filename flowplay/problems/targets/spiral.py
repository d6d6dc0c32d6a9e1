"""Two intertwined spiral arms."""

from __future__ import annotations

import numpy as np

from flowplay.problems.base import FloatArray
from flowplay.problems.targets.curve import CurveTarget


class Spiral(CurveTarget):
    r"""Two arms of an Archimedean spiral of one and a half turns, each other's point reflection.

    .. math:: c_{1,2}(t) = \pm\tfrac{t}{3} (-\cos t, \sin t), \quad t = 3\pi\sqrt{u}, \quad
              u \sim \mathcal{U}(0, 1)

    The square root spreads the points evenly along the arms, but near the center.

    Args:
        noise: the standard deviation of the noise, in data units.

    References:
        Learning to Tell Two Spirals Apart (Lang and Witbrock, 1988).

        FFJORD: Free-form Continuous Dynamics for Scalable Reversible Generative Models
        (Grathwohl et al., 2019).

    Example:
        >>> from flowplay.targets import TARGETS
        >>> spiral = TARGETS["spiral"]
        >>> bool(np.isclose(*spiral.log_prob([[1.0, 2.0], [-1.0, -2.0]])))
        True
    """

    name = "spiral"
    label = "Two spirals"
    summary = (
        "Two long, thin arms wound around each other: "
        "a flow has to turn the outside much further than the inside, which takes many layers."
    )
    default_noise = 0.1
    noise_range = (0.04, 0.4)
    interval = (0.0, 3 * np.pi)

    def _curve(self, t: FloatArray) -> FloatArray:
        arm = np.column_stack([-np.cos(t), np.sin(t)]) * (t / 3)[:, None]
        return np.stack([arm, -arm])

    def _parameter_density(self, t: FloatArray) -> FloatArray:
        return t * (2 / self.interval[1] ** 2)

    def _sample(self, n: int, seed: int) -> FloatArray:
        rng = np.random.default_rng(seed)
        arms = self._curve(self.interval[1] * np.sqrt(rng.uniform(size=n)))
        x: FloatArray = arms[rng.integers(2, size=n), np.arange(n)]
        return x + rng.normal(scale=self.noise, size=(n, 2))
