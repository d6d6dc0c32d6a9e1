"""Twisted Gaussian arms around the origin."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from flowplay.problems.base import FloatArray, Window
from flowplay.problems.targets.base import Target

ComplexArray: TypeAlias = NDArray[np.complex128]


class Pinwheel(Target):
    r"""Five Gaussian arms around the origin, twisted by an angle proportional to the radius.

    In complex notation, :math:`v = (r_0 + s_r \epsilon_1) + i \sigma \epsilon_2` with
    :math:`\epsilon \sim \mathcal{N}(0, I)` and an arm :math:`k` drawn at random,

    .. math:: x = v \, e^{i (2\pi k / 5 + \omega |v|)}

    The angle depends on the radius alone, which the rotation keeps. So it is undone exactly,
    :math:`u = x \, e^{-i \omega |x|}`, without a change of volume:

    .. math:: p(x) = \frac15 \sum_{k=0}^{4} \mathcal{N}(\operatorname{Re} u_k; r_0, s_r^2)\,
              \mathcal{N}(\operatorname{Im} u_k; 0, \sigma^2), \quad u_k = u \, e^{-2\pi i k / 5}

    (The original twists by :math:`\tfrac14 e^{\operatorname{Re} v}`, which changes volumes.)

    Args:
        noise: the tangential standard deviation σ: half the width of an arm, in data units.

    References:
        Composing Graphical Models with Neural Networks for Structured Representations and Fast
        Inference (Johnson et al., 2016).

    Example:
        >>> from flowplay.targets import TARGETS
        >>> pinwheel = TARGETS["pinwheel"]
        >>> bool((pinwheel.log_prob(pinwheel.sample(1000, seed=0)) > -12).all())
        True
    """

    name = "pinwheel"
    label = "Pinwheel"
    summary = (
        "Five arms twisted around the origin: "
        "a flow has to shear the plane, in directions that are not those of the axes."
    )
    default_noise = 0.2
    noise_range = (0.05, 0.5)

    arms = 5
    radius = 2.0
    radial_std = 0.6
    twist = 0.4  # rad per unit of radius

    @property
    def _core(self) -> Window:
        return -self.radius, self.radius, -self.radius, self.radius

    @property
    def _spread(self) -> float:
        return max(self.noise, self.radial_std)

    def _sample(self, n: int, seed: int) -> FloatArray:
        rng = np.random.default_rng(seed)
        arm = rng.integers(self.arms, size=n)
        v = rng.normal(self.radius, self.radial_std, size=n) + 1j * rng.normal(
            scale=self.noise, size=n
        )
        x = v * np.exp(1j * (2 * np.pi * arm / self.arms + self.twist * np.abs(v)))
        return np.column_stack([x.real, x.imag])

    def _log_prob(self, x: FloatArray) -> FloatArray:
        z = _to_complex(x)
        return self._untwisted_log_prob(z * np.exp(-1j * self.twist * np.abs(z)))

    def _isentropic_log_prob(self, x: FloatArray) -> FloatArray:
        # The twist keeps volumes, so the straight arms have the same entropy, and the twisted
        # ones are thinner than the noise far out: they would need a finer grid.
        return self._untwisted_log_prob(_to_complex(x))

    def _untwisted_log_prob(self, u: ComplexArray) -> FloatArray:
        """Log-density ``[n]`` of the straight arms at ``u`` ``[n]``."""
        turns = np.exp(-2j * np.pi * np.arange(self.arms) / self.arms)
        v = u[:, None] * turns
        squares = ((v.real - self.radius) / self.radial_std) ** 2 + (v.imag / self.noise) ** 2
        volume = 2 * np.pi * self.radial_std * self.noise * self.arms
        log_prob: FloatArray = logsumexp(-0.5 * squares, axis=1) - np.log(volume)
        return log_prob


def _to_complex(x: FloatArray) -> ComplexArray:
    return x[:, 0] + 1j * x[:, 1]
