"""Scikit-learn's handwritten digits."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from flowplay.problems.images.base import ImageProblem, Images, Part

#: Images of the parts that are not trained on; each has every digit as often as the whole has.
TEST = 360
VALIDATION = 100


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

    def images(self, part: Part, seed: int) -> Images:
        """Return a part of the digits: 1,337 to train on, 100 for validation, 360 to test."""
        return _split(seed)[part]


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
