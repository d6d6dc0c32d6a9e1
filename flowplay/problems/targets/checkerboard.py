"""A checkerboard with blurred edges."""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from flowplay.problems.base import FloatArray, Window
from flowplay.problems.targets.base import Target


class Checkerboard(Target):
    r"""Uniform on the eight dark squares of a 4 × 4 board over [−4, 4]², blurred by a Gaussian.

    A square blurred is a product of two blurred intervals, and the dark squares are those in an
    even column and row or in an odd column and row, so that

    .. math:: p(x, y) = \frac{1}{32} \big( E(x) E(y) + O(x) O(y) \big), \quad
              E(s) = \sum_{\text{even } i} \Phi\!\left(\tfrac{s - a_i}{\sigma}\right)
              - \Phi\!\left(\tfrac{s - a_i - 2}{\sigma}\right), \quad a_i = -4 + 2i

    and :math:`O` likewise over the odd :math:`i`.

    Args:
        noise: the standard deviation σ of the blur, in data units.

    References:
        FFJORD: Free-form Continuous Dynamics for Scalable Reversible Generative Models
        (Grathwohl et al., 2019).

    Example:
        >>> from flowplay.targets import TARGETS
        >>> dark, light = np.exp(TARGETS["checkerboard"].log_prob([[1.0, 1.0], [1.0, -1.0]]))
        >>> bool(np.isclose(dark, 1 / 32)), bool(light < 1e-50)
        (True, True)
    """

    name = "checkerboard"
    label = "Checkerboard"
    summary = (
        "Eight flat squares with sharp edges that touch at their corners: "
        "a smooth map can only approximate the edges."
    )
    default_noise = 0.05
    noise_range = (0.02, 0.5)

    side = 2.0

    @property
    def modes(self) -> tuple[FloatArray, float]:
        """Centres of the eight squares, and the radius of circles that fit into them."""
        places = [(i, j) for i in range(4) for j in range(4) if (i + j) % 2 == 0]
        return self.side * (np.array(places, float) - 1.5), self.side / 2

    @property
    def _core(self) -> Window:
        edge = 2 * self.side
        return -edge, edge, -edge, edge

    def _sample(self, n: int, seed: int) -> FloatArray:
        rng = np.random.default_rng(seed)
        column = rng.integers(4, size=n)
        row = column % 2 + 2 * rng.integers(2, size=n)
        corner = self.side * (np.column_stack([column, row]) - 2)
        blur = rng.normal(scale=self.noise, size=(n, 2))
        return corner + rng.uniform(0, self.side, size=(n, 2)) + blur

    def _log_prob(self, x: FloatArray) -> FloatArray:
        even, odd = (
            np.logaddexp(self._log_interval(x, i), self._log_interval(x, i + 2)) for i in (0, 1)
        )
        log_board = np.logaddexp(even.sum(axis=1), odd.sum(axis=1))
        log_prob: FloatArray = log_board - np.log(8 * self.side**2)
        return log_prob

    def _log_interval(self, s: FloatArray, i: int) -> FloatArray:
        """Log-mass of the i-th interval blurred, at each coordinate of ``s``."""
        half = self.side / 2
        # Φ(b) − Φ(a) = Φ(−a) − Φ(−b): the distance from the middle picks the side on which
        # neither is near 1, so that nothing cancels in the tails.
        distance = np.abs(s - (2 * i - 3) * half)
        log_upper: FloatArray = log_ndtr((half - distance) / self.noise)
        log_lower: FloatArray = log_ndtr((-half - distance) / self.noise)
        # Φ(lower)/Φ(upper) ≤ φ(lower)/φ(upper): holds the ratio once float64 loses the width.
        log_ratio = np.minimum(log_lower - log_upper, -2 * half * distance / self.noise**2)
        return log_upper + np.log1p(-np.exp(log_ratio))
