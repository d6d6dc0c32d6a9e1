"""What one optimizer step of a run takes, measured on small batches before the run starts."""

from __future__ import annotations

import copy
import math
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypedDict

import psutil
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from flowplay import kernels
from flowplay.budgets import HELD_BYTES, budgets
from flowplay.config import RunConfig, bounds
from flowplay.errors import RefusedError
from flowplay.models import Model, build_model
from flowplay.training.objectives import Learner, Objective, objective_of

#: Batch sizes from which memory is extrapolated to the run's own.
_SMALL, _LARGE = 8, 24

#: Batch sizes from which the time of a step is extrapolated; the second is timed only where a step
#: that took as long for each point as the first would be too long.
_TIMED = 64, 256

#: Points from which layers take their start where only costs are measured.
_INITIAL = 256

#: Longest step in seconds: longer, and pause or a closed page would wait for it.
LONGEST_STEP = 5.0

#: How often a worker has a run's state while it takes a slice: the old and the new one as bytes and
#: as arrays, and the new one on its way.
_COPIES = 5

#: Bytes that pictures take beside a step, and how much more memory a process takes than its
#: tensors, since what is freed leaves gaps.
_PICTURES = 64 * 2**20
_GAPS = 1.3

#: Bytes of a parameter with two moments beside the gradient and the step's own temporaries.
_STATE_BYTES = 12


class PeakMemory(TorchDispatchMode):
    """Counts the bytes of all tensors that operations make inside the block, and their peak."""

    def __init__(self) -> None:
        super().__init__()
        self.peak: int = 0
        self._now = 0
        self._sizes: dict[int, int] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: torch's compiler is not used here, and skipping it would import it."""
        return False

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._sizes:
            return
        self._sizes[key] = storage.nbytes()
        self._now += self._sizes[key]
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._free, key)

    def _free(self, key: int) -> None:
        self._now -= self._sizes.pop(key, 0)


@dataclass(frozen=True)
class StepCost:
    """Bytes or seconds of a step as a straight line over the batch size.

    Attributes:
        fixed: whatever the batch size.
        per_point: for each point of a batch.
    """

    fixed: float
    per_point: float

    def at(self, batch_size: int) -> float:
        """Return the cost of a step on a batch of this size."""
        return self.fixed + self.per_point * batch_size

    def largest_batch(self, limit: float) -> int:
        """Return the largest batch size whose step costs no more than `limit`."""
        return math.floor((limit - self.fixed) / max(self.per_point, 1e-9))

    @classmethod
    def through(cls, small: int, low: float, large: int, high: float) -> StepCost:
        """Return the line through the costs of a small and of a large batch."""
        per_point = max(0.0, (high - low) / (large - small))
        return cls(max(0.0, low - per_point * small), per_point)


def step_memory(model: Learner, points: Tensor) -> StepCost:
    """Measure what a step takes on two small batches of training points [n, D]."""
    parameters = sum(p.numel() for p in model.parameters())
    small, large = (_peak(model, _batch(points, size)) for size in (_SMALL, _LARGE))
    line = StepCost.through(_SMALL, small, _LARGE, large)
    return replace(line, fixed=line.fixed + _STATE_BYTES * parameters)


def step_seconds(model: Learner, points: Tensor, batch_size: int) -> StepCost:
    """Measure how long a step takes this thread, on at most two small batches.

    Steps on other batches must have been taken before: the first ones take longer.

    Args:
        model: in training mode.
        points: [n, D] training points.
        batch_size: the one that is asked about. Where it is short of `LONGEST_STEP` by far, the
            line is too steep.
    """
    small, large = (min(size, batch_size) for size in _TIMED)
    low = _seconds(model, _batch(points, small))
    steep = StepCost(0.0, low / small)
    if small == large or low > LONGEST_STEP or steep.at(batch_size) <= LONGEST_STEP:
        return steep
    return StepCost.through(small, low, large, _seconds(model, _batch(points, large)))


class Storing(TypedDict):
    """What a step takes, and how much of it is for what the backward pass needs.

    Attributes:
        bytes: peak of all tensors that the step makes.
        milliseconds: of this thread; the fastest of three steps.
    """

    bytes: int
    milliseconds: float


