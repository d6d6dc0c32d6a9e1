"""What the peers made with PyTorch have in common: training step and standardization."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.libraries.base import Eager, FloatArray, Job, Standardized


def prepare_torch() -> None:
    """Set a process up as flowplay sets up its own: one thread, no slow denormal numbers.

    The first optimizer of a process imports a good part of torch, and the first backward pass
    starts a thread: both belong to the time of the import.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([weight])
    weight.sum().backward()
    optimizer.step()


class TorchModel(Eager, ABC):
    """A peer's flow with plain Adam, as every one of these libraries' own examples has it.

    Subclasses make `self.flow` in `make` and say how densities and samples are asked for.
    """

    #: A module with the methods of its library, which has no types.
    flow: Any

    def __init__(self, job: Job) -> None:
        torch.manual_seed(job.seed)
        # FrEIA draws its rotations from numpy.
        np.random.seed(job.seed)
        self.job = job
        self.standardized = Standardized(job.data)
        self.data = torch.from_numpy(self.standardized.data)
        self.flow = self.make(job)
        self.parameters = [p for p in self.flow.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, lr=1e-3)

    @abstractmethod
    def make(self, job: Job) -> nn.Module:
        """Build the untrained flow."""

    @abstractmethod
    def density(self, z: Tensor) -> Tensor:
        """Return the log-density [n] of standardized points [n, 2]."""

    @abstractmethod
    def draw(self, n: int) -> Tensor:
        """Draw n standardized points [n, 2]."""

    def loss(self, batch: Tensor) -> Tensor:
        """Return the mean negative log-likelihood of standardized points."""
        return -self.density(batch).mean()

    def step(self, rate: float) -> None:
        """Draw a batch and take one step of Adam."""
        self.optimizer.param_groups[0]["lr"] = rate
        batch = self.data[torch.randint(len(self.data), (self.job.batch,))]
        self.optimizer.zero_grad()
        self.loss(batch).backward()
        if self.job.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.job.clip)
        self.optimizer.step()

    def log_prob(self, points: FloatArray) -> FloatArray:
        """Return the log-density of points, without gradient."""
        self.flow.eval()
        with torch.inference_mode():
            z = torch.from_numpy(self.standardized.inward(points))
            values: FloatArray = (self.density(z) - self.standardized.log_det).numpy()
        self.flow.train()
        return values

    def sample(self, n: int) -> FloatArray:
        """Draw points, without gradient."""
        self.flow.eval()
        with torch.inference_mode():
            points = self.standardized.outward(self.draw(n).numpy())
        self.flow.train()
        return points
