"""Data that somebody brings along: a drawing on a lattice, the rows of a table, or small images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import Packed

#: Cells along each side of a drawing at most.
MOST_CELLS: Final = 256

#: Rows and columns of a table at most, and columns at least.
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 16
LEAST_COLUMNS: Final = 2

#: Rows of a table that differ from each other, at least: some of them are held out.
LEAST_ROWS: Final = 10

#: Small images at most; and those that differ from each other, at least.
MOST_IMAGES: Final = 10_000
LEAST_IMAGES: Final = 20

#: Pixels along each side that small images may have.
SIDES: Final = (8, 16)


@dataclass(frozen=True)
class Drawing(Packed):
    """Weights on the square cells of a lattice: what was painted, or a picture.

    Attributes:
        title: what it is called.
        weights: [H, W] uint16, not all 0; row 0 is the top.

    Raises:
        ValueError: if the weights are none of these; the message is one sentence.
    """

    KIND: ClassVar[str] = "drawing"

    title: str
    weights: NDArray[np.uint16]

    def __post_init__(self) -> None:
        """Refuse what is no drawing."""
        shape = self.weights.shape
        if self.weights.dtype != np.uint16 or len(shape) != 2 or min(shape) < 1:
            raise ValueError("A drawing has the weights of the cells of a lattice.")
        if max(shape) > MOST_CELLS:
            raise ValueError(f"A drawing has at most {MOST_CELLS} cells along each side.")
        if not self.weights.any():
            raise ValueError("This drawing is empty.")


@dataclass(frozen=True)
class Table(Packed):
    """Columns of numbers, with a name each.

    Attributes:
        title: what it is called.
        columns: names of the columns.
        rows: [n, D] float64, finite; no column is constant.

    Raises:
        ValueError: if the rows are none of these, too few or too many; the message is one sentence.
    """

    KIND: ClassVar[str] = "table"

    title: str
    columns: list[str]
    rows: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse what cannot be learned."""
        rows, names = self.rows, self.columns
        if rows.dtype != np.float64 or rows.ndim != 2 or rows.shape[1] != len(names):
            raise ValueError("A table has a number in each row of each column.")
        if not LEAST_COLUMNS <= len(names) <= MOST_COLUMNS:
            raise ValueError(
                f"A table has {LEAST_COLUMNS} to {MOST_COLUMNS} columns, not {len(names)}."
            )
        if len(set(names)) != len(names):
            raise ValueError("Each column can be chosen once only.")
        if len(rows) > MOST_ROWS:
            raise ValueError(f"A table has at most {MOST_ROWS:,} rows, not {len(rows):,}.")
        # Squares of larger numbers, and their sums, may leave the range of numbers.
        if not (np.abs(rows) < 1e100).all():
            raise ValueError("A table has finite numbers only, smaller than 1e100.")
        different = len(np.unique(rows, axis=0))
        if different < LEAST_ROWS:
            raise ValueError(
                f"The table has {different} different complete "
                f"row{'s' * (different != 1)}; at least {LEAST_ROWS} are needed."
            )
        for name, low, high in zip(names, rows.min(0), rows.max(0), strict=True):
            if low == high:
                raise ValueError(f"The column {name} is constant: there is nothing to learn.")


@dataclass(frozen=True)
class ImageSet(Packed):
    """Small square images of one shape.

    Attributes:
        title: what they are called.
        levels: [n, S, S, C] uint8, with S 8 or 16. C is 3 for colours, or 1 for grey, which is told
            as ink: 0 is white paper and 255 is black.
        tiles: whether they are parts of larger pictures.

    Raises:
        ValueError: if the images are none of these, too few or too many; the message is one
            sentence.
    """

    KIND: ClassVar[str] = "image set"

    title: str
    levels: NDArray[np.uint8]
    tiles: bool

    def __post_init__(self) -> None:
        """Refuse what cannot be learned."""
        levels = self.levels
        if levels.dtype != np.uint8 or levels.ndim != 4:
            raise ValueError("A set of images has whole levels from 0 to 255.")
        count, height, width, channels = levels.shape
        if height != width or height not in SIDES or channels not in (1, 3):
            raise ValueError("Images are squares of 8 × 8 or 16 × 16 pixels, grey or in colour.")
        if count > MOST_IMAGES:
            raise ValueError(f"A set has at most {MOST_IMAGES:,} images, not {count:,}.")
        different = len(np.unique(levels.reshape(count, -1), axis=0)) if count else 0
        if different < LEAST_IMAGES:
            raise ValueError(
                f"There {'is' if different == 1 else 'are'} {different} different "
                f"image{'s' * (different != 1)} of {height} × {width} pixels; at least "
                f"{LEAST_IMAGES} are needed."
            )
