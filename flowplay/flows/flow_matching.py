"""Flow matching: a continuous flow trained by regression, without a solver."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from flowplay.flows.base import Bijection
from flowplay.flows.bases import Base
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

    whose minimizer is a field that transports the base to the data, however z and the data are
    paired within a batch. It is not a likelihood, and its minimum is not 0. `log_prob` is exact
    nevertheless: it integrates the field.

    Args:
        bijections, dim, base, checkpoint: see `Flow`.
        coupling: how draws of z are paired with the points of a batch, a name of `COUPLINGS`.

    References:
        Lipman, Chen, Ben-Hamu, Nickel & Le, Flow Matching for Generative Modeling, 2023.
    """

    trained_by_likelihood = False

    def __init__(
        self,
        bijections: Sequence[Bijection],
        dim: int,
        *,
        base: Base | None = None,
        checkpoint: bool = False,
        coupling: str,
    ) -> None:
        super().__init__(bijections, dim, base=base, checkpoint=checkpoint)
        self.coupling = coupling

    def loss(self, x: Tensor) -> Tensor:
        """Return the flow-matching loss on data x [B, D] (scalar, squared standardized units)."""
        field, t, points, velocity = self._drawn(x)
        loss: Tensor = (field(t, points) - velocity).square().sum(-1).mean()
        return loss

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return `loss` of x [B, D], and its gradient by each parameter."""
        with torch.no_grad():
            field, t, points, velocity = self._drawn(x)
            return field.squared_error(t, points, velocity)

    def _drawn(self, x: Tensor) -> tuple[VectorField, Tensor, Tensor, Tensor]:
        """Return the field, times [B, 1], points [B, D] and what the field should be there."""
        layers = [b for b in self.bijections if isinstance(b, ContinuousLayer)]
        for bijection in reversed(self.bijections[len(layers) :]):
            x, _ = bijection.inverse(x)
        # Drawn on the CPU, from torch's default generator; see `Bijection`.
        z = COUPLINGS[self.coupling](torch.randn(x.shape).to(x), x)
        t = torch.rand(len(x), 1).to(x)
        return layers[0].field, t, (1 - t) * z + t * x, x - z


def sorted_pairs(z: Tensor, x: Tensor) -> Tensor:
    """Return draws z [B, D] in such an order that each stands beside the point of x in its place.

    Both are sorted by the first coordinate and cut into strips, each strip by the next coordinate,
    and so on: the Knothe-Rosenblatt map between two samples. It takes a few sorts, and paths
    between such pairs cross less often than those of pairs at random.

    References:
        Tong et al., Improving and Generalizing Flow-Based Generative Models with Minibatch Optimal
        Transport, 2024.
        Peyré & Cuturi, Computational Optimal Transport, 2019.
    """
    paired = np.empty(len(z), np.int64)
    paired[_places(_columns(x))] = _places(_columns(z))
    return z[torch.from_numpy(paired).to(z.device)]


def _columns(points: Tensor) -> NDArray[np.floating]:
    return np.ascontiguousarray(points.detach().t().cpu().numpy())


def _places(columns: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the indices [B] that sort points, given as [D, B], by strips."""
    dim, n = columns.shape
    strips = max(2, round(n ** (1 / dim)))
    order: NDArray[np.int64] = columns[0].argsort()
    size, place = n, np.arange(n)
    begins = np.zeros(n, np.int64)  # where the strip of each place begins
    for column in columns[1:]:
        size = math.ceil(size / strips)
        if size == 1:
            break
        begins += (place - begins) // size * size
        order = order[np.lexsort((column[order], begins))]
    return order


def optimal_pairs(z: Tensor, x: Tensor) -> Tensor:
    """Return draws z [B, D] in the order that makes all paths to x together the shortest.

    B points take B^3 operations, so more than `LARGEST_ASSIGNMENT` are paired in groups of that
    size.

    References:
        Pooladian et al., Multisample Flow Matching: Straightening Flows with Minibatch Couplings,
        2023.
    """
    groups = zip(z.split(LARGEST_ASSIGNMENT), x.split(LARGEST_ASSIGNMENT), strict=True)
    return torch.cat([_assigned(draws, points) for draws, points in groups])


def _assigned(z: Tensor, x: Tensor) -> Tensor:
    costs = torch.cdist(x.detach(), z.detach()).square().cpu().numpy()
    if not np.isfinite(costs).all():
        # Broken numbers have no shortest paths; the loss will show them.
        return z
    _, chosen = linear_sum_assignment(costs)
    return z[torch.from_numpy(chosen).to(z.device)]


#: Most points that are paired by the shortest paths at once: some 10 ms.
LARGEST_ASSIGNMENT = 256

#: How draws of the base are paired with the points of a batch, by the name of the option.
COUPLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sorted": sorted_pairs,
    "optimal": optimal_pairs,
    "independent": lambda z, _: z,
}


def flow_matching(dim: int, depth: int, width: int) -> list[Bijection]:
    """Build one continuous flow, divided into `depth` equal intervals of time."""
    return [*pieces(VectorField(dim, width), depth, solver="dopri5", steps=1, trace="exact")]
