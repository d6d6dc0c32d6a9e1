"""RunState: a run between two slices, as plain arrays with one pickle-free byte form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.config import HotSettings, RunConfig
from flowplay.wire.packing import Packed


@dataclass(frozen=True)
class RunState(Packed):
    """Everything the next slice needs; immutable, so that an earlier one can always be returned to.

    Attributes:
        token: names this very state, so that a worker can tell whether it still holds it live.
        settings: the fields of the run's `RunConfig`.
        hot_settings: the fields of its `HotSettings`, as last set by the viewer.
        step: optimizer steps taken.
        seconds: time spent in training steps.
        train_loss: mean of what training minimizes over the last slice; in nats if that is the
            negative log-likelihood. Before the first step it is the held-out loss, or None.
        gradient_norm: norm of the last step's gradient before clipping.
        last_rate: learning rate of the last step.
        steps_per_second: speed of the last slice.
        failure: one sentence if training broke; the arrays are then the last good ones.
        weights: [P] float32, all trained parameters in the model's order.
        optimizer: [m, P] float32, the optimizer's moments (m = 2 for Adam, 1 for SGD).
        buffers: [b] float32, the model's buffers (standardization, and others) in order.
        batch_generator: [...] uint8, state of the generator that draws batches.
        noise_generator: [...] uint8, state of the generator behind all that layers draw.
        train_curve: [n, 2] float64, (step, mean loss since the row before). After a failure it goes
            on beyond `step`, and so does the next one: so they show what happened.
        held_out_curve: [m, 1 + k] float64, the step and what the run is judged by, its held-out
            loss in nats first; empty where the model has no likelihood.
        best_step: the step of lowest held-out loss so far; `step` where nothing is held out.
        best_seconds: time spent training until then.
        best_loss: that loss, in nats; None where nothing is held out.
        best_weights: [P] float32, the weights there; [0] if they are this state's own.
        best_buffers: [b] float32, the buffers there; [0] if they are this state's own.
    """

    KIND: ClassVar[str] = "run state"
    VERSION: ClassVar[int] = 3

    token: str
    settings: dict[str, Any]
    hot_settings: dict[str, Any]
    step: int
    seconds: float
    train_loss: float | None
    gradient_norm: float
    last_rate: float
    steps_per_second: float
    failure: str
    weights: NDArray[np.float32]
    optimizer: NDArray[np.float32]
    buffers: NDArray[np.float32]
    batch_generator: NDArray[np.uint8]
    noise_generator: NDArray[np.uint8]
    train_curve: NDArray[np.float64]
    held_out_curve: NDArray[np.float64]
    best_step: int
    best_seconds: float
    best_loss: float | None
    best_weights: NDArray[np.float32]
    best_buffers: NDArray[np.float32]

    @property
    def judgement(self) -> NDArray[np.float64] | None:
        """The last row of the held-out curve that is not beyond this step, None without one."""
        rows = self.held_out_curve[self.held_out_curve[:, 0] <= self.step]
        return rows[-1] if len(rows) else None

    @property
    def config(self) -> RunConfig:
        """The validated config of the run."""
        return RunConfig.model_validate(self.settings)

    @property
    def hot(self) -> HotSettings:
        """The validated settings that may change while the run trains."""
        return HotSettings.model_validate(self.hot_settings)
