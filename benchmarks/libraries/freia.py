"""FrEIA: its `AllInOneBlock` in a `SequenceINN`, as in its README; it has no MAF.

Spline couplings are in its repository, but not in the release that pip installs.
"""

from __future__ import annotations

import math
from importlib.metadata import version

import FrEIA.framework as Ff
import FrEIA.modules as Fm
import torch
from torch import Tensor, nn

from benchmarks.libraries.base import Job, Library
from benchmarks.libraries.torch_model import TorchModel, prepare_torch


class FreiaModel(TorchModel):
    """Affine couplings with a fixed random rotation and a learned scale between them."""

    def make(self, job: Job) -> nn.Module:
        """Build the invertible network."""

        def subnet(inputs: int, outputs: int) -> nn.Module:
            return nn.Sequential(
                nn.Linear(inputs, job.width),
                nn.ReLU(),
                nn.Linear(job.width, job.width),
                nn.ReLU(),
                nn.Linear(job.width, outputs),
            )

        network = Ff.SequenceINN(2)
        for _ in range(job.depth):
            network.append(Fm.AllInOneBlock, subnet_constructor=subnet, permute_soft=True)
        flow: nn.Module = network
        return flow

    def density(self, z: Tensor) -> Tensor:
        """Add what the base says to the log-determinant; the network has no base."""
        base, log_det = self.flow(z)
        values: Tensor = log_det - 0.5 * base.square().sum(1) - math.log(2 * math.pi)
        return values

    def draw(self, n: int) -> Tensor:
        """Run the network backwards."""
        points: Tensor = self.flow(torch.randn(n, 2), rev=True)[0]
        return points


prepare_torch()
LIBRARY = Library(("affine",), FreiaModel, version("FrEIA"))
