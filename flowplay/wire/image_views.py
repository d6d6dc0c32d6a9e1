"""What a worker finds in a trained model of images, on its way to the page Images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import Packed


@dataclass(frozen=True)
class ScalesView(Packed):
    """One image at each stage of a multi-scale flow.

    Attributes:
        image: [H, W, C] uint8.
        back: the image that its z gives again.
        brightest: the highest level that there is.
        scales: for each, `channels` and `side` after its squeeze, `rows` that come in, and `first`,
            the first coordinate that ends here.
        stages: for each, its `name` and the number of its `scale`.
        states: [stages, D] float32, the coordinates after each.
        again: [scales, n, H, W, C] uint8, images for which the z of one scale was drawn again.
        moved: for each scale, by how many levels these differ from the image, on average.
    """

    KIND: ClassVar[str] = "scales of an image"

    image: NDArray[np.uint8]
    back: NDArray[np.uint8]
    brightest: int
    scales: list[dict[str, int]]
    stages: list[dict[str, Any]]
    states: NDArray[np.float32]
    again: NDArray[np.uint8]
    moved: list[float]


@dataclass(frozen=True)
class WalkView(Packed):
    """One image on its way to noise, in normalizing order.

    Attributes:
        image: [H, W, C] uint8.
        brightest: the highest level that there is.
        names: of the K layers.
        log_dets: of each layer, in nats.
        bits: K + 1, in bits per dimension: before the first layer and after each, as if the base
            were the density there.
        states: [K + 1, H, W, C] float32: the image with noise, and the state after each layer, at
            the places of its coordinates.
        maps: [K, H, W] float32, the part of each log-det that belongs to each pixel, in nats.
    """

    KIND: ClassVar[str] = "walk of an image"

    image: NDArray[np.uint8]
    brightest: int
    names: list[str]
    log_dets: list[float]
    bits: list[float]
    states: NDArray[np.float32]
    maps: NDArray[np.float32]


@dataclass(frozen=True)
class BetweenView(Packed):
    """Images on the way from one to another.

    Attributes:
        brightest: the highest level that there is.
        images: [2, n, H, W, C] uint8: through z, and by a cross-fade of pixels.
        bits: [2, n] float32, of each image, in bits per dimension.
    """

    KIND: ClassVar[str] = "way between two images"

    brightest: int
    images: NDArray[np.uint8]
    bits: NDArray[np.float32]


@dataclass(frozen=True)
class LabelsView(Packed):
    """Images of the same z with other labels.

    Attributes:
        brightest: the highest level that there is.
        sources: [n, H, W, C] uint8.
        changed: [n, K, H, W, C] uint8, with each of the K labels.
        labels: of the sources.
        success: how often a classifier sees the new label.
        judged_right: how often it sees the label of a real image.
    """

    KIND: ClassVar[str] = "other labels of images"

    brightest: int
    sources: NDArray[np.uint8]
    changed: NDArray[np.uint8]
    labels: list[int]
    success: float
    judged_right: float


@dataclass(frozen=True)
class ArrowsView(Packed):
    """Images moved by the difference of two classes' means.

    Attributes:
        brightest: the highest level that there is.
        kinds: what was moved: `z`, `pixels`, and `label` where that was changed instead.
        sources: [n, H, W, C] uint8.
        made: [kinds, n, H, W, C] uint8.
        success: how often a classifier sees the new class, by kind.
        judged_right: how often it sees the label of a real image.
    """

    KIND: ClassVar[str] = "arrows between classes"

    brightest: int
    kinds: list[str]
    sources: NDArray[np.uint8]
    made: NDArray[np.uint8]
    success: dict[str, float]
    judged_right: float


@dataclass(frozen=True)
class DrawnView(Packed):
    """What a model says of an image that was drawn.

    Attributes:
        brightest: the highest level that there is.
        image: [H, W, C] uint8.
        bits: in bits per dimension.
        more: share of the validation images that take more bits.
        neighbours: [n, H, W, C] uint8, the nearest images of the training part.
        distances: of these, in levels.
        labels: of these; empty where there are none.
        posterior: the probability of each label; None where the model is given none.
    """

    KIND: ClassVar[str] = "judgement of a drawn image"

    brightest: int
    image: NDArray[np.uint8]
    bits: float
    more: float
    neighbours: NDArray[np.uint8]
    distances: list[float]
    labels: list[int]
    posterior: list[float] | None


@dataclass(frozen=True)
class NoiseView(Packed):
    """One value of an image with its noise.

    Attributes:
        image: [H, W, C] uint8.
        brightest: the highest level that there is.
        level: of the value.
        at: [n] float32, where the density was computed, in levels.
        density: [n] float32, of the value with noise, given the other values; its area is 1.
        levels: [L] float32, the area over each level.
        noise: [bars] float32, the density of the noise within the level, from draws.
        bounds: bits per dimension with `uniform` noise, with the model's `own`, and
            importance-weighted, `iw8` and `iw64`.
    """

    KIND: ClassVar[str] = "noise of a pixel"

    image: NDArray[np.uint8]
    brightest: int
    level: int
    at: NDArray[np.float32]
    density: NDArray[np.float32]
    levels: NDArray[np.float32]
    noise: NDArray[np.float32]
    bounds: dict[str, float]


@dataclass(frozen=True)
class ImagePosteriorView(Packed):
    """What a VAE says of the latent of one image, and the true posterior.

    Attributes:
        image: [H, W, C] uint8.
        brightest: the highest level that there is.
        window: z₁ from and to, z₂ from and to, of the lattice of z.
        log_true: [n, n] float32, log p(z | x) in nats; rows are of the second axis, from below.
        log_encoder: [n, n] float32, log q(z | x): after the flow, if there is one.
        before: window of the lattice of z₀, from which a flow starts.
        log_gaussian: [n, n] float32, of the encoder's Gaussian of z₀.
        log_prob: log P(x) in nats, by quadrature over the lattice.
        bound: the ELBO in nats, a mean over `draws`.
        importance: the importance-weighted bound in nats with `draws`.
        draws: of both.
    """

    KIND: ClassVar[str] = "posterior of an image"

    image: NDArray[np.uint8]
    brightest: int
    window: list[float]
    log_true: NDArray[np.float32]
    log_encoder: NDArray[np.float32]
    before: list[float]
    log_gaussian: NDArray[np.float32]
    log_prob: float
    bound: float
    importance: float
    draws: int


@dataclass(frozen=True)
class AnomaliesView(Packed):
    """Scores of images like those learned, and of others.

    Attributes:
        brightest: the highest level that there is.
        kinds: of images; the first is like those learned.
        counts: images of each kind.
        scores: float32, of all images, kind after kind, in bits per dimension.
        auc: of each kind against the first, by the score.
        auc_nearest: the same by the distance to the nearest training image.
        examples: [kinds, n, H, W, C] uint8.
    """

    KIND: ClassVar[str] = "anomalies"

    brightest: int
    kinds: list[str]
    counts: list[int]
    scores: NDArray[np.float32]
    auc: list[float]
    auc_nearest: list[float]
    examples: NDArray[np.uint8]
