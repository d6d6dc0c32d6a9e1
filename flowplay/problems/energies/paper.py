"""The four energies of the paper that made flows a tool of variational inference."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flowplay.problems.base import Window
from flowplay.problems.energies.base import Array, Energy, Functions

#: The paper shows its energies from -4 to 4; three of them do not end there.
_EDGE = 4.0

_PAPER = "Energy %d of Rezende & Mohamed (2015), table 1: "


def _wall(x: Array, xp: Functions) -> Array:
    """Return what ends a strip at the edge of the paper's pictures: a Gaussian fall beyond."""
    return 0.5 * xp.clip(xp.abs(x) - _EDGE, 0, None) ** 2


def _w1(x: Array, xp: Functions) -> Array:
    return xp.sin(2 * math.pi * x / 4)


@dataclass(frozen=True)
class _OfThePaper(Energy):
    @property
    def window(self) -> Window:
        """From -6 to 6: 1 % of the mass of a strip lies outside."""
        return -6.0, 6.0, -6.0, 6.0

    @property
    def box(self) -> Window:
        """Far beyond the wall."""
        return -14.0, 14.0, -10.0, 10.0


@dataclass(frozen=True)
class U1(_OfThePaper):
    r"""Two bent modes on a ring of radius 2.

    .. math::
        U = \tfrac12\Bigl(\frac{\|z\| - 2}{0.4}\Bigr)^2 - \ln\Bigl(
        e^{-\frac12 ((z_1 - 2) / 0.6)^2} + e^{-\frac12 ((z_1 + 2) / 0.6)^2}\Bigr)

    References:
        Rezende & Mohamed, Variational Inference with Normalizing Flows, 2015 (table 1).
    """

    name = "u1"
    label = "U1"
    summary = _PAPER % 1 + "two bent modes on a ring. A model that sees only one misses half."

    def log_unnormalized(self, x: Array, y: Array, xp: Functions) -> Array:
        """Return -U."""
        ring = 0.5 * ((xp.hypot(x, y) - 2) / 0.4) ** 2
        sides = -0.5 * ((x - 2) / 0.6) ** 2, -0.5 * ((x + 2) / 0.6) ** 2
        return xp.logaddexp(*sides) - ring


@dataclass(frozen=True)
class U2(_OfThePaper):
    r"""A sine.

    .. math::
        U = \tfrac12\Bigl(\frac{z_2 - w_1(z)}{0.4}\Bigr)^2, \qquad w_1 = \sin(2\pi z_1 / 4)

    The paper's strip has no end, and so no constant. Here it ends as a Gaussian of standard
    deviation 1 beyond :math:`|z_1| = 4`, the edge of the paper's pictures.

    References:
        Rezende & Mohamed, Variational Inference with Normalizing Flows, 2015 (table 1).
    """

    name = "u2"
    label = "U2"
    summary = _PAPER % 2 + "a band along a sine; beyond |z₁| = 4 it ends as a Gaussian."

    def log_unnormalized(self, x: Array, y: Array, xp: Functions) -> Array:
        """Return -U."""
        return -0.5 * ((y - _w1(x, xp)) / 0.4) ** 2 - _wall(x, xp)


@dataclass(frozen=True)
class U3(_OfThePaper):
    r"""A sine that splits, and joins again.

    .. math::
        U = -\ln\Bigl(e^{-\frac12 ((z_2 - w_1) / 0.35)^2}
        + e^{-\frac12 ((z_2 - w_1 + w_2) / 0.35)^2}\Bigr),
        \qquad w_2 = 3\,e^{-\frac12 ((z_1 - 1) / 0.6)^2}

    It ends as `U2` does.

    References:
        Rezende & Mohamed, Variational Inference with Normalizing Flows, 2015 (table 1).
    """

    name = "u3"
    label = "U3"
    summary = _PAPER % 3 + "a band that splits and joins again; it encloses a hole."

    def log_unnormalized(self, x: Array, y: Array, xp: Functions) -> Array:
        """Return -U."""
        height = y - _w1(x, xp)
        w2 = 3 * xp.exp(-0.5 * ((x - 1) / 0.6) ** 2)
        return xp.logaddexp(
            -0.5 * (height / 0.35) ** 2, -0.5 * ((height + w2) / 0.35) ** 2
        ) - _wall(x, xp)


@dataclass(frozen=True)
class U4(_OfThePaper):
    r"""A sine that forks.

    .. math::
        U = -\ln\Bigl(e^{-\frac12 ((z_2 - w_1) / 0.4)^2}
        + e^{-\frac12 ((z_2 - w_1 + w_3) / 0.35)^2}\Bigr),
        \qquad w_3 = 3\,\sigma\Bigl(\frac{z_1 - 1}{0.3}\Bigr)

    It ends as `U2` does.

    References:
        Rezende & Mohamed, Variational Inference with Normalizing Flows, 2015 (table 1).
    """

    name = "u4"
    label = "U4"
    summary = _PAPER % 4 + "a band that forks into two. One branch is easily missed."

    def log_unnormalized(self, x: Array, y: Array, xp: Functions) -> Array:
        """Return -U."""
        height = y - _w1(x, xp)
        # The logistic function, by a function that neither overflows nor underflows.
        w3 = 1.5 * (1 + xp.tanh((x - 1) / 0.6))
        return xp.logaddexp(-0.5 * (height / 0.4) ** 2, -0.5 * ((height + w3) / 0.35) ** 2) - _wall(
            x, xp
        )
