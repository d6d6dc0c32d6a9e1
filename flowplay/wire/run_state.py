"""RunState: a run between two slices, as plain arrays with one pickle-free byte form."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from flowplay.config import FixedSettings, HotSettings, RunConfig
from flowplay.wire.packing import Packed, unpack_header

#: Fields of a config that say how something is learned, but not what.
_MODEL = set(FixedSettings.model_fields) - {"target", "target_options"}


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
        data_changed_at: the steps at which the run went on with other data.
        judged_roughly: whether the last row of `held_out_curve` is less near than could be.
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
    data_changed_at: list[int] = field(default_factory=list)
    judged_roughly: bool = False

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

    def with_target(self, config: RunConfig) -> Self:
        """Return this run as one that goes on learning from other data, with the weights it has.

        What was measured at this step is of the data before, and so is the best state. The curves
        stay: they show what the change did.

        Args:
            config: like the run's own in all but its target, which has as many dimensions.

        Raises:
            ValueError: if the config differs in anything else.
        """
        own = self.config
        same = config.model_dump(include=_MODEL) == own.model_dump(include=_MODEL)
        if not same or config.problem().dim != own.problem().dim:
            raise ValueError("A run can go on with another target only, of as many dimensions.")
        train, held_out = self.train_curve, self.held_out_curve
        return replace(
            self,
            token=uuid.uuid4().hex,
            settings=config.model_dump(),
            failure="",
            train_loss=None,
            train_curve=train[train[:, 0] <= self.step],
            held_out_curve=held_out[held_out[:, 0] < self.step],
            best_step=self.step,
            best_seconds=self.seconds,
            best_loss=None,
            best_weights=np.zeros(0, np.float32),
            best_buffers=np.zeros(0, np.float32),
            data_changed_at=[*self.data_changed_at, self.step],
        )

    @classmethod
    def changes_of_data(cls, data: bytes) -> list[int]:
        """Return `data_changed_at` of the bytes of a state, without its arrays.

        Raises:
            ValueError: if they are no such bytes.
        """
        found = unpack_header(cls.KIND, cls.VERSION, data).get("data_changed_at", [])
        return [step for step in found if isinstance(step, int)] if isinstance(found, list) else []
