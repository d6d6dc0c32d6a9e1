"""A trained flow as files for another interpreter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import Packed


@dataclass(frozen=True)
class ExportedFlow(Packed):
    """A trained flow as files for another interpreter.

    Attributes:
        config: the run's config as indented JSON.
        snippet: Python that rebuilds the flow from the weights' file.
        weights: bytes of a `.safetensors` file as uint8.
    """

    KIND: ClassVar[str] = "exported flow"

    config: str
    snippet: str
    weights: NDArray[np.uint8]