def checkpoint_costs(config: RunConfig) -> dict[str, Storing]:
    """Measure a step of a run with activations stored, and with gradient checkpointing.

    Args:
        config: the run's config; whether it asks for checkpoints does not matter.

    Returns:
        By `stored` and `checkpointed`.
    """
    measured = {}
    for name, checkpoint in (("stored", False), ("checkpointed", True)):
        objective = objective_of(config, torch.device("cpu"))
        points = objective.scaling_points
        model = build_model(config.model_copy(update={"checkpoint": checkpoint}), points)
        objective.check(model)
        batch = _batch(points, config.batch_size)
        with torch.random.fork_rng(devices=[]):
            model.train().initialize_from(points[:_INITIAL])
            learner = objective.on_batches(model)
            peak = _peak(learner, batch)
            seconds = min(_seconds(learner, batch) for _ in range(3))
        measured[name] = Storing(bytes=peak, milliseconds=1000 * seconds)
    return measured


def check_step(model: Model, config: RunConfig, objective: Objective) -> None:
    """Refuse a run of which one step takes more than a worker has to give.

    Args:
        model: the untrained model on the CPU; it stays as it is.
        config: the run's config.
        objective: of the run.

    Raises:
        RefusedError: says in one sentence how much it would take, and which setting to lower.
    """
    if config.device != "cpu" and torch.cuda.is_available():
        return
    # Without kernels, which take less: what is refused must not depend on who is asked, and when.
    with torch.random.fork_rng(devices=[]), kernels.withheld():
        # Layers that take their start from data must not take it from these few points.
        trial = objective.on_batches(copy.deepcopy(model).train())
        points = objective.scaling_points
        memory = step_memory(trial, points)
        parameters = sum(p.numel() for p in trial.parameters())
        limit = _limit(_STATE_BYTES * parameters)
        needed = memory.at(config.batch_size)
        if needed > limit:
            raise RefusedError(
                f"One step of this run would take about {_gigabytes(needed)} of memory, more than "
                f"the {_gigabytes(limit)} that a worker has for it: "
                f"{_advice(config, memory.largest_batch(limit))}."
            )
        time_taken = step_seconds(trial, points, config.batch_size)
        seconds = time_taken.at(config.batch_size)
        if seconds > LONGEST_STEP:
            raise RefusedError(
                f"One step of this run would take about {seconds:.0f} s, more "
                f"than the {LONGEST_STEP:.0f} s that a step may take: "
                f"{_advice(config, time_taken.largest_batch(LONGEST_STEP))}."
            )


def _limit(state: int) -> int:
    """Return the bytes that a step may take in this worker, beside all else that it holds.

    Args:
        state: bytes of the run's state.
    """
    told = budgets()
    base = _base_memory()
    if told.worker_memory is None:
        return told.step_memory
    beside = base + told.live_memory + HELD_BYTES + _PICTURES + _COPIES * state
    left = max(0, int((told.worker_memory - beside) / _GAPS))
    return min(left, told.step_memory) if "step_memory" in told.model_fields_set else left


@cache
def _base_memory() -> int:
    """Return the bytes that this process took when it was first asked: its imports."""
    return int(psutil.Process().memory_info().rss)


def _batch(points: Tensor, size: int) -> Tensor:
    return points[torch.arange(size) % len(points)]


def _peak(model: Learner, batch: Tensor) -> int:
    memory = PeakMemory()
    with memory:
        model.loss_and_gradient(batch)
    return memory.peak


def _seconds(model: Learner, batch: Tensor) -> float:
    # Not wall time: other workers share the cores.
    start = time.thread_time()
    model.loss_and_gradient(batch)
    return time.thread_time() - start


def _advice(config: RunConfig, largest: int) -> str:
    """Say what to lower, given the largest batch size that is allowed."""
    if largest >= bounds("batch_size")[0]:
        # Rounded down to two digits: the figure is an estimate.
        digits = max(0, len(str(largest)) - 2)
        return f"lower the batch size to {largest // 10**digits * 10**digits:,} or less"
    return f"lower the width (now {config.width}) or the depth (now {config.depth})"


def _gigabytes(size: float) -> str:
    return f"{size / 2**30:.1f} GiB"
