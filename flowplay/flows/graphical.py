"""Graphical flows: each coordinate depends on its parents in a graph, given or learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from flowplay.flows import chain
from flowplay.flows.autoregressive import Autoregressive
from flowplay.flows.base import Bijection
from flowplay.flows.chain import Link
from flowplay.flows.compiled import Layer
from flowplay.flows.conditioner import (
    Conditioner,
    SavedConditioned,
    backward_pass,
    forward_pass,
)
from flowplay.flows.nsf import BOUND
from flowplay.flows.transformers import Spline, Transformer
from flowplay.kernels import layout as lay

#: Penalty of an open edge, in nats: an edge stays open only if it gains more likelihood.
EDGE_COST = 0.02

#: Most numbers in the masks that kernels need for a layer: 4 MiB.
MOST_MASKED = 2**20


class Graph(nn.Module):
    """A directed acyclic graph over the coordinates.

    Args:
        allowed: adjacency [D, D], triangular: row i has the parents of i. Its entries are in
            [0, 1]: a parent enters times its entry.
    """

    allowed: Tensor

    def __init__(self, allowed: Tensor) -> None:
        super().__init__()
        self.register_buffer("allowed", allowed, persistent=False)

    def adjacency(self) -> Tensor:
        """Return the adjacency [D, D], in [0, 1]."""
        return self.allowed

    def seen(self, x: Tensor) -> Tensor:
        """Return the parents of each coordinate, times their gates, of x [D, B] as [D, D, B].

        The second axis says whose parents they are.
        """
        return x.unsqueeze(1) * self.adjacency().t().unsqueeze(-1)


class LearnedGraph(Graph):
    r"""A graph with the fixed order x1, x2, … that learns which edges exist.

    So it is acyclic, and the likelihood exact, at every step. Its edges are gates
    :math:`g = \operatorname{clip}(1.2\,\sigma(a) - 0.1)`, which reach exactly 0 and 1. In training
    mode a parent enters as :math:`g x + \sqrt{1 - g^2}\,\varepsilon`. A gate that only scaled x
    could be undone by larger weights; noise cannot, so only an edge that carries information about
    the child opens.

    Args:
        dim: D.

    References:
        Louizos, Welling & Kingma, Learning Sparse Neural Networks through L0 Regularization, 2018.
    """

    def __init__(self, dim: int) -> None:
        super().__init__(torch.ones(dim, dim).tril(-1))
        self.logits = nn.Parameter(torch.ones(dim, dim))

    def adjacency(self) -> Tensor:
        """Return the gates [D, D]."""
        return (1.2 * torch.sigmoid(self.logits) - 0.1).clamp(0, 1) * self.allowed

    def seen(self, x: Tensor) -> Tensor:
        """Return the parents of each coordinate as `Graph.seen`, in training mode with noise."""
        parents = super().seen(x)
        if not self.training:
            return parents
        # Drawn on the CPU, from torch's default generator; see `Bijection`.
        noise = torch.randn(parents.permute(2, 1, 0).shape).to(x) * self.allowed
        # The derivative of the root is infinite at 0.
        spread = (1 - self.adjacency().square()).clamp(min=1e-12).sqrt()
        return parents + (noise * spread).permute(2, 1, 0)


class GraphConditioner(nn.Module):
    """One network for all coordinates: its inputs are the parents of i, and i as a one-hot vector.

    Args:
        graph: shared by all layers of a flow.
        network: of 2 D inputs, and as many outputs P as a coordinate has parameters.
    """

    def __init__(self, graph: Graph, network: Conditioner) -> None:
        super().__init__()
        self.graph = graph
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, D] to parameters [B, D, P]."""
        outputs: Tensor = self.network(self.inputs(x.t()).t())
        return outputs.view(*x.t().shape, outputs.shape[-1]).transpose(0, 1)

    def inputs(self, x: Tensor) -> Tensor:
        """Return what the network reads of x [D, B], for each coordinate in turn [2D, D B]."""
        seen = self.graph.seen(x)
        one_hot = torch.eye(len(x)).to(x).unsqueeze(-1).expand_as(seen)
        return torch.cat((seen, one_hot)).flatten(1)


