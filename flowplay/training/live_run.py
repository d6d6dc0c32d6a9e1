"""LiveRun: a run as torch objects, ready to take steps; made from a RunState."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowplay.catalog import Likelihood
from flowplay.errors import RefusedError
from flowplay.models import LikelihoodModel, build_model
from flowplay.training.flat import fill_buffers, flatten_parameters
from flowplay.training.objectives import objective_of
from flowplay.training.optimizers import optimizer
from flowplay.training.schedule import annealed, progress, rate_factor
from flowplay.wire import RunState

#: Adam's memory of gradients and of their squares. With the likelihood, squares are forgotten ten
#: times sooner than by custom: a run is a few thousand steps, and its gradients shrink by orders of
#: magnitude in it. Other losses compare with noise, whose squares do not.
BETAS = (0.9, 0.99)
BETAS_WITH_NOISE = (0.9, 0.999)

#: Bytes of a parameter with its gradient and two moments, and of a model's Python objects.
_PARAMETER_BYTES = 16
_MODULE_BYTES = 2**20

#: Seconds that the last look at held-out points took, by architecture, depth and width.
_JUDGING: dict[tuple[str, int, int], float] = {}


def pick_device(wanted: str) -> torch.device:
    """Return the device of a worker for the config's `device`.

    Raises:
        RefusedError: if CUDA is demanded where there is none.
    """
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise RefusedError("This worker has no CUDA device; choose auto or cpu.")
    return torch.device("cuda" if available and wanted != "cpu" else "cpu")


class Trained(NamedTuple):
    """What some optimizer steps came to.

    Attributes:
        losses: the loss of each step.
        gradient_norm: of the last step, before clipping.
        rate: learning rate of the last step.
        seconds: time taken.
    """

    losses: list[Tensor]
    gradient_norm: Tensor
    rate: float
    seconds: float


class LiveRun:
    """The model, optimizer and data of one run, between `RunState`s.

    Args:
        state: where to take up the run.

    Raises:
        RefusedError: if the config demands a device that is not there.
    """

    def __init__(self, state: RunState) -> None:
        config = state.config
        self.token = state.token
        self.config = config
        self.device = pick_device(config.device)
        self.objective = objective_of(config, self.device)
        points = self.objective.scaling_points
        self.model = build_model(config, points).to(self.device).eval()
        self.vector = flatten_parameters(self.model)
        with torch.no_grad():
            self.vector.copy_(torch.from_numpy(state.weights.copy()))
        fill_buffers(self.model, torch.from_numpy(state.buffers.copy()))
        usual = BETAS if self.model.trained_by_likelihood else BETAS_WITH_NOISE
        betas = self.model.betas or usual
        self.optimizer = optimizer(config.optimizer, self.vector, betas, config.weight_decay)
        self._restore_moments(state)
        self.batches = torch.Generator()
        self.batches.set_state(torch.from_numpy(state.batch_generator.copy()))
        #: State of the generator behind all that the model draws in training.
        self.noise_state = torch.from_numpy(state.noise_generator.copy())

    @property
    def held_out(self) -> Tensor:
        """Points [m, D] that no training step sees."""
        return self.objective.held_out

    @property
    def likelihood(self) -> LikelihoodModel | None:
        """The model, if it gives points a log-density."""
        return self.model if isinstance(self.model, LikelihoodModel) else None

    @property
    def exactness(self) -> Likelihood | Literal["estimate"]:
        """What the model's log-density is now: as the catalog says, or an estimate."""
        claimed = self.config.entry.likelihood
        if claimed == "exact" and self.likelihood is not None and self.likelihood.is_estimate():
            return "estimate"
        return claimed

    @property
    def judging_seconds(self) -> float:
        """What the last look at held-out points took in this process, for a model of this size.

        A run that comes from another worker is made anew: it must not look again at once.
        """
        return _JUDGING.get(self._size, 0.0)

    @judging_seconds.setter
    def judging_seconds(self, seconds: float) -> None:
        _JUDGING[self._size] = seconds

    @property
    def _size(self) -> tuple[str, int, int]:
        return self.config.architecture, self.config.depth, self.config.width

    @property
    def nbytes(self) -> int:
        """About how many bytes the run takes, without the points, which runs share."""
        return _PARAMETER_BYTES * self.vector.numel() + _MODULE_BYTES

    def train(self, state: RunState, seconds: float, steps: int) -> Trained:
        """Take optimizer steps until the time, the steps or the budget is used up."""
        hot, begun_with = state.hot, state.config
        losses: list[Tensor] = []
        norm = torch.tensor(state.gradient_norm)
        rate = state.last_rate
        start = time.perf_counter()
        elapsed = 0.0
        with self._training():
            while len(losses) < steps and elapsed < seconds:
                step = state.step + len(losses)
                used = hot.budget, step, state.seconds + elapsed
                part = progress(self.config, *used)
                if part >= 1:
                    break
                rate = hot.learning_rate * rate_factor(self.config, part, step)
                loss, norm = self.step(rate, annealed(begun_with, *used))
                losses.append(loss)
                elapsed = time.perf_counter() - start
        return Trained(losses, norm, rate, elapsed)

    @contextmanager
    def _training(self) -> Iterator[None]:
        """Put the model into training mode, and what it draws under the run's own stream."""
        self.model.train()
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self.noise_state)
            try:
                yield
            finally:
                self.noise_state = torch.get_rng_state()
                self.model.eval()

    def step(self, rate: float, part: float = 1.0) -> tuple[Tensor, Tensor]:
        """Take one optimizer step; return loss and gradient norm (scalars).

        Args:
            rate: the learning rate.
            part: of the budget that is used up, as `annealed` counts it.
        """
        self.optimizer.param_groups[0]["lr"] = rate
        loss, gradients = self.objective.loss_and_gradient(self.model, self.batches, part)
        gradient = torch.cat([g.flatten() for g in gradients])
        norm = torch.linalg.vector_norm(gradient)
        gradient *= (self.config.clip_norm / norm).clamp(max=1)
        self.vector.grad = gradient
        self.optimizer.step()
        return loss, norm

    def moments(self) -> NDArray[np.float32]:
        """Return the optimizer's moments [m, P]."""
        entries = self.optimizer.state.get(self.vector, {})
        rows = [entries[name].cpu().numpy() for name in self._moment_names() if name in entries]
        return np.stack(rows) if rows else np.zeros((0, self.vector.numel()), np.float32)

    def _moment_names(self) -> tuple[str, ...]:
        return ("momentum_buffer",) if self.config.optimizer == "sgd" else ("exp_avg", "exp_avg_sq")

    def _restore_moments(self, state: RunState) -> None:
        if not len(state.optimizer):
            return
        entries: dict[str, Any] = {
            name: torch.from_numpy(row.copy()).to(self.device)
            for name, row in zip(self._moment_names(), state.optimizer, strict=True)
        }
        if self.config.optimizer != "sgd":
            entries["step"] = torch.tensor(float(state.step), device=self.device)
        self.optimizer.state[self.vector] = entries
