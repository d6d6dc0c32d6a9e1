"""What is to be learned: the contract between a problem and everything else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flowplay.catalog import Data, Option

FloatArray: TypeAlias = NDArray[np.float64]

Window: TypeAlias = tuple[float, float, float, float]
"""A box as ``(x_min, x_max, y_min, y_max)``, in data units."""


class Floor(NamedTuple):
    """The least expected value of a run's loss, in nats, and what it is called."""

    value: float
    label: str


class Density(Protocol):
    """A density that is known exactly."""

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the log-density [n] of points [n, D], in nats."""

    @property
    def entropy(self) -> float:
        """Differential entropy in nats: the least expected NLL of any model."""


class Problem(ABC):
    """Something to be learned.

    Attributes:
        name: key of the problem; what a URL and the command line call its target.
        label: name to show.
        summary: one sentence: what it is, and what it tests in a model.
        group: what it is listed under.
        options: settings of its own; by name, keyword arguments of the constructor.
        gives: what there is to learn from: `points` of a continuous space, `images` of whole
            numbers, or `photographs`, images whose neighbouring pixels are alike. It decides which
            architectures can learn it, and which defaults these have.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]
    group: ClassVar[str] = "Data"
    options: ClassVar[tuple[Option, ...]] = ()
    gives: ClassVar[Data] = "points"

    @property
    @abstractmethod
    def dim(self) -> int:
        """D, the number of coordinates of a point."""

    @property
    @abstractmethod
    def window(self) -> Window | None:
        """Square window of its picture, in data units; None outside the plane."""

    @property
    @abstractmethod
    def density(self) -> Density | None:
        """The density, where it is known exactly."""

    @property
    def floor(self) -> Floor | None:
        """The floor of the NLL, or of what else a run is judged by; None where it is not known."""
        density = self.density
        return None if density is None else Floor(density.entropy, "entropy floor")


class DataProblem(Problem):
    """A problem that is learned from points."""

    @abstractmethod
    def training_points(self, n: int, seed: int) -> FloatArray:
        """Return points [m, D] to train on: n of them, or as many as there are.

        Args:
            n: number of points, at least 1.
            seed: from 0 to 2³¹ − 1; the same ``(n, seed)`` gives the same points.
        """

    @abstractmethod
    def held_out_points(self, n: int, seed: int) -> FloatArray:
        """Return points [m, D] that are never among the training points of this seed.

        Args:
            n: number of points, at least 1; fewer where there are no more.
            seed: as of `training_points`.
        """
