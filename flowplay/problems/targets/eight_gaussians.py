"""Eight Gaussians on a circle."""

from __future__ import annotations

import numpy as np

from flowplay.problems.base import FloatArray, Window
from flowplay.problems.targets.base import Target
from flowplay.problems.targets.mixture import mixture_log_prob


class EightGaussians(Target):
    r"""Eight Gaussians of equal weight, evenly spaced on a circle of radius 3.

    .. math:: p(x) = \frac18 \sum_{k=0}^{7} \mathcal{N}(x; 3\,(\cos\tfrac{k\pi}{4},
              \sin\tfrac{k\pi}{4}), \sigma^2 I)

    Args:
        noise: the standard deviation σ of each Gaussian, in data units.

    References:
        Unrolled Generative Adversarial Networks (Metz et al., 2017).

    Example:
        >>> from flowplay.targets import TARGETS
        >>> TARGETS["eight_gaussians"].log_prob([[3.0, 0.0], [0.0, 0.0]]).round(2)
        array([ -1.51, -49.43])
    """

    name = "eight_gaussians"
    label = "Eight Gaussians"
    summary = (
        "Eight separate clusters on a circle: a flow that starts from one Gaussian always "
        "leaves bridges of density between them."
    )
    default_noise = 0.3
    noise_range = (0.05, 0.8)

    radius = 3.0

    @property
    def modes(self) -> tuple[FloatArray, float]:
        """Centres of the Gaussians, and three of their standard deviations."""
        return self._centers, 3 * self.noise

    @property
    def _centers(self) -> FloatArray:
        angles = np.arange(8) * (np.pi / 4)
        centers: FloatArray = self.radius * np.column_stack([np.cos(angles), np.sin(angles)])
        return centers

    @property
    def _core(self) -> Window:
        return -self.radius, self.radius, -self.radius, self.radius

    def _sample(self, n: int, seed: int) -> FloatArray:
        rng = np.random.default_rng(seed)
        return self._centers[rng.integers(8, size=n)] + rng.normal(scale=self.noise, size=(n, 2))

    def _log_prob(self, x: FloatArray) -> FloatArray:
        return mixture_log_prob(x, self._centers, np.full(8, 1 / 8), self.noise)
