"""Glow of images: squeeze, steps, split, at one scale after the other."""

from __future__ import annotations

from typing import Any, NamedTuple

from flowplay.flows.base import Bijection
from flowplay.flows.chain import Link
from flowplay.flows.glow import ActNorm, InvertibleLinear
from flowplay.flows.images.coupling import ImageCoupling
from flowplay.flows.images.network import Given
from flowplay.flows.images.positions import EachPosition, First
from flowplay.flows.images.squeeze import Squeeze
from flowplay.flows.transformers import Affine, LogisticMixture, Transformer


class Scale(NamedTuple):
    """What one scale of `image_glow` does to the coordinates.

    Attributes:
        channels: after its squeeze.
        side: of the square of positions after its squeeze.
        first: the first coordinate that ends here: of those that the split takes away, or at the
            last scale of all that are left.
        rows: coordinates that come into this scale; they are [channels, side, side].
    """

    channels: int
    side: int
    first: int
    rows: int


def scales_of(shape: tuple[int, int, int], scales: int) -> list[Scale]:
    """Return the scales of a multi-scale Glow of images H, W, C, the finest first.

    Example:
        >>> scales_of((8, 8, 1), 2)[0]
        Scale(channels=4, side=4, first=32, rows=64)
    """
    side, _, channels = shape
    found = []
    for scale in range(scales):
        channels, side = 4 * channels, side // 2
        rows = channels * side * side
        if scale < scales - 1:
            found.append(Scale(channels, side, rows // 2, rows))
            channels //= 2
        else:
            found.append(Scale(channels, side, 0, rows))
    return found


def image_glow(
    shape: tuple[int, int, int],
    scales: int,
    steps: int,
    width: int,
    coupling: str = "mixture",
    components: int = 3,
    dropout: float = 0.1,
    classes: int = 0,
    given: Given | None = None,
) -> list[Bijection]:
    """Build the layers of a multi-scale Glow, in generating order, without `Logit`.

    In the normalizing direction each scale squeezes, takes `steps` times an activation
    normalization, an invertible 1 × 1 convolution and a coupling, and splits: half of the channels
    get a Gaussian given the other half, which go on to the next scale. The last scale does not
    split.

    Args:
        shape: H, W, C of the image; the coordinates of x are ordered like this.
        scales: L.
        steps: K.
        width: hidden units of the networks.
        coupling: `affine`, or `mixture` for that of Flow++.
        components: of each mixture.
        dropout: of the networks' units.
        classes: number of labels that the networks are given; 0 for none.
        given: holds the labels of a batch.

    Raises:
        ValueError: if the image cannot be squeezed so often, or is not square.

    References:
        Kingma & Dhariwal, Glow: Generative Flow with Invertible 1x1 Convolutions, 2018.
        Ho, Chen, Srinivas, Duan & Abbeel, Flow++: Improving Flow-Based Generative Models with
        Variational Dequantization and Architecture Design, 2019.
    """
    side, columns, channels = shape
    if side != columns or side % 2**scales:
        raise ValueError(f"An image of {side} × {columns} cannot be squeezed {scales} times.")
    network: dict[str, Any] = {"dropout": dropout, "classes": classes, "given": given}
    layers: list[Bijection] = []
    whole = side * side * channels

    def add(layer: Link[Any], rows: int) -> None:
        layers.append(layer if rows == whole else First(layer, rows))

    for scale in range(scales):
        rows = channels * side * side
        add(Squeeze((channels, side, side), channels_last=scale == 0), rows)
        channels, side = 4 * channels, side // 2
        for _ in range(steps):
            transformer: Transformer[Any]
            transformer = Affine() if coupling == "affine" else LogisticMixture(components)
            add(EachPosition(ActNorm(channels), side * side), rows)
            add(EachPosition(InvertibleLinear(channels), side * side), rows)
            add(ImageCoupling(channels, side, width, transformer, **network), rows)
        if scale < scales - 1:
            add(ImageCoupling(channels, side, width, Affine(), **network), rows)
            channels //= 2
    return layers[::-1]
