"""Patches of scikit-learn's two sample photographs."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.catalog import Data
from flowplay.problems.images.base import ImageProblem, Images, Part

SIDE = 8

#: Patches to train on, cut anywhere from the left of the photograph.
TRAINING = 20_000

#: Columns at the right of the photograph that nothing is trained on.
VALIDATION_COLUMNS = 40


class PhotoPatches(ImageProblem):
    """Patches of 8 × 8 pixels with three channels of 256 levels, from photographs at half size.

    What is trained on and the validation come from the photograph of a temple; the test is the
    photograph of a flower, cut into patches that do not overlap.

    References:
        Scikit-learn: Machine Learning in Python (Pedregosa et al., 2011); the photographs were
        published under the Creative Commons Attribution licence.
    """

    name = "patches"
    label = "Photo patches"
    summary = (
        "Patches of 8 × 8 pixels of a photograph, in colour with 256 levels; "
        "the test are patches of another photograph."
    )
    levels = 256
    gives: ClassVar[Data] = "photographs"
    turns = True
    shape = (SIDE, SIDE, 3)

    def images(self, part: Part, seed: int) -> Images:
        """Return patches of a part; the seed decides where those to train on are cut."""
        if part == "test":
            return Images(_tiles(_photograph("flower.jpg")), None)
        temple = _photograph("china.jpg")
        if part == "validation":
            return Images(_tiles(temple[:, -VALIDATION_COLUMNS:]), None)
        return _training(seed)


@lru_cache(maxsize=4)
def _training(seed: int) -> Images:
    left = _photograph("china.jpg")[:, :-VALIDATION_COLUMNS]
    every = np.lib.stride_tricks.sliding_window_view(left, (SIDE, SIDE), axis=(0, 1))
    random = np.random.default_rng(seed)
    row, column = (random.integers(size, size=TRAINING) for size in every.shape[:2])
    return Images(np.ascontiguousarray(every[row, column].transpose(0, 2, 3, 1)), None)


def _tiles(photograph: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut a photograph [H, W, 3] into patches [n, 8, 8, 3]; what is left at the edges is lost."""
    rows, columns = photograph.shape[0] // SIDE, photograph.shape[1] // SIDE
    whole = photograph[: rows * SIDE, : columns * SIDE]
    tiles = whole.reshape(rows, SIDE, columns, SIDE, 3).swapaxes(1, 2)
    return np.ascontiguousarray(tiles.reshape(-1, SIDE, SIDE, 3))


@cache
def _photograph(name: str) -> NDArray[np.uint8]:
    """Return a photograph [213, 320, 3] at half its size."""
    # Only these two photographs need it: workers do not load it otherwise.
    from PIL import Image
    from sklearn.datasets import load_sample_image

    whole = Image.fromarray(load_sample_image(name))
    half = whole.resize((whole.width // 2, whole.height // 2), Image.Resampling.LANCZOS)
    return np.asarray(half)
