"""Compressed images on their way from a worker to a page, and back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import Packed

#: Other compressors by key, and what a person reads.
OTHERS = {
    "lzma": "lzma",
    "bz2": "bz2",
    "zlib": "zlib",
    "webp_sheet": "WebP lossless, one sheet",
    "png_sheet": "PNG, one sheet",
    "webp_each": "WebP lossless, each image",
    "png_each": "PNG, each image",
}


@dataclass(frozen=True)
class Compressed(Packed):
    """Images as the file that a codec made of them.

    Attributes:
        file: its bytes, as uint8.
        digest: of the images, see `digest_of`.
        figures: what `flowplay.codec.report` found.
    """

    KIND: ClassVar[str] = "compressed images"

    file: NDArray[np.uint8]
    digest: str
    figures: dict[str, Any]


@dataclass(frozen=True)
class Restored(Packed):
    """Images that were read from a compressed file.

    Attributes:
        images: [n, H, W] or [n, H, W, C] uint8.
        digest: of the images, see `digest_of`.
    """

    KIND: ClassVar[str] = "restored images"

    images: NDArray[np.uint8]
    digest: str


def digest_of(images: NDArray[np.uint8]) -> str:
    """Return a hash of images, their number and every value."""
    about = f"{len(images)} {images.size} ".encode()
    return hashlib.sha256(about + np.ascontiguousarray(images).tobytes()).hexdigest()
