"""nflows: its coupling and autoregressive transforms, composed as in its README."""

from __future__ import annotations

from importlib.metadata import version

import torch
from nflows.distributions.normal import StandardNormal
from nflows.flows.base import Flow
from nflows.nn.nets import MLP
from nflows.transforms import (
    ActNorm,
    AffineCouplingTransform,
    CompositeTransform,
    MaskedAffineAutoregressiveTransform,
    PiecewiseRationalQuadraticCouplingTransform,
    ReversePermutation,
)
from torch import Tensor, nn

from benchmarks.libraries.base import BOUND, Job, Library
from benchmarks.libraries.torch_model import TorchModel, prepare_torch


class _Conditioner(nn.Module):
    """Its `MLP` as its couplings call it: with a context, which is none here."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        # The splines look for this name to scale what comes out.
        self.hidden_features = width
        self.net = MLP([inputs], [outputs], hidden_sizes=[width, width])

    def forward(self, x: Tensor, context: None = None) -> Tensor:
        outputs: Tensor = self.net(x)
        return outputs


class NflowsModel(TorchModel):
    """A `Flow` of a composite transform, which it calls in normalizing direction."""

    def make(self, job: Job) -> nn.Module:
        """Build the flow on a standard normal base."""
        layers = [layer for k in range(job.depth) for layer in _layers(job, k)]
        flow: nn.Module = Flow(CompositeTransform(layers), StandardNormal([2]))
        return flow

    def density(self, z: Tensor) -> Tensor:
        """Ask the flow."""
        values: Tensor = self.flow.log_prob(z)
        return values

    def draw(self, n: int) -> Tensor:
        """Ask the flow."""
        points: Tensor = self.flow.sample(n)
        return points


def _layers(job: Job, k: int) -> list[nn.Module]:
    def conditioner(inputs: int, outputs: int) -> nn.Module:
        return _Conditioner(inputs, outputs, job.width)

    mask = torch.tensor([1, -1] if k % 2 else [-1, 1])
    if job.kind == "affine":
        # This layer never scales up towards the base, so by itself it cannot make a density
        # higher than the base's: the library's `ActNorm` gives it what it lacks.
        return [ActNorm(2), AffineCouplingTransform(mask, conditioner)]
    if job.kind == "spline":
        return [
            PiecewiseRationalQuadraticCouplingTransform(
                mask, conditioner, num_bins=job.bins, tails="linear", tail_bound=BOUND
            )
        ]
    return [
        ReversePermutation(2),
        MaskedAffineAutoregressiveTransform(2, job.width, num_blocks=2, use_residual_blocks=False),
    ]


prepare_torch()
LIBRARY = Library(("affine", "spline", "maf"), NflowsModel, version("nflows"))
