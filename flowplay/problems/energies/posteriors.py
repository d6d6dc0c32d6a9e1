"""Two real posteriors of two parameters each, given a few data that can be changed."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.catalog import Pairs, Real
from flowplay.problems.base import FloatArray, Window
from flowplay.problems.energies.base import ENERGY_OPTIONS, Array, Energy, Frame, Functions

#: Standard deviation of each parameter before any data.
PRIOR_STD = 2.0

#: Inputs between which predictions are shown.
INPUTS = (-3.0, 3.0)

#: Points of the data at most, and how far from 0 their numbers may be.
MOST_PAIRS = 40
REACH = 10.0

#: Standard deviations, as of a Gaussian at the mode, that a picture shows at least.
_SEEN_STDS = 2.0

#: Newton's method ends after so many steps, or when a step gains less nats than this.
_NEWTON_STEPS = 100
_CLOSE = 1e-16

#: Part of a value by which rounding may make it smaller.
_ROUNDING = 1e-14


@dataclass(frozen=True)
class Posterior(Energy):
    r"""The posterior of an intercept :math:`\theta_1` and a slope :math:`\theta_2`, given pairs.

    .. math::
        -U(\theta) = \log \mathcal{N}(\theta; 0, 2^2 I)
        + \sum_i \log p(y_i \mid \theta_1 + \theta_2 x_i)

    Its constant Z is the evidence of the data (up to constants of the likelihood), so that the
    ELBO is the bound that variational inference is named for.

    Args:
        pairs: the data as text, `x y` for each, separated by commas.
    """

    parameters: ClassVar[tuple[str, str]] = ("intercept", "slope")
    output: ClassVar[str]

    pairs: str = ""

    @cached_property
    def data(self) -> FloatArray:
        """The data [n, 2]: inputs and outputs."""
        return np.array(PAIRS.pairs(self.pairs), dtype=np.float64).reshape(-1, 2)

    @property
    def window(self) -> Window:
        """Two standard deviations of the prior, or so many times this that the mass is inside."""
        mode, matrix = self.frame
        farthest = np.abs(mode) + _SEEN_STDS * np.linalg.norm(matrix, axis=1)
        least = 2 * PRIOR_STD
        reach = least * max(1.0, float(np.ceil(farthest.max() / least)))
        return -reach, reach, -reach, reach

    @cached_property
    def frame(self) -> Frame:
        r"""The mode, and a matrix L with L Lᵀ the inverse of the Hessian of U there.

        The mode is found by Newton's method: U is convex.
        """
        features = np.column_stack([np.ones(len(self.data)), self.data[:, 0]])
        seen = self.data[:, 1]
        theta = np.zeros(2)
        for _ in range(_NEWTON_STEPS):
            slope, curvature = self.derivatives(features @ theta, seen)
            gradient = features.T @ slope - theta / PRIOR_STD**2
            hessian = np.eye(2) / PRIOR_STD**2 - features.T @ (curvature[:, None] * features)
            step = np.linalg.solve(hessian, gradient)
            # Far from the mode of a logistic regression a whole step may lead away from it.
            while self._gain(theta, step) < 0:
                step = step / 2
            theta = theta + step
            if step @ hessian @ step < _CLOSE:
                break
        return Frame(theta, np.linalg.cholesky(np.linalg.inv(hessian)))

    @property
    def box(self) -> Window:
        """Nine standard deviations of the prior around the mode: U is convex, so that is all."""
        reach = 9 * PRIOR_STD * float(np.linalg.norm(np.linalg.inv(self.frame.matrix), 2))
        return -reach, reach, -reach, reach

    def log_unnormalized(self, x: Array, y: Array, xp: Functions) -> Array:
        """Return the log of prior times likelihood, without the prior's constant."""
        total = -(x**2 + y**2) / (2 * PRIOR_STD**2)
        for at, seen in self.data.tolist():
            total = total + self.log_likelihood(x + y * at, seen, xp)
        return total

    @abstractmethod
    def log_likelihood(self, predictor: Array, seen: float, xp: Functions) -> Array:
        """Return the log-likelihood of one output, given intercept + slope · input."""

    @abstractmethod
    def derivatives(self, predictor: FloatArray, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the first two derivatives of log-likelihoods by the predictor, each [n]."""

    @abstractmethod
    def mean_output(self, predictor: FloatArray) -> FloatArray:
        """Return the expected output, given intercept + slope · input."""

    def predictive(self, inputs: NDArray[np.floating]) -> FloatArray:
        """Return the posterior predictive mean [n] at inputs [n], by quadrature."""
        grid, values = self._quadrature()
        xx, yy = grid.points
        weights = np.exp(values - self.log_z) * grid.areas
        keep = weights > 1e-12
        weights, xx, yy = weights[keep], xx[keep], yy[keep]
        return np.array([weights @ self.mean_output(xx + yy * at) for at in inputs])

    def _gain(self, theta: Array, step: Array) -> float:
        before, after = (
            self.log_unnormalized(at[:1], at[1:], np)[0] for at in (theta, theta + step)
        )
        return float(after - before + _ROUNDING * abs(before))


PAIRS = Pairs(
    "pairs",
    "Data",
    "The data: an input and an output for each point, as in `-1 0, 0.5 1`.",
    "",
    MOST_PAIRS,
    REACH,
)


def _pairs(default: str) -> Pairs:
    return Pairs(PAIRS.name, PAIRS.label, PAIRS.help, default, MOST_PAIRS, REACH)


_LABELLED = "-2.2 0, -1.4 0, -0.9 0, -0.3 1, 0.2 0, 0.7 1, 1.5 1, 2.1 1"
_MEASURED = "-2 -1.6, -1.2 -0.2, 0.4 0.9, 1.1 0.6, 1.9 2.1"


@dataclass(frozen=True)
class PosteriorLogistic(Posterior):
    r"""Bayesian logistic regression with two weights.

    .. math:: p(y = 1 \mid x, \theta) = \sigma(\theta_1 + \theta_2 x)
    """

    name = "posterior_logistic"
    label = "Logistic regression"
    summary = (
        "The posterior of the two weights of a logistic regression, given a few labelled points. "
        "With fewer points it is wider."
    )
    options = (*ENERGY_OPTIONS, _pairs(_LABELLED))
    output = "probability of y = 1"

    pairs: str = _LABELLED

    def log_likelihood(self, predictor: Array, seen: float, xp: Functions) -> Array:
        """Return log σ(± predictor); a label above 1/2 counts as 1."""
        signed = predictor if seen > 0.5 else -predictor
        return -xp.logaddexp(-signed, 0 * signed)

    def derivatives(self, predictor: FloatArray, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return y − p and −p (1 − p), where p is the probability of y = 1."""
        p = self.mean_output(predictor)
        return (seen > 0.5) - p, -p * (1 - p)

    def mean_output(self, predictor: FloatArray) -> FloatArray:
        """Return the probability of y = 1."""
        return 0.5 * (1 + np.tanh(predictor / 2))


@dataclass(frozen=True)
class PosteriorLine(Posterior):
    r"""A Bayesian line: intercept and slope, with noise of a known standard deviation.

    .. math:: y \mid x, \theta \sim \mathcal{N}(\theta_1 + \theta_2 x,\ \sigma^2)

    Its posterior is a Gaussian, known in closed form.

    Args:
        noise: :math:`\sigma`.
    """

    name = "posterior_line"
    label = "Bayesian line"
    summary = (
        "The posterior of the intercept and the slope of a line, given a few measured points: a "
        "Gaussian, which every family should find."
    )
    options = (
        *ENERGY_OPTIONS,
        _pairs(_MEASURED),
        Real("noise", "Noise", "Standard deviation of the measured outputs.", 1.0, 0.1, 2.0),
    )
    output = "y"

    pairs: str = _MEASURED
    noise: float = 1.0

    def log_likelihood(self, predictor: Array, seen: float, xp: Functions) -> Array:
        """Return the Gaussian's exponent."""
        return -0.5 * ((seen - predictor) / self.noise) ** 2

    def derivatives(self, predictor: FloatArray, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives of the Gaussian's exponent."""
        precision = 1 / self.noise**2
        return (seen - predictor) * precision, np.full_like(predictor, -precision)

    def mean_output(self, predictor: FloatArray) -> FloatArray:
        """Return the height of the line."""
        return predictor
