"""What is right and what is not with a trained flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import Packed


@dataclass(frozen=True)
class Diagnosis(Packed):
    """What is right and what is not with a flow, each with a verdict and what to do.

    Attributes:
        step: optimizer steps the flow had been trained for.
        checks: of each check its name, value, whether it is fine, and a sentence.
        names: [K] the kind of each layer.
        ranges: [K, 2] smallest and largest log|det| of each layer over held-out data, in nats.
        moves: [K] root mean square distance that each layer moves a held-out point, in the
            spread of those points.
    """

    KIND: ClassVar[str] = "diagnosis"

    step: int
    checks: list[dict[str, Any]]
    names: list[str]
    ranges: NDArray[np.float64]
    moves: NDArray[np.float64]
