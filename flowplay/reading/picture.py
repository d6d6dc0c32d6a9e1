"""Pictures, and names written as pictures, become weights on a lattice."""

from __future__ import annotations

import io
import warnings
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from flowplay.reading.errors import UnreadableError
from flowplay.reading.ink import LEVELS, Ink, inked, weighed
from flowplay.reading.limits import MOST_BYTES, MOST_PIXELS
from flowplay.wire import Drawing, Shades

#: Cells of the longer side.
CELLS: Final = 192

#: Letters of a written name at most.
MOST_LETTERS: Final = 24

_FORMATS: Final = ("PNG", "JPEG", "WEBP")
_LONGEST_SHAPE: Final = 50.0  # longer side over shorter side


def read_picture(
    data: bytes,
    *,
    ink: Ink = "auto",
    threshold: float = 0.15,
    contrast: float = 1.0,
    title: str = "Picture",
) -> Drawing:
    """Read PNG, JPEG or WebP as a density; of an animation its first frame.

    Args:
        data: the file.
        ink: as of `flowplay.reading.ink.inked`.
        threshold: as there.
        contrast: as there.
        title: what the picture is called.

    Raises:
        UnreadableError: if it is no such picture, too large, or empty.
    """
    return inked(read_shades(data), ink=ink, threshold=threshold, contrast=contrast, title=title)


def read_shades(data: bytes) -> Shades:
    """Read the colours of PNG, JPEG or WebP, upright and small; of an animation its first frame.

    Raises:
        UnreadableError: if it is no such picture, or too large.
    """
    small = rescaled(opened(data, 4 * CELLS), CELLS)
    return Shades(np.array(small, np.uint8))


def opened(data: bytes, longest: int) -> Image.Image:
    """Decode PNG, JPEG or WebP, upright and in RGBA; of an animation its first frame.

    Args:
        data: the file.
        longest: a JPEG may come smaller, but for a longer side of so many pixels.

    Raises:
        UnreadableError: if it is no such picture, or too large.
    """
    if len(data) > MOST_BYTES:
        raise UnreadableError(f"This file has more than {MOST_BYTES // 10**6} MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise UnreadableError(
                    f"This picture has {width * height / 1e6:.0f} megapixels; at most "
                    f"{MOST_PIXELS // 10**6} are read."
                )
            if max(width, height) > _LONGEST_SHAPE * min(width, height):
                raise UnreadableError(
                    f"This picture is too long and narrow: {width} × {height} pixels."
                )
            image.draft("RGB", (longest, longest))
            return ImageOps.exif_transpose(image).convert("RGBA")
    except UnreadableError:
        raise
    except Image.DecompressionBombError:
        raise UnreadableError(
            f"This picture has more than {MOST_PIXELS // 10**6} megapixels, the most that is read."
        ) from None
    except Exception:
        # Whatever a decoder stumbles over.
        raise UnreadableError("This is no PNG, JPEG or WebP picture that can be read.") from None


def write_name(text: str) -> Drawing:
    """Draw a name as a picture.

    Raises:
        UnreadableError: if it has no letter that can be drawn, or too many letters.
    """
    text = " ".join(text.split())
    if not text:
        raise UnreadableError("Type a name or a word.")
    if len(text) > MOST_LETTERS:
        raise UnreadableError(f"A name has at most {MOST_LETTERS} letters here.")
    font = ImageFont.load_default(96)
    try:
        box = font.getbbox(text)
        size = int(box[2] - box[0]) + 16, int(box[3] - box[1]) + 16
        page = Image.new("L", size)
        ImageDraw.Draw(page).text((8 - box[0], 8 - box[1]), text, fill=255, font=font)
    except (ValueError, OSError, UnicodeError):
        raise UnreadableError("This name cannot be drawn.") from None
    small = rescaled(page, CELLS)
    return weighed(np.asarray(small, np.float64) / LEVELS, 0.15, 1.0, text)


def rescaled(image: Image.Image, longest: int) -> Image.Image:
    """Return an image whose longer side has so many pixels."""
    width, height = image.size
    scale = longest / max(width, height)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    return image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
