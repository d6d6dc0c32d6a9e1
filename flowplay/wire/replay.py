"""What the bundled example brings of its training: earlier weights, and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import Packed


@dataclass(frozen=True)
class Replay(Packed):
    """Pictures of a run's density while it was trained, on one scale and in one window.

    Attributes:
        steps: [n] the optimizer steps, rising.
        code: [n, H, W] uint8, as `flowplay.codes.encode_density` makes them; row 0 is lowest.
    """

    KIND: ClassVar[str] = "replay"

    steps: NDArray[np.int64]
    code: NDArray[np.uint8]


@dataclass(frozen=True)
class ExampleHistory(Packed):
    """Earlier weights of a run, by optimizer step.

    Attributes:
        steps: the optimizer steps, rising.
        sizes: the bytes of each one's `EarlierWeights`.
        weights: these bytes one behind the other, as uint8.
    """

    KIND: ClassVar[str] = "example history"

    steps: list[int]
    sizes: list[int]
    weights: NDArray[Any]

    @classmethod
    def of(cls, weights: Mapping[int, bytes]) -> Self:
        """Put bytes of `EarlierWeights` together, by step."""
        joined = np.frombuffer(b"".join(weights.values()), np.uint8)
        return cls(list(weights), [len(data) for data in weights.values()], joined)

    def split(self) -> dict[int, bytes]:
        """Return the bytes by step."""
        ends = np.cumsum(self.sizes)
        parts = np.split(self.weights, ends[:-1])
        return {step: part.tobytes() for step, part in zip(self.steps, parts, strict=True)}
