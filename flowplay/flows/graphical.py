"""Graphical flows: each coordinate depends on its parents in a graph, given or learned."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from flowplay.flows.autoregressive import Autoregressive
from flowplay.flows.base import Bijection
from flowplay.flows.conditioner import Conditioner
from flowplay.flows.nsf import BOUND
from flowplay.flows.transformers import Spline, Transformer

#: Penalty of an open edge, in nats: an edge stays open only if it gains more likelihood.
EDGE_COST = 0.02


class Graph(nn.Module):
    r"""A directed acyclic graph over the coordinates, as an adjacency [D, D]: row i, parents of i.

    A learned graph has the fixed order x1, x2, … and learns which edges exist, so that it is
    acyclic, and the likelihood exact, at every step. Its edges are gates
    :math:`g = \operatorname{clip}(1.2\,\sigma(a) - 0.1)`, which reach exactly 0 and 1. In training
    mode a parent enters as :math:`g x + \sqrt{1 - g^2}\,\varepsilon`. A gate that only scaled x
    could be undone by larger weights; noise cannot, so only an edge that carries information about
    the child opens.

    Args:
        dim: D.
        edges: `forward` (x1 → x2 → …, all before to all after), `backward`, `none` or `learned`.

    References:
        Louizos, Welling & Kingma, Learning Sparse Neural Networks through L0 Regularization, 2018.
    """

    allowed: Tensor

    def __init__(self, dim: int, edges: str) -> None:
        super().__init__()
        triangle = torch.ones(dim, dim).tril(-1)
        shape = {"backward": triangle.t(), "none": torch.zeros(dim, dim)}.get(edges, triangle)
        self.register_buffer("allowed", shape.contiguous(), persistent=False)
        self.logits = nn.Parameter(torch.ones(dim, dim)) if edges == "learned" else None

    def adjacency(self) -> Tensor:
        """Return the adjacency [D, D], in [0, 1]."""
        if self.logits is None:
            return self.allowed
        return (1.2 * torch.sigmoid(self.logits) - 0.1).clamp(0, 1) * self.allowed

    def seen(self, x: Tensor) -> Tensor:
        """Return the parents of each coordinate, times their gates, of x [B, D] as [B, D, D]."""
        gates = self.adjacency()
        parents = x.unsqueeze(1) * gates
        if self.logits is None or not self.training:
            return parents
        # Drawn on the CPU, from torch's default generator; see `Bijection`.
        noise = torch.randn(parents.shape).to(x) * self.allowed
        # The derivative of the root is infinite at 0.
        return parents + noise * (1 - gates.square()).clamp(min=1e-12).sqrt()


class GraphConditioner(nn.Module):
    """One network for all coordinates: its inputs are the parents of i, and i as a one-hot vector.

    Args:
        dim: D.
        width: hidden units.
        graph: shared by all layers of a flow.
        transformer: has the number of parameters P per coordinate.
    """

    def __init__(self, dim: int, width: int, graph: Graph, transformer: Transformer[Any]) -> None:
        super().__init__()
        self.graph = graph
        self.network = Conditioner(2 * dim, width, transformer.parameter_count)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, D] to parameters [B, D, P]."""
        batch, dim = x.shape
        one_hot = torch.eye(dim).to(x).expand(batch, dim, dim)
        inputs = torch.cat((self.graph.seen(x), one_hot), -1).flatten(0, 1)
        theta: Tensor = self.network(inputs).unflatten(0, (batch, dim))
        return theta


class GraphicalLayer(Autoregressive):
    """An autoregressive spline layer whose parents are those of a graph.

    Args:
        dim: D.
        width: hidden units of the conditioner.
        bins: pieces of each spline.
        graph: shared by all layers of a flow.
        share: fraction of the graph's penalty that is this layer's.

    References:
        Wehenkel & Louppe, Graphical Normalizing Flows, 2021.
    """

    def __init__(self, dim: int, width: int, bins: int, graph: Graph, share: float) -> None:
        spline = Spline(bins, BOUND)
        super().__init__(GraphConditioner(dim, width, graph, spline), spline, passes=dim)
        self.graph = graph
        self.share = share

    def penalty(self) -> Tensor | None:
        """Return this layer's share of the penalty of learned edges, in nats."""
        if self.graph.logits is None:
            return None
        cost: Tensor = EDGE_COST * self.share * self.graph.adjacency().sum()
        return cost


def graphical(dim: int, depth: int, width: int, bins: int, edges: str) -> list[Bijection]:
    """Build `depth` layers that share one graph, so that the whole flow has this graph."""
    graph = Graph(dim, edges)
    return [GraphicalLayer(dim, width, bins, graph, 1 / depth) for _ in range(depth)]
