"""A plugin: a problem whose density is not known, and a model without a likelihood."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from flowplay.catalog import Architecture, Paper, register_architecture
from flowplay.config import RunConfig
from flowplay.problems import DataProblem, register_problem
from flowplay.problems.base import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

    from flowplay.models import Model


class Triangle(DataProblem):
    """Uniform points of a triangle, as if they had come from a file."""

    name = "toy_triangle"
    label = "Toy triangle"
    summary = "Points of a triangle; what they are drawn from is not told."
    dim = 2
    window = (-0.5, 1.5, -0.5, 1.5)
    density = None

    def training_points(self, n: int, seed: int) -> FloatArray:
        return self._points(n, seed)

    def held_out_points(self, n: int, seed: int) -> FloatArray:
        return self._points(n, seed + 2**31)

    def _points(self, n: int, seed: int) -> FloatArray:
        points = np.random.default_rng(seed).uniform(size=(n, 2))
        return np.where(points.sum(1, keepdims=True) > 1, 1 - points, points)


def build(config: RunConfig, points: Tensor) -> Model:
    """Build x = m + A z, trained by the energy distance between batch and samples."""
    import torch
    from torch import nn

    from flowplay.models import Model

    class LinearGenerator(Model):
        def __init__(self, dim: int) -> None:
            super().__init__()
            self.dim = dim
            self.shift = nn.Parameter(torch.zeros(dim))
            self.matrix = nn.Parameter(torch.eye(dim))

        def loss(self, x: Tensor) -> Tensor:
            y = self._generate(torch.randn(x.shape))
            cross, own = torch.cdist(x, y).mean(), torch.cdist(y, y).mean()
            return 2 * cross - own

        def sample(
            self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None
        ) -> Tensor:
            with torch.no_grad():
                return self._generate(temperature * torch.randn(n, self.dim, generator=generator))

        def _generate(self, z: Tensor) -> Tensor:
            return self.shift + z @ self.matrix.t()

    return LinearGenerator(points.shape[1])


register_problem(Triangle)
register_architecture(
    Architecture(
        name="toy_generator",
        label="Toy generator",
        idea="A linear map of noise, trained by the energy distance.",
        use_when="In tests.",
        weakness="It is linear.",
        paper=Paper(
            "Székely & Rizzo",
            "Energy Statistics",
            2013,
            "https://doi.org/10.1016/j.jspi.2013.03.018",
        ),
        defaults=MappingProxyType({"learning_rate": 1e-2}),
        conditioned=False,
        depth_help=None,
        loss_name="energy distance",
        loss="Trained by the energy distance; the model gives no likelihood.",
        likelihood="none",
        build="toy_plugin:build",
    )
)
