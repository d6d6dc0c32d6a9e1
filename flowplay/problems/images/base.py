"""What every problem of images shares: levels, shape, labels, three parts that never overlap."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from flowplay.catalog import Data
from flowplay.problems.base import DataProblem, FloatArray

Part: TypeAlias = Literal["train", "validation", "test"]
"""To learn from; to watch and to choose by; for final figures only."""


class Images(NamedTuple):
    """Some images with their labels.

    Attributes:
        levels: [n, H, W, C] uint8, each from 0 to ``levels - 1`` of the problem.
        labels: [n] int64, an index into the problem's ``classes``; None where there are no labels.
    """

    levels: NDArray[np.uint8]
    labels: NDArray[np.int64] | None


class ImageProblem(DataProblem):
    """Images [H, W, C] whose values are whole numbers from 0 to ``levels - 1``.

    A point of the problem is an image flattened pixel by pixel, its channels together: its D =
    H·W·C coordinates are the levels themselves, as floating-point numbers. What is learned of it
    is a probability, not a density: an image has at most 0 nats.

    Attributes:
        levels: number of values that a channel of a pixel can take.
        classes: names of the labels; empty where there are none.
    """

    group = "Images"
    gives: ClassVar[Data] = "images"
    levels: ClassVar[int]
    classes: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int, int]:
        """H, W, C."""

    @property
    def turns(self) -> bool:
        """Whether an image that is mirrored or turned is one of the same kind."""
        return False

    @abstractmethod
    def images(self, part: Part, seed: int) -> Images:
        """Return a part of the images; no image is in two parts of one seed.

        Args:
            part: which one.
            seed: from 0 to 2³¹ − 1; it decides which image is in which part.
        """

    @property
    def dim(self) -> int:
        """D = H·W·C."""
        return math.prod(self.shape)

    @property
    def window(self) -> None:
        """None: an image is no point of the plane."""
        return

    @property
    def density(self) -> None:
        """None: what the images are drawn from is not known."""
        return

    def training_points(self, n: int, seed: int) -> FloatArray:
        """Return the first n images to train on [m, D], as levels."""
        return self.points("train", seed)[:n]

    def held_out_points(self, n: int, seed: int) -> FloatArray:
        """Return the first n images of the validation part [m, D], as levels."""
        return self.points("validation", seed)[:n]

    def points(self, part: Part, seed: int) -> FloatArray:
        """Return all images of a part [m, D], as levels."""
        return self.images(part, seed).levels.reshape(-1, self.dim).astype(np.float64)


def bits_per_dim(nats: float, dim: int) -> float:
    r"""Return bits per dimension: what each value of an image costs in an ideal code.

    .. math:: b = \frac{-\log P(x)}{D \ln 2}

    Args:
        nats: :math:`-\log P(x)` of a whole image, in nats.
        dim: D, the values of an image.

    Example:
        >>> round(bits_per_dim(64 * math.log(17), 64), 3)
        4.087
    """
    return nats / (dim * math.log(2))
