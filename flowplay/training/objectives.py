"""What a slice makes small."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.models import Model
from flowplay.training.data import training_points


class Objective(ABC):
    """A loss and its gradient, drawn anew for every optimizer step."""

    #: What the loss is, as a legend has it, and its unit; empty where it has none.
    label: str
    unit: str

    @abstractmethod
    def loss_and_gradient(self, batches: torch.Generator) -> tuple[Tensor, list[Tensor]]:
        """Return the loss (scalar) and its gradient by each parameter of the model.

        Args:
            batches: the generator from which batches are drawn, and nothing else.
        """


class OwnLoss(Objective):
    """The model's own loss on a batch of training points.

    Args:
        model: in training mode, on `device`.
        config: the run's config.
        device: where the model is.
    """

    def __init__(self, model: Model, config: RunConfig, device: torch.device) -> None:
        self.label = ARCHITECTURES[config.architecture].loss_name
        self.unit = ""
        self._model = model
        self._points = training_points(config).to(device)
        self._batch_size = config.batch_size

    def loss_and_gradient(self, batches: torch.Generator) -> tuple[Tensor, list[Tensor]]:
        """Draw a batch with replacement, and ask the model."""
        index = torch.randint(len(self._points), (self._batch_size,), generator=batches)
        return self._model.loss_and_gradient(self._points[index.to(self._points.device)])


class MaximumLikelihood(OwnLoss):
    """The mean negative log-likelihood of a batch of training points, in nats."""

    def __init__(self, model: Model, config: RunConfig, device: torch.device) -> None:
        super().__init__(model, config, device)
        self.label = "train NLL"
        self.unit = "nats"


def objective_of(config: RunConfig, model: Model, device: torch.device) -> Objective:
    """Return what a run of this config makes small."""
    kind = MaximumLikelihood if model.trained_by_likelihood else OwnLoss
    return kind(model, config, device)
