"""zuko: its ready-made flows, with the conditioner's sizes as its own keyword."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import zuko
from torch import Tensor, nn
from zuko.transforms import MonotonicRQSTransform

from benchmarks.libraries.base import Job, Library
from benchmarks.libraries.torch_model import TorchModel, prepare_torch


class ZukoModel(TorchModel):
    """Couplings or a MAF of alternating order, with its usual ReLU.

    Its class for couplings takes any univariate map; with the spline it is quicker than
    `NSF(passes=2)`, which masks an autoregressive network.
    """

    def make(self, job: Job) -> nn.Module:
        """Build the flow; its splines have their own fixed box of half width 5."""
        sizes: dict[str, Any] = {"transforms": job.depth, "hidden_features": (job.width, job.width)}
        flow: nn.Module
        if job.kind == "affine":
            flow = zuko.flows.RealNVP(2, **sizes)
        elif job.kind == "spline":
            spline = [(job.bins,), (job.bins,), (job.bins - 1,)]
            flow = zuko.flows.NICE(2, univariate=MonotonicRQSTransform, shapes=spline, **sizes)
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
