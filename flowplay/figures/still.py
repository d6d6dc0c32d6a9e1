"""One still picture of a run: a thumbnail, and the card that a link to it unfurls into."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from flowplay.figures.colors import ORANGE, PALETTE
from flowplay.wire import DensityPicture, ImagesPicture, SamplesPicture, Snapshot

_GROUND: Final = "#0e131b"
_TEXT: Final = "#e6ebf2"
_FAINT: Final = "#9aa6b5"

#: Images that a still shows, in a square of this side.
_IMAGES_SIDE: Final = 6

#: Grey of the lines between images.
_LINE: Final = 128

#: Part of the points of a cloud that a picture without a window leaves out, at each side.
_OUTLIERS: Final = 1.0


def still(snapshot: Snapshot, side: int) -> Image.Image:
    """Return the picture of a run as a square in the house colours.

    Its density; else its images; else its samples. Without any of these it is empty.

    Args:
        snapshot: of the run.
        side: pixels along each side.
    """
    if (density := snapshot.picture(DensityPicture)) is not None:
        return _density(density, side)
    if (images := snapshot.picture(ImagesPicture)) is not None:
        return _images(images, side)
    samples = snapshot.picture(SamplesPicture)
    if samples is not None and samples.points.shape[1] >= 2 and len(samples.points):
        return _samples(samples, side)
    return Image.new("RGB", (side, side), _GROUND)


def still_png(snapshot: Snapshot, side: int) -> bytes:
    """Return `still` as the bytes of a PNG."""
    return _png(still(snapshot, side))


def card_png(
    snapshot: Snapshot,
    size: tuple[int, int],
    title: str,
    lines: Sequence[str],
    figures: Sequence[tuple[str, str]],
) -> bytes:
    """Draw a run's picture beside what it is, as a PNG.

    Args:
        snapshot: of the run.
        size: pixels in width and height; 1200 x 630 is what the sizes of the text are made for.
        title: what is learned.
        lines: what learns it, and the like.
        figures: label and value of what it is judged by, the first the largest.
    """
    width, height = size
    card = Image.new("RGB", size, _GROUND)
    card.paste(still(snapshot, height), (0, 0))
    draw = ImageDraw.Draw(card)
    left, room = height + 56, width - height - 56 - 40
    y = 70.0
    y = _write(draw, (left, y), title, 60, _TEXT, room) + 14
    for line in lines:
        y = _write(draw, (left, y), line, 32, _FAINT, room) + 8
    y += 46
    styles = ((84, ORANGE), (48, _TEXT))
    for (pixels, color), (label, value) in zip(styles, figures, strict=False):
        y = _write(draw, (left, y), label, 28, _FAINT, room) + 6
        y = _write(draw, (left, y), value, pixels, color, room) + 26
    _write(draw, (left, height - 76), "flowplay", 30, _FAINT, room)
    return _png(card)


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: float,
    color: str,
    room: float,
) -> float:
    """Write one line, smaller where it would not fit; return the y of its lower end."""
    # The font that Pillow brings lacks this sign.
    text = text.replace("‖", "||")
    font = ImageFont.load_default(size)
    if (length := draw.textlength(text, font)) > room:
        font = ImageFont.load_default(max(16.0, size * room / length))
    draw.text(at, text, fill=color, font=font, anchor="la")
    return float(draw.textbbox(at, text, font=font, anchor="la")[3])


def _density(picture: DensityPicture, side: int) -> Image.Image:
    grey = Image.fromarray(np.ascontiguousarray(picture.code[::-1]))
    # Resized before it is coloured: between two densities lies a density, not a mixed colour.
    grey = grey.resize((side, side), Image.Resampling.BICUBIC)
    grey.putpalette(PALETTE.tobytes())
    return grey.convert("RGB")


def _images(picture: ImagesPicture, side: int) -> Image.Image:
    levels = picture.levels[: _IMAGES_SIDE**2]
    light = np.rint(levels * (255.0 / picture.brightest)).astype(np.uint8)
    n, h, w, channels = light.shape
    if channels == 1:
        # Grey is drawn as ink on paper, as the pages do.
        light = np.repeat(255 - light, 3, axis=3)
    # With a line at the right and below each.
    h, w = h + 1, w + 1
    sheet = np.full((_IMAGES_SIDE**2, h, w, 3), _LINE, np.uint8)
    sheet[:n, :-1, :-1] = light[..., :3]
    grid = sheet.reshape(_IMAGES_SIDE, _IMAGES_SIDE, h, w, 3).swapaxes(1, 2)
    whole = Image.fromarray(grid.reshape(_IMAGES_SIDE * h, _IMAGES_SIDE * w, 3))
    return whole.resize((side, side), Image.Resampling.NEAREST)


def _samples(picture: SamplesPicture, side: int) -> Image.Image:
    points = picture.points[:, :2].astype(np.float64)
    low, high = _window(picture, points)
    places = (points - low) / np.maximum(high - low, 1e-9) * side
    image = Image.new("RGB", (side, side), _GROUND)
    draw = ImageDraw.Draw(image)
    radius = max(1.0, side / 300)
    for x, y in places[np.isfinite(places).all(axis=1)].clip(-side, 2 * side).tolist():
        draw.ellipse((x - radius, side - y - radius, x + radius, side - y + radius), fill=ORANGE)
    return image


def _window(
    picture: SamplesPicture, points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if picture.window is not None:
        left, right, bottom, top = picture.window
        return np.array([left, bottom]), np.array([right, top])
    low, high = np.nanpercentile(points, (_OUTLIERS, 100 - _OUTLIERS), axis=0)
    return low, high


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