class GraphicalLayer(Link[SavedConditioned], Autoregressive):
    """An autoregressive spline layer whose parents are those of a graph.

    Args:
        conditioner: has the graph, and the network.
        transformer: the elementwise map.

    References:
        Wehenkel & Louppe, Graphical Normalizing Flows, 2021.
    """

    conditioner: GraphConditioner

    def __init__(self, conditioner: GraphConditioner, transformer: Transformer[Any]) -> None:
        super().__init__(conditioner, transformer, passes=len(conditioner.graph.allowed))

    def kernel_layers(self) -> Sequence[Layer]:
        """Return a layer for each coordinate, children first: all share the network's weights.

        The network reads all coordinates, and ones in place of the one-hot vector. Masks take what
        is not the coordinate's.
        """
        if (of_transformer := self.transformer.kernel) is None:
            return ()
        gates = self.conditioner.graph.adjacency().detach().cpu()
        dim, width = len(gates), self.conditioner.network.first.out_features
        own = torch.cat((gates, torch.eye(dim)), 1)
        weights = sum(t.numel() for t in self.tensors())
        if dim * weights > MOST_MASKED:
            return ()
        rest = torch.ones(weights - own[0].numel() * width)
        parents_first = range(dim) if gates.tril().any() else range(dim)[::-1]
        return [
            Layer(
                lay.CONDITIONED,
                constants=(torch.tensor([of_transformer.bound]), own[i].repeat(width), rest),
                width=width,
                inputs=(*range(dim), *dim * (lay.ONES,)),
                mapped=(i,),
                transformer=of_transformer,
                masked=True,
            )
            for i in reversed(parents_first)
        ]

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the weights and biases of the network."""
        return self.conditioner.network.tensors()

    def normalize(
        self, x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
    ) -> tuple[Tensor, Tensor, SavedConditioned | None]:
        """Normalize x [D, B] in one pass."""
        inputs = self.conditioner.inputs(x)
        theta, of_network = forward_pass(inputs, tensors, for_backward=for_backward)
        z, log_det, of_transformer = self.transformer.normalize(x, theta.view(len(theta), *x.shape))
        saved = None if of_network is None else SavedConditioned(of_network, of_transformer)
        return z, log_det.sum(0), saved

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: SavedConditioned
    ) -> tuple[Tensor, ...]:
        """Return the gradients with respect to x [D, B] and to the network's tensors."""
        g_x, g_theta = self.transformer.normalize_backward(g_z, g_log_det, saved.transformer)
        g_inputs, *g_tensors = backward_pass(g_theta.flatten(1), saved.network)
        g_seen = g_inputs[: len(g_x)].view(len(g_x), *g_x.shape)
        gates = self.conditioner.graph.adjacency().t().unsqueeze(-1)
        return g_x + (g_seen * gates).sum(1), *g_tensors


class LearnedGraphicalLayer(Autoregressive):
    """A graphical layer whose graph is learned.

    Args:
        conditioner: has the graph, and the network.
        transformer: the elementwise map.
        share: fraction of the graph's penalty that is this layer's.
    """

    conditioner: GraphConditioner

    def __init__(
        self, conditioner: GraphConditioner, transformer: Transformer[Any], share: float
    ) -> None:
        super().__init__(conditioner, transformer, passes=len(conditioner.graph.allowed))
        self.share = share

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize in one pass."""
        if self.training or torch.is_grad_enabled():
            return super().inverse(x)
        return chain.inverse([self._with_fixed_gates()], x)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate in D passes."""
        if self.training or torch.is_grad_enabled():
            return super().forward(z)
        return chain.forward([self._with_fixed_gates()], z)

    def penalty(self) -> Tensor | None:
        """Return this layer's share of the penalty of learned edges, in nats."""
        cost: Tensor = EDGE_COST * self.share * self.conditioner.graph.adjacency().sum()
        return cost

    def _with_fixed_gates(self) -> GraphicalLayer:
        """Return the layer as it is now, as a link: without noise nothing else is learned."""
        graph = Graph(self.conditioner.graph.adjacency())
        conditioner = GraphConditioner(graph, self.conditioner.network)
        return GraphicalLayer(conditioner, self.transformer).eval()


def graphical(dim: int, depth: int, width: int, bins: int, edges: str) -> list[Bijection]:
    """Build `depth` layers that share one graph, so that the whole flow has this graph.

    Args:
        dim: D.
        depth: number of layers.
        width: hidden units of the conditioners.
        bins: pieces of each spline.
        edges: `forward` (x1 → x2 → …, all before to all after), `backward`, `none` or `learned`.
    """
    spline = Spline(bins, BOUND)

    def conditioner(graph: Graph) -> GraphConditioner:
        return GraphConditioner(graph, Conditioner(2 * dim, width, spline.parameter_count))

    if edges == "learned":
        learned = LearnedGraph(dim)
        return [
            LearnedGraphicalLayer(conditioner(learned), spline, 1 / depth) for _ in range(depth)
        ]
    all_before = torch.ones(dim, dim).tril(-1)
    graph = Graph(
        {
            "forward": all_before,
            "backward": all_before.t().contiguous(),
            "none": torch.zeros(dim, dim),
        }[edges]
    )
    return [GraphicalLayer(conditioner(graph), spline) for _ in range(depth)]
