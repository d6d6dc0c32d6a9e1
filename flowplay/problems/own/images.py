"""Small images that somebody brings along, or a built-in set of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from flowplay import shelf
from flowplay.catalog import Data, DataName
from flowplay.problems.images.base import ImageProblem, Images, Part
from flowplay.problems.own.drawing import Own

if TYPE_CHECKING:
    from flowplay.wire.own_data import ImageSet

#: Shares of the different images that are held out, and how many these are at most.
TEST_SHARE: Final = 0.2
VALIDATION_SHARE: Final = 0.1
MOST_TEST: Final = 1000
MOST_VALIDATION: Final = 150

#: Built-in sets: name -> what they are called.
BUILT_IN: Mapping[str, str] = {"shapes": "Shapes"}

_SPLIT_STREAM = 0x1A6E5


@dataclass(frozen=True, eq=False)
class OwnImages(Own, ImageProblem):
    """Small images of 256 levels; the seed decides which are held out.

    Images that are equal are in the same part, so that no part holds one of another part.

    Args:
        data: name of a built-in set, or digest of an `ImageSet`.

    Raises:
        MissingDataError: by whatever needs the data, if they are not here.

    Example:
        >>> from flowplay.problems import make_problem
        >>> make_problem("own_images").shape
        (16, 16, 1)
    """

    name = "own_images"
    label = "Own images"
    summary = (
        "Pictures of your own as small images of 8 × 8 or 16 × 16 pixels with 256 levels, each "
        "picture as one image or cut into tiles."
    )
    levels = 256
    gives: ClassVar[Data] = "photographs"
    options = (
        DataName("data", "Data", "A built-in set, or digest of own data.", "shapes", BUILT_IN),
    )

    data: str = "shapes"

    @cached_property
    def image_set(self) -> ImageSet:
        """The images."""
        from flowplay.wire.own_data import ImageSet

        if self.data in BUILT_IN:
            return _EXAMPLES[self.data]()
        return ImageSet.from_bytes(shelf.get(self.data))

    @property
    def title(self) -> str:
        """What the images are called."""
        return self.image_set.title

    @property
    def shape(self) -> tuple[int, int, int]:
        """H, W, C."""
        _, height, width, channels = self.image_set.levels.shape
        return height, width, channels

    @property
    def turns(self) -> bool:
        """Whether they are tiles: a tile that is turned is a tile again."""
        return self.image_set.tiles

    def images(self, part: Part, seed: int) -> Images:
        """Return a part of the images; they have no labels."""
        return Images(self.image_set.levels[_split(self, seed)[part]], None)

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """For each image [n] which of the different images it is."""
        levels = self.image_set.levels
        _, groups = np.unique(levels.reshape(len(levels), -1), axis=0, return_inverse=True)
        found: NDArray[np.intp] = groups.reshape(-1)
        return found


@lru_cache(maxsize=8)
def _split(problem: OwnImages, seed: int) -> dict[Part, NDArray[np.intp]]:
    """Return which images are in which part, as indices."""
    different = int(problem.groups.max()) + 1
    order = np.random.default_rng([_SPLIT_STREAM, seed]).permutation(different)
    test = min(MOST_TEST, round(TEST_SHARE * different))
    validation = min(MOST_VALIDATION, round(VALIDATION_SHARE * different))
    of_part: dict[Part, NDArray[np.intp]] = {
        "test": order[:test],
        "validation": order[test : test + validation],
        "train": order[test + validation :],
    }
    return {
        part: np.flatnonzero(np.isin(problem.groups, groups)) for part, groups in of_part.items()
    }


@lru_cache(maxsize=1)
def _shapes() -> ImageSet:
    """Draw 1,000 discs, rings and squares of random sizes and places."""
    from flowplay.wire.own_data import ImageSet

    rng = np.random.default_rng(0)
    count, side = 1000, 16
    radius = rng.uniform(2.5, 5.5, (count, 1, 1))
    along, down = (rng.uniform(6, side - 6, (count, 1, 1)) for _ in range(2))
    x = np.arange(side) + 0.5 - along
    y = np.arange(side)[:, None] + 0.5 - down
    away = np.hypot(x, y)
    inside = [radius - away, 1 - np.abs(radius - away), radius - np.maximum(np.abs(x), np.abs(y))]
    drawn = np.choose(rng.integers(3, size=(count, 1, 1)), inside)
    ink = np.round(255 * np.clip(drawn + 0.5, 0, 1)).astype(np.uint8)
    return ImageSet(BUILT_IN["shapes"], ink[..., None], False)


_EXAMPLES: Final[Mapping[str, Callable[[], ImageSet]]] = {"shapes": _shapes}
