"""What every energy shares: the contract, the constant by quadrature, and exact samples."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flowplay.catalog import Choice, Option, Real
from flowplay.problems.base import DataProblem, FloatArray, Floor, Window

Array: TypeAlias = Any
"""A NumPy array or a torch tensor."""

Functions: TypeAlias = Any
"""The module that computes with such an array: `numpy` or `torch`."""

#: Nodes along each side of the grid that finds where the mass is, and of the one that integrates.
_COARSE_NODES = 320
_FINE_NODES = 640

#: Nats below the largest value from which on the density is negligible.
_NEGLIGIBLE = 36.0

#: A box of which the mass takes this share of each side need not be searched again.
_SETTLED = 0.2

#: Room above a cell's corners and centre within which the density stays in it.
_HEADROOM = 1.3

#: Held-out points come from seeds of their own.
_HELD_OUT_SEEDS = 2**31

#: A model starts with the window's half width as so many of its standard deviations.
_START_STDS = 3.0

#: How the settings that every energy has are shown.
ENERGY_OPTIONS: tuple[Option, ...] = (
    Choice(
        "divergence",
        "Divergence",
        "Reverse: KL(q‖p) of the flow's own draws; no data are used. Forward: KL(p‖q), maximum "
        "likelihood on exact draws of the target, which are known here by quadrature alone.",
        "reverse",
        MappingProxyType({"reverse": "Reverse KL", "forward": "Forward KL"}),
    ),
    Real(
        "annealing",
        "Annealing",
        "Share of the budget in which the factor β of the energy rises from 0.01 to 1, as in the "
        "paper. 0 uses the full energy from the first step; separate modes are then lost more "
        "easily. Only for the reverse KL.",
        0.3,
        0.0,
        0.9,
    ),
)


class Frame(NamedTuple):
    """Coordinates t of a quadrature: x = origin + matrix · t.

    Attributes:
        origin: [2].
        matrix: [2, 2] invertible.
    """

    origin: FloatArray
    matrix: FloatArray

    def place(self, t_1: FloatArray, t_2: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return x_1 and x_2 of coordinates of any one shape."""
        (a, b), (c, d) = self.matrix
        return self.origin[0] + a * t_1 + b * t_2, self.origin[1] + c * t_1 + d * t_2


class _Grid(NamedTuple):
    """Nodes of a quadrature: coordinates [n] and [m], the area in x of each [m, n], their frame."""

    t_1: FloatArray
    t_2: FloatArray
    areas: FloatArray
    frame: Frame

    @property
    def points(self) -> tuple[FloatArray, FloatArray]:
        """All nodes, as two arrays [m, n]."""
        return self.frame.place(*np.meshgrid(self.t_1, self.t_2))


