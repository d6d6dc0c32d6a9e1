"""zuko: its ready-made flows, with the conditioner's sizes as its own keyword."""

from __future__ import annotations

from importlib.metadata import version

import zuko
from torch import Tensor, nn

from benchmarks.libraries.base import Job, Library
from benchmarks.libraries.torch_model import TorchModel, prepare_torch


class ZukoModel(TorchModel):
    """RealNVP, NSF with two passes (its coupling), or MAF; ReLU, alternating order."""

    def make(self, job: Job) -> nn.Module:
        """Build the flow; its splines have their own fixed box of half width 5."""
        sizes = {"transforms": job.depth, "hidden_features": (job.width, job.width)}
        flow: nn.Module
        if job.kind == "affine":
            flow = zuko.flows.RealNVP(2, **sizes)
        elif job.kind == "spline":
            flow = zuko.flows.NSF(2, bins=job.bins, passes=2, **sizes)
        else:
            flow = zuko.flows.MAF(2, **sizes)
        return flow

    def density(self, z: Tensor) -> Tensor:
        """Ask the distribution."""
        values: Tensor = self.flow().log_prob(z)
        return values

    def draw(self, n: int) -> Tensor:
        """Ask the distribution."""
        points: Tensor = self.flow().sample((n,))
        return points


prepare_torch()
LIBRARY = Library(("affine", "spline", "maf"), ZukoModel, version("zuko"))
