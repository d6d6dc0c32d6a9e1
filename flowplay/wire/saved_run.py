"""A run as one file: what `python -m flowplay train --save` writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay import shelf
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
        data_bytes: bytes of the data that the run is named by, as uint8; empty if it has none.
    """

    KIND: ClassVar[str] = "saved run"

    settings: dict[str, Any]
    state_bytes: NDArray[np.uint8]
    snapshot_bytes: NDArray[np.uint8]
    result: dict[str, Any]
    data_bytes: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))

    @classmethod
    def of(
        cls, config: RunConfig, state: bytes, snapshot: bytes, result: dict[str, Any]
    ) -> SavedRun:
        """Put a run together from the bytes of its state and snapshot, and its result.

        Raises:
            MissingDataError: if it is named by data that are not here.
        """
        data = b"" if config.own_data is None else shelf.get(config.own_data)
        parts = (np.frombuffer(part, np.uint8) for part in (state, snapshot, data))
        state_bytes, snapshot_bytes, data_bytes = parts
        return cls(config.model_dump(), state_bytes, snapshot_bytes, result, data_bytes)

    def put_data(self) -> None:
        """Put the data that the run is named by, if there are any, where its problem finds them.

        Raises:
            ValueError: if the bytes are no such data.
        """
        if self.data_bytes.size:
            shelf.put(self.data_bytes.tobytes())

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
