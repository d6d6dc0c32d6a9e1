"""The walk through a flow's layers as an animated GIF: density, lattice and samples."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from flowplay.figures.colors import ORANGE, PALETTE
from flowplay.inside import InsideFrames
from flowplay.pictures import POINT_UNITS

#: Pixels along each side; pictures in the whole animation at most, which bounds file and work.
SIDE: Final = 360
MOST_PICTURES: Final = 80

#: Pictures between two layers at most, and milliseconds that each of them and each layer stays.
_TWEENS: Final = 6
_TWEEN_MS: Final = 70
_LAYER_MS: Final = 500

#: The last colours of the palette draw what lies on the density.
_DENSITY_COLORS: Final = 252
_DOT, _LINE, _TEXT, _SHADOW = range(_DENSITY_COLORS, 256)

#: Samples that are drawn; more would only hide the density.
_DOTS: Final = 600


def layers_gif(frames: bytes) -> bytes:
    """Draw the animation from the base to the data, and there it stays for a moment.

    Args:
        frames: bytes of `flowplay.inside.InsideFrames`.

    Returns:
        A GIF that loops, in the exact colours of the page.
    """
    inside = InsideFrames.from_bytes(frames)
    last = len(inside.states) - 1
    tweens = max(1, min(_TWEENS, MOST_PICTURES // max(1, last)))
    pictures, durations = [], []
    for step in range(last * tweens + 1):
        pictures.append(_picture(inside, step / tweens))
        durations.append(_TWEEN_MS if step % tweens else _LAYER_MS)
    durations[-1] = 4 * _LAYER_MS
    file = io.BytesIO()
    pictures[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
        optimize=False,
    )
    return file.getvalue()


def _picture(frames: InsideFrames, t: float) -> Image.Image:
    """Draw the instant t, in frames from the base; between two of them it is interpolated."""
    i = min(int(t), len(frames.states) - 1)
    j = min(i + 1, len(frames.states) - 1)
    s = t - i
    image = Image.fromarray(_density(frames, i, j, s), "P")
    image.putpalette(_palette())
    draw = ImageDraw.Draw(image)

    lattice = _pixels(frames, frames.lattice[i], frames.lattice[j], s)
    squares = frames.cell_area.shape[1]
    stride = (lattice.shape[0] - 1) // squares
    for lines in (lattice, lattice.swapaxes(0, 1)):
        for line in lines[::stride]:
            draw.line([tuple(p) for p in line.tolist()], fill=_LINE)
    for x, y in _pixels(frames, frames.samples[i], frames.samples[j], s)[:_DOTS].tolist():
        draw.ellipse((x - 1, y - 1, x + 1, y + 1), fill=_DOT)

    text = _text(frames, i, j, s)
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        draw.text((8 + dx, 6 + dy), text, fill=_SHADOW)
    draw.text((8, 6), text, fill=_TEXT)
    return image


def _density(frames: InsideFrames, i: int, j: int, s: float) -> NDArray[np.uint8]:
    """Return codes [SIDE, SIDE] of the shown window, highest y first, faded from frame i to j."""
    box = (1 - s) * np.array(frames.boxes[i]) + s * np.array(frames.boxes[j])
    centres = frames.near * (2 * (np.arange(SIDE) + 0.5) / SIDE - 1)
    cells = frames.density.shape[1]
    column = np.floor((centres - box[0]) / (box[1] - box[0]) * cells).astype(int)
    row = np.floor((centres[::-1] - box[2]) / (box[3] - box[2]) * cells).astype(int)
    faded = (1 - s) * frames.density[i].astype(float) + s * frames.density[j]
    codes = faded[np.clip(row, 0, cells - 1)][:, np.clip(column, 0, cells - 1)]
    within = ((row >= 0) & (row < cells))[:, None] & ((column >= 0) & (column < cells))
    scaled: NDArray[np.uint8] = np.rint(
        np.where(within, codes, 0) * (_DENSITY_COLORS - 1) / 255
    ).astype(np.uint8)
    return scaled


def _pixels(
    frames: InsideFrames, before: NDArray[np.int16], after: NDArray[np.int16], s: float
) -> NDArray[np.float64]:
    """Return pixel positions [..., 2] of coded positions on their way."""
    low, high = frames.window[:2]
    units = (1 - s) * before.astype(float) + s * after
    place = low + units / POINT_UNITS * (high - low)
    share = (place + frames.near) / (2 * frames.near)
    return np.stack([share[..., 0] * SIDE, (1 - share[..., 1]) * SIDE], -1)


def _text(frames: InsideFrames, i: int, j: int, s: float) -> str:
    if s:
        return f"z{frames.states[i]} to z{frames.states[j]}, interpolated"
    if i == 0:
        return "z0: the base"
    return f"z{frames.states[i]} of {frames.layers}: {frames.names[i]}"


def _palette() -> list[int]:
    last = len(PALETTE) - 1
    shown = np.rint(np.linspace(0, last, _DENSITY_COLORS)).astype(int)
    extra: Sequence[tuple[int, int, int]] = (
        (int(ORANGE[1:3], 16), int(ORANGE[3:5], 16), int(ORANGE[5:7], 16)),
        (150, 160, 190),
        (255, 255, 255),
        (16, 24, 42),
    )
    return [*PALETTE[shown].ravel().tolist(), *(value for color in extra for value in color)]
