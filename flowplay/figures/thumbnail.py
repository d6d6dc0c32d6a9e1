"""Densities as small PNG pictures: target pickers and headline stills."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from flowplay.codes import encode_density
from flowplay.figures.colors import PALETTE


def density_png(code: NDArray[np.uint8], size: int | None = None) -> bytes:
    """Draw a coded density as a PNG in the house colormap.

    Args:
        code: [H, W] uint8 from `flowplay.codes.encode_density`; row 0 is the lowest y.
        size: pixels of the longer side; the array's own size if not given.

    Returns:
        The PNG's bytes.
    """
    # Resized before it is coloured: between two densities lies a density, not a mixed colour.
    picture = Image.fromarray(np.ascontiguousarray(code[::-1]))
    if size is not None:
        zoom = size / max(picture.size)
        shape = (max(1, round(picture.width * zoom)), max(1, round(picture.height * zoom)))
        picture = picture.resize(shape, Image.Resampling.BICUBIC)
    picture.putpalette(PALETTE.tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def thumbnail(density: NDArray[np.floating], size: int = 96) -> bytes:
    """Draw a density as a small PNG on its own colour scale.

    Args:
        density: [H, W] probability density, in 1 / (data unit)^2; row 0 is the lowest y.
        size: pixels of the longer side.

    Returns:
        The PNG's bytes.
    """
    highest = float(np.max(density, initial=0.0, where=np.isfinite(density)))
    return density_png(encode_density(density, highest or 1.0), size)


def data_uri(png: bytes) -> str:
    """Return a PNG as a `data:` address, for use in HTML and Markdown."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
