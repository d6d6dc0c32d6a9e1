"""LiveRun: a run as torch objects, ready to take steps; made from a RunState and back."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from flowplay.config import RunConfig
from flowplay.flows import Flow, Standardization, build_flow
from flowplay.training.data import held_out_points, training_points
from flowplay.training.flat import fill_buffers, flatten_buffers, flatten_parameters
from flowplay.training.schedule import progress, rate_factor
from flowplay.training.state import RunState

#: Points from which layers that start from data take their start.
FIRST_LOOK = 4096

#: Live runs a worker keeps, so that the next slice of any of them starts at once.
KEPT = 64


def prepare_process() -> None:
    """Set this process up for training: one thread, and no slow arithmetic on denormal numbers.

    The flows are small: more threads cost more than they bring, and workers share the machine.
    Densities far from the data underflow; flushing them to zero changes nothing that is seen.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def pick_device(wanted: str) -> torch.device:
    """Return the device of a worker for the config's `device`.

    Raises:
        ValueError: if CUDA is demanded where there is none.
    """
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise ValueError("This worker has no CUDA device; choose auto or cpu.")
    return torch.device("cuda" if available and wanted != "cpu" else "cpu")


def new_flow(config: RunConfig) -> Flow:
    """Build the untrained flow of a config, standardised by its training points."""
    return build_flow(
        config.architecture,
        dim=2,
        depth=config.depth,
        width=config.width,
        seed=config.seed,
        standardization=Standardization.of(training_points(config)),
        checkpoint=config.checkpoint,
        **config.options,
    )


def new_run(config: RunConfig) -> RunState:
    """Return the state of a run that has not taken a step."""
    flow = new_flow(config)
    with torch.no_grad():
        # Layers that take their start from data see some of it, once.
        flow.train().inverse(training_points(config)[:FIRST_LOOK])
        held_out = float(-flow.eval().log_prob(held_out_points(config)).mean())
    weights = flatten_parameters(flow).detach().numpy().copy()
    generator = torch.Generator().manual_seed(config.seed)
    return RunState(
        token=uuid.uuid4().hex,
        settings=config.model_dump(),
        step=0,
        seconds=0.0,
        learning_rate=config.learning_rate,
        budget=config.budget,
        temperature=config.temperature,
        train_loss=held_out,
        grad_norm=0.0,
        last_rate=0.0,
        steps_per_second=0.0,
        failure="",
        weights=weights,
        optimizer=np.zeros((0, weights.size), np.float32),
        buffers=flatten_buffers(flow).numpy(),
        generator=generator.get_state().numpy(),
        train_curve=np.zeros((0, 2)),
        held_out_curve=np.array([[0.0, held_out]]),
    )


#: Adam's memory of gradients and of their squares. With the likelihood, squares are forgotten ten
#: times sooner than by custom: a run is a few thousand steps, and its gradients shrink by orders of
#: magnitude in it. Other losses compare with noise, whose squares do not.
BETAS = (0.9, 0.99)
BETAS_WITH_NOISE = (0.9, 0.999)


def _optimizer(config: RunConfig, flow: Flow, vector: nn.Parameter) -> torch.optim.Optimizer:
    decay = config.weight_decay
    betas = BETAS if flow.trained_by_likelihood else BETAS_WITH_NOISE
    if config.optimizer == "adam":
        return torch.optim.Adam([vector], betas=betas, weight_decay=decay, fused=True)
    if config.optimizer == "adamw":
        return torch.optim.AdamW([vector], betas=betas, weight_decay=decay, fused=True)
    return torch.optim.SGD([vector], momentum=0.9, weight_decay=decay, fused=True)


class LiveRun:
    """The flow, optimizer and data of one run, between `RunState`s.

    Args:
        state: where to take up the run.
    """

    def __init__(self, state: RunState) -> None:
        config = state.config
        self.token = state.token
        self.config = config
        self.device = pick_device(config.device)
        self.flow = new_flow(config).to(self.device).eval()
        self.vector = flatten_parameters(self.flow)
        with torch.no_grad():
            self.vector.copy_(torch.from_numpy(state.weights.copy()))
        fill_buffers(self.flow, torch.from_numpy(state.buffers.copy()))
        self.optimizer = _optimizer(config, self.flow, self.vector)
        self._restore_moments(state)
        #: Of the generator from which batches, and all that layers draw, come.
        self.generator_state = torch.from_numpy(state.generator.copy())
        self.data = training_points(config).to(self.device)
        self.held_out = held_out_points(config).to(self.device)

    def train(
        self, state: RunState, seconds: float, steps: int
    ) -> tuple[list[Tensor], Tensor, float, float]:
        """Take optimizer steps until the time, the steps or the budget is used up.

        Returns:
            The loss of every step, the last gradient norm, the last rate, and the time taken.
        """
        losses: list[Tensor] = []
        norm = torch.tensor(state.grad_norm)
        rate = state.last_rate
        start = time.perf_counter()
        elapsed = 0.0
        with self._training():
            while len(losses) < steps and elapsed < seconds:
                step = state.step + len(losses)
                part = progress(self.config, state.budget, step, state.seconds + elapsed)
                if part >= 1:
                    break
                rate = state.learning_rate * rate_factor(self.config, part, step)
                loss, norm = self.step(rate)
                losses.append(loss)
                elapsed = time.perf_counter() - start
        return losses, norm, rate, elapsed

    @contextmanager
    def _training(self) -> Iterator[None]:
        """Put the flow into training mode, and all randomness under the run's own generator."""
        self.flow.train()
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self.generator_state)
            try:
                yield
            finally:
                self.generator_state = torch.get_rng_state()
                self.flow.eval()

    def step(self, rate: float) -> tuple[Tensor, Tensor]:
        """Take one optimizer step at a learning rate; return loss and gradient norm (scalars)."""
        self.optimizer.param_groups[0]["lr"] = rate
        index = torch.randint(len(self.data), (self.config.batch_size,))
        loss, gradients = self.flow.loss_and_gradient(self.data[index.to(self.device)])
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


_kept: OrderedDict[str, LiveRun] = OrderedDict()


def live_run(state: RunState) -> LiveRun:
    """Return the live run of a state: the one this process kept, or one made anew."""
    live = _kept.pop(state.token, None)
    return live if live is not None else LiveRun(state)


def keep(live: LiveRun, token: str) -> None:
    """Keep a live run under the token of the state it now is, and let the oldest go."""
    live.token = token
    _kept[token] = live
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
