"""How well a codec did: bytes beside the ideal, other compressors, and the size of the model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from flowplay.codec.coder import ImageCodec
from flowplay.codec.others import other_sizes
from flowplay.wire.compressed import OTHERS


@torch.inference_mode()
def report(codec: ImageCodec, images: NDArray[np.uint8], size: int) -> dict[str, Any]:
    r"""Return the figures of a file of `size` bytes for images [n, H, W] or [n, H, W, C].

    Returns:
        `images`; `bytes` of the file; `bits_per_dim` of the file; `ideal_bytes`,
        :math:`-\log_2 P` of all images together over 8, None where an image has values that are
        no levels; `others`, the bytes of other compressors; `model_bytes`, those of the weights,
        which the file does not hold.
    """
    model = codec.model
    x = images.reshape(len(images), codec.dim)
    ideal = None
    if not (x >= model.levels).any():
        points = torch.from_numpy(x).to(next(model.parameters()))
        nats = float(-model.log_prob(points).double().sum()) if len(points) else 0.0
        ideal = nats / math.log(2) / 8
    return {
        "images": len(images),
        "bytes": size,
        "bits_per_dim": 8 * size / x.size if x.size else None,
        "ideal_bytes": ideal,
        "others": other_sizes(images),
        "model_bytes": 4 * sum(p.numel() for p in model.parameters()),
    }


def sentence(figures: dict[str, Any]) -> str:
    """Say what `report` found."""
    rivals = {key: size for key, size in figures["others"].items() if size is not None}
    best = min(rivals, key=lambda key: rivals[key])
    ideal = figures["ideal_bytes"]
    beside = "" if ideal is None else f" (−log₂ P: {ideal:,.1f})"
    return (
        f"{figures['images']} images in {figures['bytes']:,} bytes{beside}; "
        f"{OTHERS[best]} needs {rivals[best]:,}. The model has {figures['model_bytes']:,} bytes, "
        "which the file does not hold."
    )
