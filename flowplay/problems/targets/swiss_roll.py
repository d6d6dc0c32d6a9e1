"""Scikit-learn's Swiss roll, seen from its side."""

from __future__ import annotations

import numpy as np

from flowplay.problems.base import FloatArray
from flowplay.problems.targets.curve import CurveTarget

_SCALE = 3 / (4.5 * np.pi)  # the roll's outer end comes to a distance of 3


class SwissRoll(CurveTarget):
    r"""The x and z columns of ``make_swiss_roll``, scaled to a radius of 3.

    .. math:: c(t) = \tfrac{3}{4.5\pi}\, t\, (\cos t, \sin t), \quad
              t \sim \mathcal{U}(1.5\pi, 4.5\pi)

    The parameter is uniform, not the arc length: the roll thins out towards its outer end.

    Args:
        noise: the standard deviation of the noise, in data units, that is, after scaling.

    References:
        Machine Learning: An Algorithmic Perspective (Marsland, 2009).

    Example:
        >>> from flowplay.targets import TARGETS
        >>> TARGETS["swiss_roll"].window
        (-3.25, 3.75, -3.25, 3.75)
    """

    name = "swiss_roll"
    label = "Swiss roll"
    summary = (
        "One sheet rolled up, thinner towards the outside: "
        "a flow has to roll up a single connected curve."
    )
    default_noise = 0.1
    noise_range = (0.04, 0.4)
    interval = (1.5 * np.pi, 4.5 * np.pi)

    def _curve(self, t: FloatArray) -> FloatArray:
        roll: FloatArray = _SCALE * t * np.stack([np.cos(t), np.sin(t)])
        return roll.T[None]

    def _sample(self, n: int, seed: int) -> FloatArray:
        from sklearn.datasets import make_swiss_roll

        x: FloatArray = make_swiss_roll(n, noise=self.noise / _SCALE, random_state=seed)[0]
        return _SCALE * x[:, [0, 2]]
