"""A run as one file: what `python -m flowplay train --save` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.config import RunConfig
from flowplay.wire.packing import Packed
from flowplay.wire.run_state import RunState
from flowplay.wire.snapshot import Snapshot


@dataclass(frozen=True)
class SavedRun(Packed):
    """A run's config, state, picture and result.

    Attributes:
        settings: the fields of the run's `RunConfig`.
        state_bytes: bytes of its `RunState`, as uint8.
        snapshot_bytes: bytes of the `Snapshot` that belongs to the state, as uint8.
        result: what `train` printed of the run.
    """

    KIND: ClassVar[str] = "saved run"

    settings: dict[str, Any]
    state_bytes: NDArray[np.uint8]
    snapshot_bytes: NDArray[np.uint8]
    result: dict[str, Any]

    @classmethod
    def of(
        cls, config: RunConfig, state: bytes, snapshot: bytes, result: dict[str, Any]
    ) -> SavedRun:
        """Put a run together from the bytes of its state and snapshot, and its result."""
        state_bytes, snapshot_bytes = (np.frombuffer(part, np.uint8) for part in (state, snapshot))
        return cls(config.model_dump(), state_bytes, snapshot_bytes, result)

    @property
    def config(self) -> RunConfig:
        """The validated config.

        Raises:
            ValueError: if the settings are no longer a config.
        """
        return RunConfig.model_validate(self.settings)

    @property
    def state(self) -> RunState:
        """The state.

        Raises:
            ValueError: if its bytes are of another kind or version.
        """
        return RunState.from_bytes(self.state_bytes.tobytes())

    @property
    def snapshot(self) -> Snapshot:
        """The picture.

        Raises:
            ValueError: if its bytes are of another kind or version.
        """
        return Snapshot.from_bytes(self.snapshot_bytes.tobytes())
