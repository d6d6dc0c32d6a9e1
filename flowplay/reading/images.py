"""Pictures become small images of one shape: one file, or a ZIP of many, read in memory alone."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PureWindowsPath
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from flowplay.reading.errors import UnreadableError
from flowplay.reading.limits import MOST_BYTES, MOST_PICTURES, MOST_UNPACKED
from flowplay.reading.picture import opened, rescaled
from flowplay.wire.own_data import MOST_IMAGES, ImageSet

#: What becomes of a picture: its middle square as one image, or tiles that do not overlap.
Fit: TypeAlias = Literal["scale", "cut"]

#: Pixels of the longer side of a picture that is cut, at most.
LONGEST_CUT: Final = 512

_ARCHIVE: Final = b"PK"
_DAMAGED: Final = "This ZIP is damaged or incomplete."

#: What a ZIP may hold beside the pictures, without a word about it.
_UNSEEN: Final = ("__MACOSX", "Thumbs.db", "desktop.ini")


class ReadImages(NamedTuple):
    """Small images, and what was left out of them.

    Attributes:
        images: what can be learned.
        pictures: how many pictures they come from.
        left_out: files that could not be read as such pictures.
        why: of the first of these.
        found: images before some were left out, evenly, because there were too many.
    """

    images: ImageSet
    pictures: int
    left_out: int
    why: str
    found: int


def read_images(
    data: bytes,
    *,
    fit: Fit = "scale",
    side: int = 8,
    colour: bool = False,
    title: str = "Pictures",
) -> ReadImages:
    """Read a picture, or a ZIP of pictures, as small images.

    Nothing is written to a disk, so names in a ZIP lead nowhere; one that would is refused.

    Args:
        data: PNG, JPEG or WebP, or a ZIP of these.
        fit: what becomes of a picture.
        side: pixels along each side of an image, 8 or 16.
        colour: whether images keep their colours; else they are grey, as ink.
        title: what the images are called.

    Raises:
        UnreadableError: if there are no such pictures, or too few or too many images.
    """
    levels, pictures, refused = _small(data, fit, side, colour=colour)
    found = len(levels)
    if found > MOST_IMAGES:
        levels = levels[np.linspace(0, found - 1, MOST_IMAGES).astype(int)]
    try:
        images = ImageSet(title[:80] or "Pictures", levels, fit == "cut")
    except ValueError as error:
        advice = " Pictures can also be cut into tiles." if fit == "scale" else ""
        raise UnreadableError(f"{error}{advice}") from None
    return ReadImages(images, pictures, len(refused), refused[0] if refused else "", found)


def read_levels(data: bytes, *, fit: Fit, side: int, colour: bool, levels: int) -> bytes:
    """Read a picture, or a ZIP of pictures, as an .npy file of small images, however few.

    Args:
        data: as of `read_images`.
        fit: as of `read_images`.
        side: as of `read_images`.
        colour: as of `read_images`.
        levels: how many values a pixel may have; the 256 of a picture are rounded to these.

    Returns:
        An .npy file of uint8 [n, side, side, 3], or [n, side, side] without colours.

    Raises:
        UnreadableError: if there are no such pictures, or one of them cannot be read.
    """
    small, _, refused = _small(data, fit, side, colour=colour)
    if refused:
        raise UnreadableError(refused[0])
    rounded = np.rint(small * ((levels - 1) / 255)).astype(np.uint8)
    file = io.BytesIO()
    np.save(file, rounded if colour else rounded[..., 0])
    return file.getvalue()


def _small(
    data: bytes, fit: Fit, side: int, *, colour: bool
) -> tuple[NDArray[np.uint8], int, list[str]]:
    """Return the images [n, side, side, C], of how many pictures, and why others were left out."""
    if len(data) > MOST_BYTES:
        raise UnreadableError(f"This file has more than {MOST_BYTES // 10**6} MB.")
    made: list[NDArray[np.uint8]] = []
    refused: list[str] = []
    for content in _pictures(data):
        try:
            made.append(_images(content, fit, side, colour=colour))
        except UnreadableError as error:
            refused.append(str(error))
    if not made:
        raise UnreadableError(refused[0] if refused else "This ZIP holds no pictures.")
    return np.concatenate(made), len(made), refused


def _pictures(data: bytes) -> Iterator[bytes]:
    """Yield the file, or the files that a ZIP holds.

    Raises:
        UnreadableError: if the ZIP is damaged, hostile or too large.
    """
    if not data.startswith(_ARCHIVE):
        yield data
        return
    unpacked = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [info for info in archive.infolist() if _is_seen(info)]
            if len(members) > MOST_PICTURES:
                raise UnreadableError(
                    f"This ZIP holds more than {MOST_PICTURES:,} files, the most that are read."
                )
            for info in members:
                content = _unpacked(archive, info)
                unpacked += len(content)
                if unpacked > MOST_UNPACKED:
                    raise UnreadableError(
                        f"Unpacked, this ZIP has more than {MOST_UNPACKED // 10**6} MB."
                    )
                yield content
    except UnreadableError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError):
        # `RuntimeError` also stands for a way of packing that Python does not know.
        raise UnreadableError(_DAMAGED) from None


def _is_seen(info: zipfile.ZipInfo) -> bool:
    """Tell whether a member of a ZIP is to be read as a picture.

    Raises:
        UnreadableError: if its name leads out of the ZIP.
    """
    path = PureWindowsPath(info.filename)  # which knows both kinds of slashes, and drives
    if path.anchor or ".." in path.parts:
        raise UnreadableError("This ZIP holds a file whose name leads out of it.")
    hidden = any(part.startswith(".") or part in _UNSEEN for part in path.parts)
    return not (info.is_dir() or hidden)


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.flag_bits & 1:
        raise UnreadableError("This ZIP is encrypted.")
    too_large = f"Unpacked, a file of this ZIP has more than {MOST_BYTES // 10**6} MB."
    if info.file_size > MOST_BYTES:
        raise UnreadableError(too_large)
    with archive.open(info) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UnreadableError(too_large)
    if content.startswith(_ARCHIVE):
        raise UnreadableError("There is an archive in this archive; give pictures, or one ZIP.")
    return content


def _images(data: bytes, fit: Fit, side: int, *, colour: bool) -> NDArray[np.uint8]:
    """Return the images [n, side, side, C] that a picture becomes."""
    longest = LONGEST_CUT if fit == "cut" else 8 * side
    picture = opened(data, longest)
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    plain = flat.convert("RGB" if colour else "L")
    if fit == "scale":
        plain = ImageOps.fit(plain, (side, side), Image.Resampling.BOX)
    elif max(plain.size) > LONGEST_CUT:
        plain = rescaled(plain, LONGEST_CUT)
    rows, columns = plain.height // side, plain.width // side
    if not rows * columns:
        raise UnreadableError(f"This picture is smaller than a tile of {side} × {side} pixels.")
    pixels = np.array(plain, np.uint8)[: rows * side, : columns * side]
    levels = pixels if colour else 255 - pixels[..., None]
    tiles = levels.reshape(rows, side, columns, side, -1).swapaxes(1, 2)
    return np.ascontiguousarray(tiles.reshape(-1, side, side, levels.shape[-1]))
