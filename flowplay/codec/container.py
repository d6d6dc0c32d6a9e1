"""The compressed file: what stands around the coded images, and how changes are found."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from flowplay.errors import RefusedError

#: What every file begins with; the last byte is the version.
MAGIC, VERSION = b"FPI", 1

_FINGERPRINT, _CHECKSUM = 4, 4

#: Most images of one file.
MOST_IMAGES = 10_000_000

#: What is said of a file whose checksum is right but whose contents cannot be.
NOT_WHOLE = "This file does not hold what its beginning says."


class CodecError(RefusedError):
    """Images or a file that a codec refuses; the message is one sentence for the reader."""


class Contents(NamedTuple):
    """What a compressed file holds.

    Attributes:
        images: how many there are.
        coded: the images that the model has coded.
        plain: the images that have values that are no levels, see `compress`.
    """

    images: int
    coded: bytes
    plain: bytes


def pack(contents: Contents, fingerprint: bytes) -> bytes:
    """Return a file: magic and version, checksum of the rest, model, numbers, and the two parts.

    Args:
        contents: what it holds.
        fingerprint: hash of the model, of which 4 bytes are written.
    """
    body = fingerprint[:_FINGERPRINT] + _number(contents.images) + _number(len(contents.plain))
    body += contents.plain + contents.coded
    return MAGIC + bytes([VERSION]) + zlib.crc32(body).to_bytes(_CHECKSUM, "little") + body


def unpack(data: bytes, fingerprint: bytes) -> Contents:
    """Read what `pack` wrote.

    Raises:
        CodecError: if it is no such file, of another version or model, or was changed.
    """
    if len(data) < len(MAGIC) + 1 or not data.startswith(MAGIC):
        raise CodecError("This is not a file of compressed images.")
    if (version := data[len(MAGIC)]) != VERSION:
        raise CodecError(f"This file has format version {version}; expected {VERSION}.")
    start = len(MAGIC) + 1 + _CHECKSUM
    body = data[start:]
    if zlib.crc32(body).to_bytes(_CHECKSUM, "little") != data[len(MAGIC) + 1 : start]:
        raise CodecError("This file was changed or cut off: its checksum is wrong.")
    if body[:_FINGERPRINT] != fingerprint[:_FINGERPRINT]:
        raise CodecError("This file was compressed by another run: only that one can read it.")
    try:
        images, at = _read_number(body, _FINGERPRINT)
        plain, at = _read_number(body, at)
    except IndexError:
        raise CodecError(NOT_WHOLE) from None
    if images > MOST_IMAGES or at + plain > len(body) or (len(body) - at - plain) % 4:
        raise CodecError(NOT_WHOLE)
    return Contents(images, body[at + plain :], body[at : at + plain])


def _number(value: int) -> bytes:
    """Write a whole number in groups of seven bits, the lowest first."""
    groups = []
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number that `_number` wrote, and where it ends."""
    value = shift = 0
    while data[at] & 0x80:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1
