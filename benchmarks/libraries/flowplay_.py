"""flowplay: a run as the program itself makes it."""

from __future__ import annotations

from typing import cast

import torch

from benchmarks.libraries.base import Eager, FloatArray, Job, Library
from benchmarks.libraries.torch_model import prepare_torch
from flowplay import __version__, kernels
from flowplay.config import RunConfig
from flowplay.flows import Flow
from flowplay.training import new_run
from flowplay.training.data import held_out_points, training_points
from flowplay.training.live_run import LiveRun


class FlowplayModel(Eager):
    """A live run; its flow holds the standardization as its last layer."""

    def __init__(self, job: Job) -> None:
        self.live = LiveRun(new_run(RunConfig.model_validate(job.settings)))
        self.flow = cast(Flow, self.live.model)
        self.flow.train()
        torch.manual_seed(job.seed)

    def step(self, rate: float) -> None:
        """Draw a batch and take one step, as every slice of a run does."""
        self.live.step(rate)

    def log_prob(self, points: FloatArray) -> FloatArray:
        """Return the log-density of points, as the pictures are drawn: exact, without gradient."""
        self.flow.eval()
        with torch.inference_mode():
            values: FloatArray = self.flow.log_prob(torch.from_numpy(points)).numpy()
        self.flow.train()
        return values

    def sample(self, n: int) -> FloatArray:
        """Draw points, without gradient."""
        self.flow.eval()
        with torch.inference_mode():
            points: FloatArray = self.flow.sample(n).numpy()
        self.flow.train()
        return points


def draw(job: Job) -> None:
    """Draw the points of a run, which are kept for whoever asks for them again."""
    config = RunConfig.model_validate(job.settings)
    training_points(config)
    held_out_points(config)


prepare_torch()
kernels.prepare(wait=True)
LIBRARY = Library(("affine", "spline", "maf", "mixture"), FlowplayModel, __version__, draw)
