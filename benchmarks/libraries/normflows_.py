"""normflows: its coupling and autoregressive layers, put together as in its README."""

from __future__ import annotations

from importlib.metadata import version

import normflows as nf
from torch import Tensor, nn

from benchmarks.libraries.base import BOUND, Job, Library
from benchmarks.libraries.torch_model import TorchModel, prepare_torch


class NormflowsModel(TorchModel):
    """A `NormalizingFlow` of layers in generating order, trained by its `forward_kld`."""

    def make(self, job: Job) -> nn.Module:
        """Build the flow on a fixed standard normal base."""
        layers = [layer for k in range(job.depth) for layer in _layers(job, k)]
        flow: nn.Module = nf.NormalizingFlow(
            nf.distributions.DiagGaussian(2, trainable=False), layers
        )
        return flow

    def loss(self, batch: Tensor) -> Tensor:
        """Return its own name for the mean negative log-likelihood."""
        loss: Tensor = self.flow.forward_kld(batch)
        return loss

    def density(self, z: Tensor) -> Tensor:
        """Ask the flow."""
        values: Tensor = self.flow.log_prob(z)
        return values

    def draw(self, n: int) -> Tensor:
        """Ask the flow; it gives the log-density of its samples too."""
        points: Tensor = self.flow.sample(n)[0]
        return points


def _layers(job: Job, k: int) -> list[nn.Module]:
    if job.kind == "affine":
        net = nf.nets.MLP([1, job.width, job.width, 2], init_zeros=True)
        return [nf.flows.AffineCouplingBlock(net), nf.flows.Permute(2, mode="swap")]
    if job.kind == "spline":
        # Its conditioner is a residual network: with one block, the nearest to two hidden layers.
        return [
            nf.flows.CoupledRationalQuadraticSpline(
                2, 1, job.width, num_bins=job.bins, tail_bound=BOUND, reverse_mask=bool(k % 2)
            )
        ]
    # As it stands this layer normalizes in D passes, which is the inverse flow; its `Reverse` makes
    # it the masked autoregressive one. A scale of at most 1 then needs `ActNorm` to learn peaks.
    layer = nf.flows.MaskedAffineAutoregressive(
        2, job.width, num_blocks=2, use_residual_blocks=False
    )
    return [nf.flows.Reverse(layer), nf.flows.ActNorm(2), nf.flows.Permute(2, mode="swap")]


prepare_torch()
LIBRARY = Library(("affine", "spline", "maf"), NormflowsModel, version("normflows"))
