"""What a slice minimizes."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.models import Model
from flowplay.problems import DataProblem, ImageProblem
from flowplay.training.data import held_out_points, training_points


class Objective(ABC):
    """A loss and its gradient, drawn anew for every optimizer step.

    Attributes:
        scaling_points: [n, D] points from which a model takes location and scale.
        held_out: [m, D] points that no training step sees.
    """

    scaling_points: Tensor
    held_out: Tensor

    @abstractmethod
    def name(self, model: Model) -> tuple[str, str]:
        """Return what the loss is, as a legend has it, and its unit; empty where it has none."""

    @abstractmethod
    def loss_and_gradient(
        self, model: Model, batches: torch.Generator
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the loss (scalar) and its gradient by each parameter of the model.

        Args:
            model: in training mode.
            batches: the generator from which batches are drawn, and nothing else.
        """


class LossOnData(Objective):
    """The loss of the model on a batch of training points, drawn with replacement.

    It is the mean negative log-likelihood, in nats, or a loss of the model's own.

    Args:
        config: the run's config.
        device: where the points are put.
    """

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        self.scaling_points = training_points(config).to(device)
        self.held_out = held_out_points(config).to(device)
        self._batch_size = config.batch_size
        self._loss_name = config.entry.loss_name
        self._images = isinstance(config.problem(), ImageProblem)
        self._exact = config.entry.likelihood == "exact"

    def name(self, model: Model) -> tuple[str, str]:
        """Name the negative log-likelihood, or else the loss as the catalog does."""
        if not model.trained_by_likelihood:
            return self._loss_name, ""
        if self._images:
            return "train" if self._exact else "train bound", "nats"
        return "train NLL" if self._exact else "train bound of the NLL", "nats"

    def loss_and_gradient(
        self, model: Model, batches: torch.Generator
    ) -> tuple[Tensor, list[Tensor]]:
        """Draw a batch, and ask the model."""
        points = self.scaling_points
        index = torch.randint(len(points), (self._batch_size,), generator=batches)
        return model.loss_and_gradient(points[index.to(points.device)])


def objective_of(config: RunConfig, device: torch.device) -> Objective:
    """Return what a run of this config minimizes.

    Raises:
        RefusedError: if nothing is known of how to learn its problem.
    """
    problem = config.problem()
    if isinstance(problem, DataProblem):
        return LossOnData(config, device)
    raise RefusedError(f"{problem.label} has no data to train on.")
