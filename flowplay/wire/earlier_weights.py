"""The weights of an earlier training state, for rewinding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import Packed


@dataclass(frozen=True)
class EarlierWeights(Packed):
    """The weights and buffers of an earlier training state: enough to look at it again, no more.

    Attributes:
        step: optimizer steps taken.
        train_loss: as last measured then, in the unit of the run's loss.
        held_out: the held-out figure as last measured then; None where there is none.
        weights: [P] float32, as in `RunState`.
        buffers: [b] float32, as there.
    """

    KIND: ClassVar[str] = "earlier weights"

    step: int
    train_loss: float | None
    held_out: float | None
    weights: NDArray[np.float32]
    buffers: NDArray[np.float32]
