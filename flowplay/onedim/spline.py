"""A monotone curve through knots that can be dragged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from flowplay.onedim.bases import FloatArray, Numbers
from flowplay.onedim.maps import MonotoneMap

#: Knots stay within this distance of 0 on both axes, and this far from each other.
REACH = 3.0
GAP = 0.1

#: A spline has from two to so many knots.
MOST_KNOTS = 12

Knots = tuple[tuple[float, float], ...]
"""Points (z, x) of the curve."""

#: What the curve is before anyone drags: a plateau between two climbs, which makes two bumps.
FIRST_KNOTS: Knots = (
    (-3.0, -3.0),
    (-1.2, -2.0),
    (-0.25, -1.1),
    (0.25, 1.1),
    (1.2, 2.0),
    (3.0, 3.0),
)


@dataclass(frozen=True)
class Spline(MonotoneMap):
    r"""A rational-quadratic spline: a ratio of two parabolas between any two neighbouring knots.

    With the secant :math:`s = \Delta x / \Delta z`, the slopes :math:`d_0, d_1` at both ends and
    :math:`\xi \in [0, 1]` the way from one knot to the next,

    .. math::
        f = x_0 + \Delta x\,\frac{s \xi^2 + d_0 \xi (1 - \xi)}
                                 {s + (d_0 + d_1 - 2 s)\,\xi (1 - \xi)}.

    Positive slopes make it monotone. Here they follow from the knots: the harmonic mean of the
    secants on both sides, and the secant itself at an end, whose straight line goes on outside.

    Args:
        knots: (z, x), both strictly increasing.

    Raises:
        ValueError: if the knots are not finite or not strictly increasing.

    References:
        Gregory & Delbourgo, *Piecewise rational quadratic interpolation to monotonic data*, 1982.
        Durkan, Bekasov, Murray & Papamakarios, *Neural Spline Flows*, 2019.

    Example:
        >>> Spline(((-1, -1), (0, 0.5), (1, 1))).forward(np.array([0.0, 2.0]))
        array([0.5, 1.5])
    """

    knots: Knots
    kinks: tuple[float, ...] = field(init=False, repr=False, compare=False)
    _z: FloatArray = field(init=False, repr=False, compare=False)
    _x: FloatArray = field(init=False, repr=False, compare=False)
    _slopes: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the knots and find the slopes."""
        z, x = np.array(self.knots, float).reshape(-1, 2).T
        if len(z) < 2 or not np.isfinite([z, x]).all():
            raise ValueError("A spline needs at least two knots, all of them numbers.")
        if (np.diff(z) <= 0).any() or (np.diff(x) <= 0).any():
            raise ValueError("Each knot must lie to the right of the one before it, and above it.")
        secants = np.diff(x) / np.diff(z)
        inner = 2.0 / (1.0 / secants[:-1] + 1.0 / secants[1:])
        object.__setattr__(self, "kinks", tuple(z.tolist()))
        object.__setattr__(self, "_z", z)
        object.__setattr__(self, "_x", x)
        object.__setattr__(self, "_slopes", np.concatenate([secants[:1], inner, secants[-1:]]))

    def forward(self, z: Numbers) -> Numbers:
        """See `MonotoneMap`."""
        k, xi = self._place(z)
        dx, s, d0, d1 = self._piece(k)
        mixed = xi * (1 - xi)
        inside = self._x[k] + dx * (s * xi**2 + d0 * mixed) / (s + (d0 + d1 - 2 * s) * mixed)
        return self._with_lines(z, self._z, self._x, self._slopes, inside)

    def inverse(self, x: FloatArray) -> FloatArray:
        """See `MonotoneMap`; the root of a parabola, in the form that loses no digits."""
        clipped = np.clip(x, self._x[0], self._x[-1])
        k = np.clip(np.searchsorted(self._x, clipped, "right") - 1, 0, len(self._x) - 2)
        dx, s, d0, d1 = self._piece(k)
        above = clipped - self._x[k]
        bend = d0 + d1 - 2 * s
        a = dx * (s - d0) + above * bend
        b = dx * d0 - above * bend
        c = -s * above
        xi = 2 * c / (-b - np.sqrt(np.maximum(b**2 - 4 * a * c, 0.0)))
        inside = self._z[k] + xi * np.diff(self._z)[k]
        return self._with_lines(x, self._x, self._z, 1 / self._slopes, inside)

    def log_slope(self, z: FloatArray) -> FloatArray:
        """See `MonotoneMap`."""
        k, xi = self._place(z)
        _, s, d0, d1 = self._piece(k)
        mixed = xi * (1 - xi)
        top = d1 * xi**2 + 2 * s * mixed + d0 * (1 - xi) ** 2
        slope = s**2 * top / (s + (d0 + d1 - 2 * s) * mixed) ** 2
        return np.asarray(np.log(slope), float)

    def _place(self, z: Numbers) -> tuple[np.ndarray, Numbers]:
        """Return the piece of each z and how far along it lies, 0 to 1; the ends for outside."""
        low, high = self._z[0], self._z[-1]
        clipped = np.where(z.real < low, low, np.where(z.real > high, high, z))
        k = np.clip(np.searchsorted(self._z, clipped.real, "right") - 1, 0, len(self._z) - 2)
        return k, np.asarray((clipped - self._z[k]) / np.diff(self._z)[k], z.dtype)

    def _piece(self, k: np.ndarray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        dx = np.diff(self._x)[k]
        return dx, dx / np.diff(self._z)[k], self._slopes[k], self._slopes[k + 1]

    @staticmethod
    def _with_lines(
        at: Numbers, from_: FloatArray, to: FloatArray, slopes: FloatArray, inside: Numbers
    ) -> Numbers:
        """Continue a curve beyond both ends by its straight lines."""
        below = to[0] + slopes[0] * (at - from_[0])
        above = to[-1] + slopes[-1] * (at - from_[-1])
        ended = np.where(at.real > from_[-1], above, inside)
        return np.asarray(np.where(at.real < from_[0], below, ended), at.dtype)


def repair_knots(given: object, before: Knots) -> tuple[Knots, str]:
    """Make knots from what a browser sent: in the box, in their order, never on top of each other.

    Args:
        given: should be as many (z, x) pairs as `before`; anything else is refused.
        before: the knots to keep if it is refused.

    Returns:
        Knots that `Spline` accepts, and a sentence if they are not what was given.

    Example:
        >>> repair_knots([[-1, 0], [-2, 0.5]], ((-1, -1), (1, 1)))[0]
        ((-1.0, 0.0), (-0.9, 0.5))
    """
    points = _finite_pairs(given)
    if points is None or len(points) != len(before):
        return before, "These knots are not pairs of numbers, so the curve was not changed."
    kept = np.stack([_spread(column) for column in points.T], axis=1)
    knots = tuple((float(z), float(x)) for z, x in kept.round(6))
    if np.allclose(kept, points, atol=1e-5):
        return knots, ""
    return knots, "Knots must keep their order, a small distance and the box, so some were moved."


def _finite_pairs(given: object) -> FloatArray | None:
    if not isinstance(given, Sequence) or not 2 <= len(given) <= MOST_KNOTS:
        return None
    try:
        points = np.array(given, float)
    except (TypeError, ValueError):
        return None
    return points if points.ndim == 2 and points.shape[1] == 2 and _finite(points) else None


def _finite(points: FloatArray) -> bool:
    return bool(np.isfinite(points).all())


def _spread(column: FloatArray) -> FloatArray:
    """Move values as little as an order, a gap and a box ask for: up one by one, then down."""
    steps = GAP * np.arange(len(column))
    risen = np.maximum.accumulate(np.clip(column, -REACH, REACH) - steps)
    return np.asarray(np.minimum(risen, REACH - steps[-1]) + steps, float)
