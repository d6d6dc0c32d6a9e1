"""A picture that was read and not yet made a density: its small colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import Packed


@dataclass(frozen=True)
class Shades(Packed):
    """A picture, upright and as small as the lattice that it becomes.

    Attributes:
        pixels: [H, W, 4] uint8: red, green, blue, and opacity; row 0 is the top.
    """

    KIND: ClassVar[str] = "shades"

    pixels: NDArray[np.uint8]
