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
        name: of its files, without what their kind adds.
        config: the run's config as indented JSON.
        snippet: Python that rebuilds the flow from the weights' file.
        weights: bytes of a `.safetensors` file as uint8.
    """

    KIND: ClassVar[str] = "exported flow"

    name: str
    config: str
    snippet: str
    weights: NDArray[np.uint8]


def export_name(target: str, architecture: str, step: int) -> str:
    """Name the files of a flow.

    Args:
        target: what it learned.
        architecture: its family.
        step: optimizer steps it was trained for.

    Example:
        >>> export_name("moons", "realnvp", 1710)
        'moons-realnvp-step-1710'
    """
    return f"{target}-{architecture}-step-{step}"
