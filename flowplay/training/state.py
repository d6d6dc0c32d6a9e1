"""RunState: a run between two slices, as plain arrays with one pickle-free byte form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.config import RunConfig
from flowplay.wire import Packed


@dataclass(frozen=True)
class RunState(Packed):
    """Everything the next slice needs; immutable, so that an earlier one can always be returned to.

    Attributes:
        token: names this very state, so that a worker can tell whether it still holds it live.
        settings: the fields of the run's `RunConfig`.
        step: optimizer steps taken.
        seconds: time spent in training steps.
        learning_rate: peak rate, as last set by the viewer.
        budget: where training stops, in the config's unit.
        temperature: of the samples in its snapshots, as last set by the viewer.
        train_loss: mean of what training makes small over the last slice; in nats if that is the
            negative log-likelihood.
        grad_norm: gradient norm of the last step before clipping.
        last_rate: learning rate of the last step.
        steps_per_second: speed of the last slice.
        failure: one sentence if training broke; the arrays are then the last good ones.
        weights: [P] float32, all trained parameters in the flow's order.
        optimizer: [m, P] float32, the optimizer's moments (m = 2 for Adam, 1 for SGD).
        buffers: [b] float32, the flow's buffers (standardization, and others) in order.
        generator: [...] uint8, state of the batch generator.
        train_curve: [n, 2] float64, (step, mean train NLL since the row before); empty where
            training makes something else small.
        held_out_curve: [m, 2] float64, (step, held-out NLL).
    """

    KIND: ClassVar[str] = "run state"

    token: str
    settings: dict[str, Any]
    step: int
    seconds: float
    learning_rate: float
    budget: float
    temperature: float
    train_loss: float
    grad_norm: float
    last_rate: float
    steps_per_second: float
    failure: str
    weights: NDArray[np.float32]
    optimizer: NDArray[np.float32]
    buffers: NDArray[np.float32]
    generator: NDArray[np.uint8]
    train_curve: NDArray[np.float64]
    held_out_curve: NDArray[np.float64]

    @property
    def config(self) -> RunConfig:
        """The validated config of the run."""
        return RunConfig.model_validate(self.settings)
