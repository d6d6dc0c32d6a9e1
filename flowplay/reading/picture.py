"""Pictures, and names written as pictures, become weights on a lattice."""

from __future__ import annotations

import io
import warnings
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from flowplay.reading.errors import UnreadableError
from flowplay.reading.limits import MOST_BYTES, MOST_PIXELS
from flowplay.wire.own_data import Drawing

Ink: TypeAlias = Literal["auto", "dark", "bright"]

#: Cells of the longer side.
CELLS: Final = 192

#: Letters of a written name at most.
MOST_LETTERS: Final = 24

_FORMATS: Final = ("PNG", "JPEG", "WEBP")
_LEVELS: Final = 255
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
        ink: what is dense, the dark or the bright parts; `auto` takes what there is less of.
        threshold: parts with less ink than this share of the most are left empty.
        contrast: the power of the ink; above 1 only the strongest parts are dense.
        title: what the picture is called.

    Raises:
        UnreadableError: if it is no such picture, too large, or empty.
    """
    if len(data) > MOST_BYTES:
        raise UnreadableError(f"This file has more than {MOST_BYTES // 10**6} MB.")
    grey, opaque = _grey(data)
    if ink == "auto":
        seen = grey[opaque > 0.5]
        ink = "dark" if seen.size and seen.mean() > 0.5 else "bright"
    amount = (1 - grey if ink == "dark" else grey) * opaque
    return _drawing(amount, threshold, contrast, title)


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
    small = _fitted(page)
    return _drawing(np.asarray(small, np.float64) / _LEVELS, 0.15, 1.0, text)


def _grey(data: bytes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return brightness and opacity [H, W] from 0 to 1, upright and small."""
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
            image.draft("RGB", (4 * CELLS, 4 * CELLS))
            upright = ImageOps.exif_transpose(image)
            small = _fitted(upright.convert("RGBA"))
    except UnreadableError:
        raise
    except Image.DecompressionBombError:
        raise UnreadableError(
            f"This picture has more than {MOST_PIXELS // 10**6} megapixels, the most that is read."
        ) from None
    except Exception:
        # Whatever a decoder stumbles over.
        raise UnreadableError("This is no PNG, JPEG or WebP picture that can be read.") from None
    channels = np.asarray(small, np.float64) / _LEVELS
    return channels[..., :3] @ [0.299, 0.587, 0.114], channels[..., 3]


def _fitted(image: Image.Image) -> Image.Image:
    """Return an image whose longer side has `CELLS` cells."""
    width, height = image.size
    scale = CELLS / max(width, height)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    return image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)


def _drawing(amount: NDArray[np.float64], threshold: float, contrast: float, title: str) -> Drawing:
    most, least = float(amount.max()), float(amount.min())
    if most - least < 0.02:
        raise UnreadableError("This picture has one brightness only: there is nothing to learn.")
    share = (amount - least) / (most - least)
    weights = np.where(share > threshold, share**contrast, 0.0)
    return Drawing(title[:80] or "Picture", np.round(_LEVELS * weights).astype(np.uint16))
