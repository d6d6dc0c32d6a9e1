"""Plane curves convolved with an isotropic Gaussian: a density by quadrature along the curve."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from math import ceil
from typing import ClassVar

import numpy as np

from flowplay.problems.base import FloatArray, Window
from flowplay.problems.targets.base import Target
from flowplay.problems.targets.mixture import mixture_log_prob

# Long panels: with 64 nodes each, the same number of nodes is a thousand times less accurate.
_PANEL_NODES = 128
_NODE_SPACING = 0.45  # largest mean distance of nodes along the curve, in noise stds
_POLYLINE_POINTS = 2001  # for lengths and boxes, which need no more than four digits


class CurveTarget(Target):
    r"""Congruent arms of a curve, convolved with an isotropic Gaussian.

    A subclass gives the curve :math:`c_k(t)` of each of its :math:`K` arms and the density
    :math:`q(t)` of the parameter on :math:`[a, b]`. Then

    .. math:: p(x) = \frac1K \sum_{k=1}^{K} \int_a^b q(t)\, \mathcal{N}(x; c_k(t), \sigma^2 I)\, dt

    by composite Gauss-Legendre quadrature with at least two nodes per σ of arc length. Anywhere in
    the picture window the log-density is then exact to 1e-5 nats at worst, and near the curve to
    rounding; far outside it its *relative* error stays negligible.

    Args:
        noise: the standard deviation σ of the Gaussian, in data units.
    """

    interval: ClassVar[tuple[float, float]]

    @abstractmethod
    def _curve(self, t: FloatArray) -> FloatArray:
        """Noise-free points ``[arms, m, 2]`` at the parameters ``t`` ``[m]``."""

    def _parameter_density(self, t: FloatArray) -> FloatArray:
        """Density ``[m]`` of the parameter at ``t`` ``[m]``; uniform unless overridden."""
        low, high = self.interval
        return np.full_like(t, 1 / (high - low))

    @cached_property
    def _quadrature(self) -> tuple[FloatArray, FloatArray]:
        """Nodes ``[m, 2]`` on the arms and their weights ``[m]``, which sum to 1."""
        t = np.linspace(*self.interval, _POLYLINE_POINTS)
        steps = np.hypot(*np.diff(self._curve(t)[0], axis=0).T)
        length = np.concatenate([[0.0], np.cumsum(steps)])
        panels = ceil(length[-1] / (_PANEL_NODES * _NODE_SPACING * self.noise))
        # Panels of equal length, not of equal parameter: an arm may run ten times as fast outside.
        edges = np.interp(np.linspace(0, length[-1], panels + 1), length, t)
        nodes, node_weights = np.polynomial.legendre.leggauss(_PANEL_NODES)
        half_widths = np.diff(edges)[:, None] / 2
        t = (edges[:-1, None] + half_widths * (1 + nodes)).ravel()
        weights = (half_widths * node_weights).ravel() * self._parameter_density(t)
        arms = self._curve(t)
        return arms.reshape(-1, 2), np.tile(weights / len(arms), len(arms))

    @cached_property
    def _core(self) -> Window:
        points = self._curve(np.linspace(*self.interval, _POLYLINE_POINTS)).reshape(-1, 2)
        (x_min, y_min), (x_max, y_max) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return x_min, x_max, y_min, y_max

    def _log_prob(self, x: FloatArray) -> FloatArray:
        return mixture_log_prob(x, *self._quadrature, self.noise)
