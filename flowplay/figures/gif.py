"""The walk through a flow's layers as an animated GIF: density, lattice and samples.

As a program, `python -m flowplay.figures.gif`, it reads the frames from standard input and writes
the GIF to standard output.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from flowplay.codes import window_points
from flowplay.figures.colors import ORANGE, PALETTE
from flowplay.wire import LayerFrames

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

#: Points along each side from which on a lattice is fine enough to carry the density.
FINE_LATTICE: Final = 49

#: Every second line of the lattice is drawn: no colour of a palette is half transparent.
_SPARSE: Final = 2

#: The program gives way to pages and to training.
_NICENESS: Final = 10

#: Samples that are drawn; more would only hide the density.
_DOTS: Final = 600


def layers_gif(frames: bytes) -> bytes:
    """Draw the animation from the base to the data, and there it stays for a moment.

    Args:
        frames: bytes of `flowplay.wire.LayerFrames`.

    Returns:
        A GIF that loops, in the exact colours of the page.
    """
    inside = LayerFrames.from_bytes(frames)
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


def _picture(frames: LayerFrames, t: float) -> Image.Image:
    """Draw the instant t, in frames from the base; between two of them it is interpolated."""
    i = min(int(t), len(frames.states) - 1)
    j = min(i + 1, len(frames.states) - 1)
    s = t - i
    image = _density(frames, i, j, s)
    image.putpalette(_palette())
    draw = ImageDraw.Draw(image)
    lattice = _pixels(frames, frames.lattice[i], frames.lattice[j], s)
    squares = frames.cell_area.shape[1]
    stride = _SPARSE * (lattice.shape[0] - 1) // squares
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


def _density(frames: LayerFrames, i: int, j: int, s: float) -> Image.Image:
    """Draw the exact density of a frame; between two, that of the lattice's cells on their way."""
    if s == 0 or frames.lattice.shape[1] < FINE_LATTICE:
        return _faded(frames, i, j, s)
    image = Image.new("L", (SIDE, SIDE), 0)
    draw = ImageDraw.Draw(image)
    corners = _pixels(frames, frames.lattice[i], frames.lattice[j], s)
    codes = np.rint(between_codes(frames, i, j, s) * (_DENSITY_COLORS - 1) / 255).astype(int)
    rows, columns = corners.shape[0] - 1, corners.shape[1] - 1
    for row in range(rows):
        for column in range(columns):
            around = ((row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column))
            draw.polygon(
                [tuple(corners[place].tolist()) for place in around], fill=int(codes[row, column])
            )
    return _as_palette(image)


def between_codes(frames: LayerFrames, i: int, j: int, s: float) -> NDArray[np.float64]:
    """Return codes [L - 1, L - 1] of the density in the lattice's cells between two frames.

    The base's density shared out over an area that grows geometrically from one frame's to the
    other's, coded as `flowplay.codes.encode_density`.
    """
    side = frames.lattice.shape[1]
    line = np.linspace(-frames.base_reach, frames.base_reach, side)
    base = sum(
        weight
        * np.exp(-((line[:, None] - y) ** 2 + (line - x) ** 2) / (2 * std**2))
        / (2 * np.pi * std**2)
        for weight, x, y, std in frames.base
    )
    area = ((1 - s) * frames.lattice_area[i] + s * frames.lattice_area[j].astype(float)) / 127
    density = base * np.exp(-area * frames.total_limit)
    root = 255 * np.sqrt(np.minimum(density / frames.density_scale, 1))
    codes: NDArray[np.float64] = (root[1:, 1:] + root[1:, :-1] + root[:-1, 1:] + root[:-1, :-1]) / 4
    return codes


def _faded(frames: LayerFrames, i: int, j: int, s: float) -> Image.Image:
    """Fade from frame i to frame j, in a box that moves from one's to the other's."""
    left, right, bottom, top = (1 - s) * np.array(frames.boxes[i]) + s * np.array(frames.boxes[j])
    faded = (1 - s) * frames.density[i].astype(float) + s * frames.density[j]
    cells = len(faded)
    codes = np.rint(faded * (_DENSITY_COLORS - 1) / 255).astype(np.uint8)
    # Output pixels to cells: highest y first, nothing outside the box.
    width, height = (right - left) / cells, (top - bottom) / cells
    pixel, near = 2 * frames.near / SIDE, frames.near
    affine = (pixel / width, 0, (-near - left) / width, 0, pixel / height, (top - near) / height)
    image = Image.fromarray(np.ascontiguousarray(codes[::-1])).transform(
        (SIDE, SIDE), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR
    )
    return _as_palette(image)


def _as_palette(image: Image.Image) -> Image.Image:
    """Take grey levels as indices of a palette."""
    indexed = Image.new("P", image.size)
    indexed.frombytes(image.tobytes())
    return indexed


def _pixels(
    frames: LayerFrames, before: NDArray[np.int16], after: NDArray[np.int16], s: float
) -> NDArray[np.float64]:
    """Return pixel positions [..., 2] of coded positions on their way."""
    start, end = (window_points(units, frames.window) for units in (before, after))
    place = (1 - s) * start + s * end
    share = (place + frames.near) / (2 * frames.near)
    return np.stack([share[..., 0] * SIDE, (1 - share[..., 1]) * SIDE], -1)


def _text(frames: LayerFrames, i: int, j: int, s: float) -> str:
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
        (112, 126, 168),
        (255, 255, 255),
        (16, 24, 42),
    )
    return [*PALETTE[shown].ravel().tolist(), *(value for color in extra for value in color)]


if __name__ == "__main__":
    if sys.platform != "win32":
        os.nice(_NICENESS)
    sys.stdout.buffer.write(layers_gif(sys.stdin.buffer.read()))
