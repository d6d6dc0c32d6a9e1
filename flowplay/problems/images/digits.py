"""Scikit-learn's handwritten digits."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType

import numpy as np

from flowplay.catalog import Choice
from flowplay.problems.images.base import ImageProblem, Images, Part

#: Images of the parts that are not trained on; each has every digit as often as the whole has.
TEST = 360
VALIDATION = 100


WITHOUT = Choice(
    "without",
    "Leave out",
    "A digit that the model never sees. The page Images tells whether it finds it unlikely.",
    "none",
    MappingProxyType({"none": "None"} | {str(digit): str(digit) for digit in range(10)}),
)


class Digits(ImageProblem):
    """1,797 handwritten digits of 8 × 8 pixels with 17 levels of grey.

    References:
        Alpaydin & Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
        Repository, 1998.

    Example:
        >>> from flowplay.problems import make_problem
        >>> digits = make_problem("digits")
        >>> digits.images("test", seed=0).levels.shape
        (360, 8, 8, 1)
    """

    name = "digits"
    label = "Digits"
    summary = (
        "Handwritten digits of 8 × 8 pixels with 17 levels of grey: whole numbers, "
        "which a flow learns only with noise added or as the whole numbers that they are."
    )
    levels = 17
    shape = (8, 8, 1)
    classes = tuple("0123456789")

    options = (WITHOUT,)

    def __init__(self, without: str = "none") -> None:
        self.without = without

    def images(self, part: Part, seed: int) -> Images:
        """Return a part of the digits: 1,337 to train on, 100 for validation, 360 to test.

        Of a digit that is left out there is none in any part.
        """
        whole = _split(seed)[part]
        assert whole.labels is not None, "digits have labels"
        if self.without == "none":
            return whole
        kept = whole.labels != int(self.without)
        return Images(whole.levels[kept], whole.labels[kept])

    def left_out(self, seed: int) -> Images:
        """Return the images of the digit that is left out, but those of the test part."""
        parts = [_split(seed)[part] for part in ("validation", "train")]
        levels = np.concatenate([part.levels for part in parts])
        labels = np.concatenate([part.labels for part in parts if part.labels is not None])
        gone = labels == (-1 if self.without == "none" else int(self.without))
        return Images(levels[gone], labels[gone])


@lru_cache(maxsize=8)
def _split(seed: int) -> dict[Part, Images]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    levels, labels = load_digits(return_X_y=True)
    everything = np.arange(len(labels))
    rest, test = train_test_split(everything, test_size=TEST, random_state=seed, stratify=labels)
    train, validation = train_test_split(
        rest, test_size=VALIDATION, random_state=seed, stratify=labels[rest]
    )
    parts: dict[Part, np.ndarray] = {"train": train, "validation": validation, "test": test}
    return {
        part: Images(
            levels[index].astype(np.uint8).reshape(-1, *Digits.shape),
            labels[index].astype(np.int64),
        )
        for part, index in parts.items()
    }
