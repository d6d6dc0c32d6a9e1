"""Flow matching: a continuous flow trained by regression, without a solver."""

from __future__ import annotations

import torch
from torch import Tensor

from flowplay.flows.base import Bijection
from flowplay.flows.continuous import ContinuousLayer, pieces
from flowplay.flows.flow import Flow
from flowplay.flows.vector_field import VectorField


class MatchedFlow(Flow):
    r"""A continuous flow whose loss is the conditional flow-matching loss.

    With standardized data :math:`x_1`, :math:`z \sim \mathcal{N}(0, I)` and
    :math:`t \sim \mathcal{U}(0, 1)`,

    .. math::
        \mathcal{L} = \mathbb{E}\,
        \bigl\| f\bigl((1 - t)\, z + t\, x_1,\ t\bigr) - (x_1 - z) \bigr\|^2

    whose minimizer is a field that transports the base to the data. It is not a likelihood, and its
    minimum is not 0. `log_prob` is exact nevertheless: it integrates the field.

    References:
        Lipman, Chen, Ben-Hamu, Nickel & Le, Flow Matching for Generative Modeling, 2023.
    """

    trained_by_likelihood = False

    def loss(self, x: Tensor) -> Tensor:
        """Return the flow-matching loss on data x [B, D] (scalar, squared standardized units)."""
        layers = [b for b in self.bijections if isinstance(b, ContinuousLayer)]
        for bijection in reversed(self.bijections[len(layers) :]):
            x, _ = bijection.inverse(x)
        # Drawn on the CPU, from torch's default generator; see `Bijection`.
        z = torch.randn(x.shape).to(x)
        t = torch.rand(len(x), 1).to(x)
        field: Tensor = layers[0].field(t, (1 - t) * z + t * x)
        return (field - (x - z)).square().sum(-1).mean()


def flow_matching(dim: int, depth: int, width: int) -> list[Bijection]:
    """Build one continuous flow, divided into `depth` equal intervals of time."""
    return [*pieces(VectorField(dim, width), depth, solver="dopri5", steps=1, trace="exact")]
