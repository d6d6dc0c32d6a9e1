"""Images unlike those that were learned: does the model find them less likely?"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from flowplay.problems.images.digits import Digits
from flowplay.training.data import gives_labels
from flowplay.training.images.subject import bits_of, images_of, problem_of
from flowplay.training.live_run import LiveRun
from flowplay.wire import AnomaliesView

Levels: TypeAlias = NDArray[np.uint8]
Scores: TypeAlias = NDArray[np.floating]

#: How the complexity of an image is measured, to be subtracted from its bits.
Complexity: TypeAlias = Literal["none", "zlib", "png"]

#: Images of each kind, at most, and those that are shown of it.
MOST, SHOWN = 150, 8

#: Draws of the noise of each image; fewer where each image is judged with every label.
DRAWS, DRAWS_WITH_LABELS = 4, 1

_KINDS: dict[str, Callable[[Levels, int, np.random.Generator], Levels]] = {
    "inverted": lambda x, top, _: (top - x).astype(np.uint8),
    "shuffled pixels": lambda x, _, random: _shuffled(x, random),
    "rotated by 90°": lambda x, _, __: np.ascontiguousarray(np.rot90(x, axes=(1, 2))),
    "mirrored": lambda x, _, __: np.ascontiguousarray(x[:, :, ::-1]),
    "one pixel changed": lambda x, top, random: _one_changed(x, top, random),
    "noise": lambda x, top, random: random.integers(0, top + 1, x.shape, np.uint8),
    "blank": lambda x, _, __: np.zeros_like(x[:1]),
}


def anomalies_view(live: LiveRun, complexity: Complexity) -> AnomaliesView:
    r"""Score images of the validation part, and images that are none of its kind.

    The score is :math:`-\log_2 P(x)` in bits per dimension, less the bits of the compressed image
    where a complexity is chosen. AUC is the probability that an anomaly has a higher score than an
    image like those learned. Beside it stands that of the distance to the nearest image of the
    training part.

    References:
        Nalisnick et al., Do Deep Generative Models Know What They Don't Know?, 2019.
        Serrà et al., Input Complexity and Out-of-distribution Detection with Likelihood-based
        Generative Models, 2020.
    """
    problem = problem_of(live)
    normal = images_of(live).levels[:MOST]
    train = images_of(live, "train").levels
    top, random = problem.levels - 1, np.random.default_rng(0)
    groups: dict[str, Levels] = {"like those learned": normal}
    if isinstance(problem, Digits) and problem.without != "none":
        left_out = problem.left_out(live.config.seed).levels[:MOST]
        groups[f"the digit {problem.without}, left out"] = left_out
    groups |= {name: make(normal, top, random) for name, make in _KINDS.items()}
    every = np.concatenate(list(groups.values()))
    ends = np.cumsum([len(levels) for levels in groups.values()])[:-1]
    draws = DRAWS_WITH_LABELS if gives_labels(live.config) else DRAWS
    scores = bits_of(live, every, draws) - _complexity(every, complexity)
    distance = _nearest(every, train)
    by_kind, near = np.split(scores, ends), np.split(distance, ends)
    return AnomaliesView(
        brightest=top,
        kinds=list(groups),
        counts=[len(levels) for levels in groups.values()],
        scores=scores.astype(np.float32),
        auc=[auc(by_kind[0], found) for found in by_kind],
        auc_nearest=[auc(near[0], found) for found in near],
        examples=np.stack([_first(levels) for levels in groups.values()]),
    )


def auc(normal: Scores, anomalies: Scores) -> float:
    """Return how probable it is that an anomaly scores higher than a normal image; ties half.

    Example:
        >>> auc(np.array([1.0, 2.0]), np.array([3.0, 1.5]))
        0.75
    """
    apart = anomalies[:, None] - normal[None]
    return float((apart > 0).mean() + 0.5 * (apart == 0).mean())


def _complexity(images: Levels, kind: Complexity) -> Scores:
    """Return the length of each compressed image, in bits per dimension."""
    if kind == "none":
        return np.zeros(len(images))
    length = (lambda image: len(zlib.compress(image.tobytes(), 9))) if kind == "zlib" else _png
    sizes = np.array([length(image) for image in images], float)
    bits: Scores = 8 * sizes / images[0].size
    return bits


def _png(image: Levels) -> int:
    # Only who compares needs it: workers do not load it otherwise.
    from PIL import Image

    out = io.BytesIO()
    shown = image[..., 0] if image.shape[-1] == 1 else image
    Image.fromarray(shown).save(out, "PNG", optimize=True)
    return len(out.getvalue())


def _nearest(images: Levels, train: Levels) -> Scores:
    """Return the distance of each image to the nearest one of the training part."""
    a = images.reshape(len(images), -1).astype(np.float64)
    b = train.reshape(len(train), -1).astype(np.float64)
    square = (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)
    nearest: Scores = np.sqrt(np.maximum(square, 0).min(1))
    return nearest


def _shuffled(images: Levels, random: np.random.Generator) -> Levels:
    """Return images with their pixels in another order, the same for all."""
    n, h, w, c = images.shape
    return images.reshape(n, h * w, c)[:, random.permutation(h * w)].reshape(images.shape)


def _one_changed(images: Levels, top: int, random: np.random.Generator) -> Levels:
    """Return images of which one value is turned into its opposite end."""
    flat = images.reshape(len(images), -1).copy()
    rows, at = np.arange(len(flat)), random.integers(flat.shape[1], size=len(flat))
    flat[rows, at] = np.where(flat[rows, at] > top / 2, 0, top)
    return flat.reshape(images.shape)


def _first(levels: Levels) -> Levels:
    """Return the first images of a kind; one that stands alone is repeated."""
    return levels[np.arange(SHOWN) % len(levels)]
