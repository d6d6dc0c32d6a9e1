"""Arrays of images as files that numpy reads and writes."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from flowplay.codec.container import CodecError


def read_images(source: Path | BinaryIO) -> NDArray[np.uint8]:
    """Read an array of uint8 from an .npy file; nothing in it is executed.

    Raises:
        CodecError: if it is no such array.
    """
    try:
        found = np.load(source, allow_pickle=False)
    except FileNotFoundError as error:
        raise CodecError(f"{source} cannot be read: {error.strerror}.") from error
    except (OSError, ValueError, EOFError, TypeError, MemoryError, BadZipFile) as error:
        raise CodecError("The images are not an .npy file of whole numbers.") from error
    if not isinstance(found, np.ndarray) or found.dtype != np.uint8:
        raise CodecError("The images are not an .npy file of numbers of the type uint8.")
    return found


def write_images(path: Path, images: NDArray[np.uint8]) -> None:
    """Write images to an .npy file of exactly this name."""
    with path.open("wb") as file:
        np.save(file, images, allow_pickle=False)
