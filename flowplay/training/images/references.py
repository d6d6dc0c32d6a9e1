"""Lengths of simple codes for images, which give bits per dimension a meaning."""

from __future__ import annotations

import math

import numpy as np

from flowplay.codec.others import other_sizes
from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.problems import ImageProblem

#: Test images that are compressed, at most.
MOST = 400


def references(config: RunConfig) -> dict[str, float]:
    """Return bits per dimension of codes that need no flow, for the test images of a problem.

    Returns:
        `uniform`: code words of equal length; `png`: all images on one sheet; `lzma`; `pixels`:
        each pixel by itself, with the frequencies that its levels have in the training part.

    Raises:
        RefusedError: if the problem is not of images.
    """
    problem = config.problem()
    if not isinstance(problem, ImageProblem):
        raise RefusedError(f"{problem.label} has no images.")
    test = problem.images("test", config.seed).levels[:MOST]
    flat = test.reshape(len(test), -1)
    train = problem.images("train", config.seed).levels.reshape(-1, problem.dim)
    bits = 0.0
    for values, known in zip(flat.T, train.T, strict=True):
        # One is added to each count, so that no level is impossible.
        counts = np.bincount(known, minlength=problem.levels) + 1.0
        bits -= float(np.log2(counts / counts.sum())[values].sum())
    sizes = other_sizes(test, ("png_sheet", "lzma"))
    found = {"uniform": math.log2(problem.levels)}
    for name, key in (("png", "png_sheet"), ("lzma", "lzma")):
        if (size := sizes[key]) is not None:
            found[name] = 8 * size / flat.size
    return found | {"pixels": bits / flat.size}