@dataclass(frozen=True)
class Energy(DataProblem):
    r"""A density of the plane that is known only up to its constant.

    .. math:: p(x) = \frac{e^{-U(x)}}{Z}, \qquad Z = \int e^{-U(x)}\,dx

    A subclass gives :math:`-U`. In the plane Z can be computed by quadrature, so that everything a
    run is judged by is known: its floor, a picture of p, and exact draws from it. A run that is
    trained by the reverse KL uses none of these.

    Args:
        divergence: `reverse` trains on draws of the model, `forward` on exact draws of the target.
        annealing: share of the budget in which the energy's factor rises to 1.

    Attributes:
        stretch: `(s_x, s_y)` lets the nodes of the quadrature lie evenly in asinh(x / s) instead of
            in x, for densities that are narrow in one place and wide in another; 0 for even nodes.

    References:
        Rezende & Mohamed, Variational Inference with Normalizing Flows, 2015.
        Trefethen & Weideman, The Exponentially Convergent Trapezoidal Rule, 2014.

    Example:
        >>> from flowplay.problems import make_problem
        >>> u1 = make_problem("u1")
        >>> round(u1.log_z, 3)
        1.878
        >>> round(float(u1.log_unnormalized(np.array([2.0]), np.array([0.0]), np)[0]), 3)
        0.0
    """

    group: ClassVar[str] = "Energies"
    options: ClassVar[tuple[Option, ...]] = ENERGY_OPTIONS
    stretch: ClassVar[tuple[float, float]] = (0.0, 0.0)

    divergence: str = "reverse"
    annealing: float = 0.3

    @property
    def dim(self) -> int:
        """2."""
        return 2

    @property
    def density(self) -> Self:
        """The density itself: its constant is computed by quadrature."""
        return self

    @property
    def floor(self) -> Floor:
        """0 nats: the KL divergence of a perfect model, in either direction."""
        return Floor(0.0, "KL floor")

    @property
    @abstractmethod
    def box(self) -> Window:
        """A box in the coordinates of `frame`, outside of which the density is negligible."""

    @property
    def frame(self) -> Frame:
        """Coordinates in which the nodes of the quadrature lie along the axes: those of x."""
        return Frame(np.zeros(2), np.eye(2))

    @abstractmethod
    def log_unnormalized(self, x: Array, y: Array, xp: Functions) -> Array:
        """Return :math:`-U` at points, in nats; one formula for pictures and for training.

        Args:
            x: first coordinates, any shape.
            y: second coordinates, the same shape.
            xp: `numpy` or `torch`, whichever the coordinates belong to.
        """

    @property
    def start(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation [2] of the Gaussian with which a model starts.

        They come from the window alone, not from the density.
        """
        x_min, x_max, y_min, y_max = self.window
        mean = np.array([(x_min + x_max) / 2, (y_min + y_max) / 2], np.float32)
        return mean, np.full(2, (x_max - x_min) / 2 / _START_STDS, np.float32)

    @property
    @abstractmethod
    def window(self) -> Window:
        """Square window of its picture, in data units."""

    @cached_property
    def log_z(self) -> float:
        """The logarithm of Z, in nats, by quadrature; its error is below 1e-4."""
        grid, values = self._quadrature()
        peak = values.max()
        return float(peak + np.log(np.sum(np.exp(values - peak) * grid.areas)))

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the log-density [n] of points [n, 2], in nats.

        Raises:
            ValueError: if `x` is not of shape [n, 2] or holds a NaN.
        """
        points = np.asarray(x, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"Points must have shape [n, 2], got {list(points.shape)}.")
        if np.isnan(points).any():
            raise ValueError("Points must not hold NaN.")
        with np.errstate(over="ignore", invalid="ignore"):
            value = self.log_unnormalized(points[:, 0], points[:, 1], np) - self.log_z
        # Beyond the range of numbers there is no mass.
        value = np.nan_to_num(value, nan=-np.inf, posinf=-np.inf, neginf=-np.inf)
        return np.asarray(value, np.float64)

    @cached_property
    def entropy(self) -> float:
        """Differential entropy in nats, by quadrature."""
        grid, values = self._quadrature()
        log_prob = values - self.log_z
        return float(-np.sum(np.exp(log_prob) * log_prob * grid.areas))

    def training_points(self, n: int, seed: int) -> FloatArray:
        """Draw n exact points [n, 2], for the forward KL; the reverse one uses none."""
        return self._sample(n, seed)

    def held_out_points(self, n: int, seed: int) -> FloatArray:
        """Draw n exact points [n, 2] by which a run is judged, from seeds of their own."""
        return self._sample(n, seed + _HELD_OUT_SEEDS)

    def _sample(self, n: int, seed: int) -> FloatArray:
        """Draw points by rejection from a density that is constant in each cell of the grid."""
        rng = np.random.default_rng(seed)
        grid, bound, cumulative = self._proposal()
        columns = len(grid.t_1) - 1
        found: list[FloatArray] = []
        missing = n
        while missing > 0:
            draws = 2 * missing + 64
            cells = np.searchsorted(cumulative, rng.random(draws) * cumulative[-1], side="right")
            row, column = np.divmod(np.minimum(cells, bound.size - 1), columns)
            share = rng.random((2, draws))
            t_1 = grid.t_1[column] + share[0] * (grid.t_1[column + 1] - grid.t_1[column])
            t_2 = grid.t_2[row] + share[1] * (grid.t_2[row + 1] - grid.t_2[row])
            x, y = grid.frame.place(t_1, t_2)
            values = self.log_unnormalized(x, y, np)
            keep = np.log(rng.random(draws)) < values - bound[row, column]
            kept = np.column_stack([x[keep], y[keep]])[:missing]
            found.append(kept)
            missing -= len(kept)
        return np.concatenate([np.zeros((0, 2)), *found])

    def _proposal(self) -> tuple[_Grid, FloatArray, FloatArray]:
        """Nodes, a log-bound of the density in each cell between them, and cumulated masses."""
        grid, values = self._quadrature()
        middles = ((a[1:] + a[:-1]) / 2 for a in (grid.t_1, grid.t_2))
        centres = self.log_unnormalized(*grid.frame.place(*np.meshgrid(*middles)), np)
        corners = values[1:, 1:], values[1:, :-1], values[:-1, 1:], values[:-1, :-1]
        bound = np.log(_HEADROOM) + np.maximum.reduce([centres, *corners])
        areas = np.outer(np.diff(grid.t_2), np.diff(grid.t_1))
        masses = np.exp(bound - bound.max()) * areas
        return grid, bound, np.cumsum(masses)

    def _quadrature(self) -> tuple[_Grid, FloatArray]:
        """Return the grid around all that is not negligible, and -U at its nodes.

        It is not kept: it has 10 MB, and takes some 40 ms.
        """
        box, share = self.box, 0.0
        while share < _SETTLED:
            grid = self._grid(box, _COARSE_NODES)
            values = self.log_unnormalized(*grid.points, np)
            seen = values > values.max() - _NEGLIGIBLE
            sides, share = [], 1.0
            for nodes, hit in ((grid.t_1, seen.any(0)), (grid.t_2, seen.any(1))):
                index = np.flatnonzero(hit)
                first, last = max(index[0] - 1, 0), min(index[-1] + 1, len(nodes) - 1)
                sides += [float(nodes[first]), float(nodes[last])]
                share = min(share, (last - first) / (len(nodes) - 1))
            box = (sides[0], sides[1], sides[2], sides[3])
        grid = self._grid(box, _FINE_NODES)
        return grid, self.log_unnormalized(*grid.points, np)

    def _grid(self, box: Window, nodes: int) -> _Grid:
        (t_1, of_1), (t_2, of_2) = (
            _nodes(box[2 * k], box[2 * k + 1], nodes, self.stretch[k]) for k in range(2)
        )
        frame = self.frame
        scale = abs(float(np.linalg.det(frame.matrix)))
        return _Grid(t_1, t_2, scale * np.outer(of_2, of_1), frame)


def _nodes(low: float, high: float, n: int, stretch: float) -> tuple[FloatArray, FloatArray]:
    """Return n nodes of the trapezoidal rule from low to high, and their weights."""
    if not stretch:
        x, step = np.linspace(low, high, n, retstep=True)
        return x, np.full(n, step)
    t, step = np.linspace(np.arcsinh(low / stretch), np.arcsinh(high / stretch), n, retstep=True)
    return stretch * np.sinh(t), step * stretch * np.cosh(t)


def log_sum(first: Array, *others: Array, xp: Functions) -> Array:
    """Return the logarithm of a sum of exponentials, elementwise."""
    for other in others:
        first = xp.logaddexp(first, other)
    return first
