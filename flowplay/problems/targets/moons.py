"""Scikit-learn's two moons."""

from __future__ import annotations

import numpy as np

from flowplay.problems.base import FloatArray
from flowplay.problems.targets.curve import CurveTarget


class Moons(CurveTarget):
    r"""Two interleaving half circles of radius 1, sampled by ``make_moons``.

    .. math:: c_1(t) = (\cos t, \sin t), \quad c_2(t) = (1 - \cos t, \tfrac12 - \sin t),
              \quad t \sim \mathcal{U}(0, \pi)

    Args:
        noise: the standard deviation of the noise, in data units.

    References:
        Scikit-learn: Machine Learning in Python (Pedregosa et al., 2011).

    Example:
        >>> from flowplay.targets import TARGETS
        >>> TARGETS["moons"].sample(4, seed=0).shape
        (4, 2)
    """

    name = "moons"
    label = "Two moons"
    summary = (
        "Two interleaving half circles, a common first test: "
        "a flow has to bend a Gaussian, and leaves a thin bridge between the two."
    )
    default_noise = 0.05
    noise_range = (0.02, 0.3)
    interval = (0.0, np.pi)

    def _curve(self, t: FloatArray) -> FloatArray:
        outer = np.column_stack([np.cos(t), np.sin(t)])
        return np.stack([outer, np.array([1.0, 0.5]) - outer])

    def _sample(self, n: int, seed: int) -> FloatArray:
        from sklearn.datasets import make_moons

        x: FloatArray = make_moons(n, noise=self.noise, random_state=seed)[0]
        return x
