"""How a run begins: the process is set up, and the untrained state is made."""

from __future__ import annotations

import uuid

import numpy as np
import torch

from flowplay.config import RunConfig
from flowplay.models import build_model
from flowplay.training.cost import check_step
from flowplay.training.flat import flatten_buffers, flatten_parameters
from flowplay.training.objectives import objective_of
from flowplay.training.streams import generator
from flowplay.wire import RunState


def prepare_process() -> None:
    """Set this process up for training: one thread, and no slow arithmetic on denormal numbers.

    The models are small: more threads cost more than they bring, and workers share the machine.
    Densities far from the data underflow; flushing them to zero changes nothing that is seen.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def new_run(config: RunConfig) -> RunState:
    """Return the state of a run that has not taken a step.

    Raises:
        RefusedError: if the model cannot learn the problem, or a step would take more memory or
            time than a worker has; the sentence says which setting to lower.
    """
    objective = objective_of(config, torch.device("cpu"))
    model = build_model(config, objective.scaling_points)
    objective.check(model)
    check_step(model, config, objective)
    with torch.no_grad():
        objective.initialize(model.train())
        judged = objective.judge(model.eval())
    weights = flatten_parameters(model).detach().numpy().copy()
    return RunState(
        token=uuid.uuid4().hex,
        settings=config.model_dump(),
        hot_settings=config.hot.model_dump(),
        step=0,
        seconds=0.0,
        train_loss=judged[0] if judged and model.trained_by_likelihood else None,
        gradient_norm=0.0,
        last_rate=0.0,
        steps_per_second=0.0,
        failure="",
        weights=weights,
        optimizer=np.zeros((0, weights.size), np.float32),
        buffers=flatten_buffers(model).numpy(),
        batch_generator=generator(config.seed, "batches").get_state().numpy(),
        noise_generator=generator(config.seed, "noise").get_state().numpy(),
        train_curve=np.zeros((0, 2)),
        held_out_curve=np.array([[0.0, *judged]]) if judged else np.zeros((0, 2)),
        best_step=0,
        best_seconds=0.0,
        best_loss=judged[0] if judged else None,
        best_weights=np.zeros(0, np.float32),
        best_buffers=np.zeros(0, np.float32),
    )
