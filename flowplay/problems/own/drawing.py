"""Painted and pictured densities: a mixture of one Gaussian for each cell of a lattice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from flowplay import shelf
from flowplay.catalog import DataName, Real
from flowplay.problems.base import FloatArray, Window
from flowplay.problems.targets.base import Target, expand
from flowplay.problems.targets.mixture import mixture_log_prob

if TYPE_CHECKING:
    from flowplay.wire.own_data import Drawing

#: The longer side of a drawing, in data units; its middle is the origin.
SIDE: Final = 4.0

#: Cells along each side of what is painted.
CANVAS: Final = 200

_BLOCK = 4096
_TINY = 1e-280  # below it a sum of products may have lost digits
_ENTROPY_STDS = 8.0
_ENTROPY_STEP = 0.5


#: Name -> what makes the weights of an example.
Examples: TypeAlias = Mapping[str, Callable[[], NDArray[np.uint16]]]


class Own:
    """What all problems of own data share."""

    group: ClassVar[str] = "Own data"
    data: str

    @property
    def title(self) -> str:
        """What the data are called."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Drawn(Own, Target):
    r"""A mixture of isotropic Gaussians at the centres of the cells of a lattice.

    .. math:: p(x) = \sum_{ij} w_{ij} \, \mathcal{N}(x; c_{ij}, \sigma^2 I)

    The centres form a lattice, so that the sum is a product of three matrices.

    Args:
        noise: :math:`\sigma`, in data units.
        data: name of an example, or digest of a `Drawing`.

    Raises:
        MissingDataError: by whatever needs the data, if they are not here.
    """

    examples: ClassVar[Examples] = {}

    data: str = ""

    @cached_property
    def drawing(self) -> Drawing:
        """The weights of the cells."""
        from flowplay.wire.own_data import Drawing

        if self.data in self.examples:
            return Drawing(self.data, self.examples[self.data]())
        return Drawing.from_bytes(shelf.get(self.data))

    @property
    def title(self) -> str:
        """What the drawing is called."""
        return self.drawing.title

    @cached_property
    def _lattice(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """x [W] of the columns, y [H] of the rows, and weights [H, W]: those that are not 0."""
        weights = self.drawing.weights
        height, width = weights.shape
        cell = SIDE / max(height, width)
        x = (np.arange(width) + 0.5 - width / 2) * cell
        y = (height / 2 - np.arange(height) - 0.5) * cell
        rows, columns = weights.any(1), weights.any(0)
        kept = weights[rows][:, columns].astype(np.float64)
        return x[columns], y[rows], kept / kept.sum()

    @cached_property
    def _components(self) -> tuple[FloatArray, FloatArray]:
        """Centres [m, 2] and weights [m] of the cells that are not 0."""
        x, y, weights = self._lattice
        rows, columns = np.nonzero(weights)
        return np.column_stack([x[columns], y[rows]]), weights[rows, columns]

    @property
    def _core(self) -> Window:
        x, y, _ = self._lattice
        return float(x.min()), float(x.max()), float(y.min()), float(y.max())

    def _sample(self, n: int, seed: int) -> FloatArray:
        rng = np.random.default_rng(seed)
        centres, weights = self._components
        chosen = rng.choice(len(weights), size=n, p=weights)
        points: FloatArray = centres[chosen] + self.noise * rng.normal(size=(n, 2))
        return points

    def _log_prob(self, x: FloatArray) -> FloatArray:
        columns, rows, weights = self._lattice
        found = np.empty(len(x))
        for start in range(0, len(x), _BLOCK):
            part = x[start : start + _BLOCK]
            along = self._gaussian(part[:, 0], columns)
            found[start : start + _BLOCK] = np.einsum(
                "nw,nw->n", self._gaussian(part[:, 1], rows) @ weights, along
            )
        far = found < _TINY
        log_prob: FloatArray = np.log(found, where=~far, out=np.zeros_like(found))
        log_prob -= np.log(2 * np.pi * self.noise**2)
        if far.any():
            log_prob[far] = mixture_log_prob(x[far], *self._components, self.noise)
        return log_prob

    def _gaussian(self, at: FloatArray, centres: FloatArray) -> FloatArray:
        """Return exp(-(at - centre)² / 2σ²) [n, m]."""
        reached: FloatArray = (at[:, None] - centres) / self.noise
        return np.exp(-0.5 * reached**2)

    @cached_property
    def entropy(self) -> float:
        """Differential entropy in nats, by the trapezoidal rule on a lattice of nodes."""
        x_min, x_max, y_min, y_max = expand(self._core, _ENTROPY_STDS * self.noise)
        step = _ENTROPY_STEP * self.noise
        columns, rows, weights = self._lattice
        up = self._gaussian(np.arange(y_min, y_max, step), rows)
        along = self._gaussian(np.arange(x_min, x_max, step), columns)
        density = up @ weights @ along.T / (2 * np.pi * self.noise**2)
        logs = np.log(density, where=density > 0, out=np.zeros_like(density))
        return float(-step * step * (density * logs).sum())


def _options(default: str, examples: Mapping[str, Any], noise: tuple[float, float, float]) -> Any:  # noqa: ANN401
    usual, least, most = noise
    return (
        Real("noise", "Noise", "Standard deviation of each small Gaussian.", usual, least, most),
        DataName("data", "Data", "Name of an example, or digest of own data.", default, examples),
    )


def _smiley() -> NDArray[np.uint16]:
    """Draw a face: its outline, two eyes and a mouth."""
    weights = np.zeros((CANVAS, CANVAS), np.uint16)
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    mouth = np.linspace(1.15 * np.pi, 1.85 * np.pi, 140)
    eye = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    x = [0.8 * np.cos(angle), 0.45 * np.cos(mouth), *(s + 0.06 * np.cos(eye) for s in (-0.3, 0.3))]
    y = [0.8 * np.sin(angle), 0.45 * np.sin(mouth), *[0.28 + 0.1 * np.sin(eye)] * 2]
    columns = ((np.concatenate(x) + 1) / 2 * CANVAS).astype(int)
    rows = ((1 - np.concatenate(y)) / 2 * CANVAS).astype(int)
    np.add.at(weights, (rows, columns), 1)
    return weights


def _heart() -> NDArray[np.uint16]:
    """Fill the curve (x² + y² − 1)³ = x² y³, denser to its middle."""
    side = np.linspace(-1.35, 1.35, 128)
    x, y = np.meshgrid(side, -side)
    inside = -((x**2 + y**2 - 1) ** 3 - x**2 * y**3)
    return np.where(inside > 0, 40 + 215 * np.minimum(inside, 1), 0).astype(np.uint16)


@dataclass(frozen=True)
class Painted(_Drawn):
    """What was painted: one small Gaussian for each dot.

    Example:
        >>> from flowplay.problems import make_problem
        >>> round(make_problem("painted").entropy, 1)
        1.5
    """

    name = "painted"
    label = "Painting"
    summary = (
        "What somebody has painted: a mixture of one small Gaussian for each dot, so its density "
        "is known."
    )
    default_noise = 0.08
    noise_range = (0.04, 0.3)
    examples: ClassVar[Examples] = {"smiley": _smiley}

    data: str = "smiley"

    @property
    def _core(self) -> Window:
        # The same window whatever is painted.
        return (-SIDE / 2, SIDE / 2, -SIDE / 2, SIDE / 2)


@dataclass(frozen=True)
class Pictured(_Drawn):
    """A picture as a density: one small Gaussian for each cell, weighted by its ink.

    Example:
        >>> from flowplay.problems import make_problem
        >>> make_problem("picture").window
        (-2.0, 2.0, -1.75, 2.25)
    """

    name = "picture"
    label = "Picture"
    summary = (
        "A picture, or a name written as one: a small Gaussian for each cell, with the weight of "
        "its ink, so its density is known."
    )
    default_noise = 0.05
    noise_range = (0.03, 0.3)
    examples: ClassVar[Examples] = {"heart": _heart}

    data: str = "heart"


Painted.options = _options("smiley", Painted.examples, (0.08, *Painted.noise_range))
Pictured.options = _options("heart", Pictured.examples, (0.05, *Pictured.noise_range))
