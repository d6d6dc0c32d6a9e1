"""What other compressors make of the same images, to compare with."""

from __future__ import annotations

import bz2
import io
import lzma
import math
import zlib
from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.compressed import OTHERS

#: WebP has no images of more pixels along a side.
_LONGEST_SIDE = 16_383

#: Of more images than these it would take too long to write a file for each.
_MOST_FILES = 5000


def other_sizes(
    images: NDArray[np.uint8], names: Collection[str] = tuple(OTHERS)
) -> dict[str, int | None]:
    """Return the bytes that others need for images [n, H, W] or [n, H, W, C], by key of `OTHERS`.

    lzma, bz2 and zlib get the values image by image and pixel by pixel, and the better counts. A
    sheet is a square of all images. None where a format has no image of that size, and for files of
    each image where there are more than 5,000.

    Args:
        images: uint8.
        names: keys of those that are wanted.
    """
    orders = [images.tobytes(), np.moveaxis(images, 0, -1).tobytes()]
    sheet = _sheet(images)
    fits = max(sheet.shape[:2]) <= _LONGEST_SIDE and sheet.size > 0
    sizes: dict[str, Callable[[], int | None]] = {
        "lzma": lambda: min(len(lzma.compress(o, lzma.FORMAT_ALONE, preset=9)) for o in orders),
        "bz2": lambda: min(len(bz2.compress(o)) for o in orders),
        "zlib": lambda: min(len(zlib.compress(o, 9)) for o in orders),
        "webp_sheet": lambda: _bytes(sheet, "WEBP") if fits else None,
        "png_sheet": lambda: _bytes(sheet, "PNG") if fits else None,
        "webp_each": lambda: _of_each(images, "WEBP"),
        "png_each": lambda: _of_each(images, "PNG"),
    }
    return {name: size() for name, size in sizes.items() if name in names}


def _of_each(images: NDArray[np.uint8], kind: str) -> int | None:
    if len(images) > _MOST_FILES:
        return None
    return sum(_bytes(image, kind) for image in images)


def _sheet(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return all images on one square sheet; cells that are left over are 0."""
    side = math.isqrt(max(0, len(images) - 1)) + 1 if len(images) else 0
    rows = math.ceil(len(images) / side) if side else 0
    cells = np.zeros((rows * side, *images.shape[1:]), np.uint8)
    cells[: len(images)] = images
    height, width, *channels = images.shape[1:]
    grid = cells.reshape(rows, side, height, width, *channels).swapaxes(1, 2)
    return grid.reshape(rows * height, side * width, *channels)


def _bytes(image: NDArray[np.uint8], kind: str) -> int:
    # Only who compares needs it: workers do not load it otherwise.
    from PIL import Image

    out = io.BytesIO()
    settings = {"optimize": True} if kind == "PNG" else {"lossless": True, "quality": 100}
    shown = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    Image.fromarray(shown).save(out, kind, **settings)
    return len(out.getvalue())
