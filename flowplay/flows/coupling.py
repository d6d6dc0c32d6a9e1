"""Coupling: part of the coordinates stays and determines an elementwise map of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from flowplay.flows.chain import Link
from flowplay.flows.compiled import Layer
from flowplay.flows.conditioner import (
    Conditioner,
    SavedConditioned,
    backward_pass,
    forward_pass,
)
from flowplay.flows.transformers import Transformer
from flowplay.kernels import layout as lay


class Coupling(Link[SavedConditioned]):
    r"""Leave :math:`z_a` as it is, and map :math:`z_b` elementwise by :math:`g_{\theta(z_a)}`.

    .. math::
        x_a = z_a, \qquad x_b = g_{\theta(z_a)}(z_b), \qquad
        \log|\det J| = \sum_i \log |g'_{\theta(z_a)}(z_{b,i})|

    The Jacobian is triangular for any conditioner :math:`\theta`. Here :math:`z_a` is called the
    conditioning part and :math:`z_b` the transformed part.

    Args:
        dim: D >= 2.
        width: hidden units of the conditioner.
        transformer: the elementwise map g.
        swap: condition on the second part instead of the first; layers alternate.
        mask: how coordinates are split: with `channel` the first part is their first half, with
            `checkerboard` every other one.

    Raises:
        ValueError: for fewer than two dimensions: nothing would be left to condition on.

    References:
        Dinh, Krueger & Bengio, NICE: Non-linear Independent Components Estimation, 2015.
        Dinh, Sohl-Dickstein & Bengio, Density Estimation using Real NVP, 2017.
    """

    def __init__(
        self, dim: int, width: int, transformer: Transformer[Any], swap: bool, mask: str = "channel"
    ) -> None:
        super().__init__()
        if dim < 2:
            raise ValueError(f"A coupling layer needs at least 2 dimensions, got {dim}.")
        self.swap = swap
        first = dim - dim // 2
        self.sizes = [first, dim - first]
        self.order, self.order_back = _order(dim, mask)
        conditioning, transformed = reversed(self.sizes) if swap else self.sizes
        self.transformer = transformer
        self.log_scale_bound = transformer.log_scale_bound
        outputs = transformed * transformer.parameter_count
        self.conditioner = Conditioner(conditioning, width, outputs)
        if (start := transformer.start()) is not None:
            with torch.no_grad():
                self.conditioner.last.bias.copy_(start.repeat(transformed))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: leave one part as it is, map the other."""
        conditioning, z_b = self._split(z.t())
        theta = self.conditioner(conditioning.t()).unflatten(-1, (len(z_b), -1))
        x_b, log_det = self.transformer.forward(z_b.t(), theta)
        return self._join(conditioning, x_b.t()).t(), log_det.sum(-1)

    def kernel_layers(self) -> Sequence[Layer]:
        """Return the network and the map, if the kernels know it."""
        if (of_transformer := self.transformer.kernel) is None:
            return ()
        order = self.order or list(range(sum(self.sizes)))
        first, second = tuple(order[: self.sizes[0]]), tuple(order[self.sizes[0] :])
        inputs, mapped = (second, first) if self.swap else (first, second)
        layer = Layer(
            lay.CONDITIONED,
            constants=(torch.tensor([of_transformer.bound]),),
            width=self.conditioner.first.out_features,
            inputs=inputs,
            mapped=mapped,
            transformer=of_transformer,
        )
        return (layer,)

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the weights and biases of the conditioner."""
        return self.conditioner.tensors()

    def normalize(
        self, x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
    ) -> tuple[Tensor, Tensor, SavedConditioned | None]:
        """Undo the map of x [D, B]: the same conditioning part gives the same parameters."""
        conditioning, x_b = self._split(x)
        outputs, of_network = forward_pass(conditioning, tensors, for_backward=for_backward)
        # The network's outputs are grouped by coordinate, the transformer takes them by parameter.
        theta = outputs.view(len(x_b), self.transformer.parameter_count, x.shape[-1])
        z_b, log_det, of_transformer = self.transformer.normalize(x_b, theta.transpose(0, 1))
        saved = None if of_network is None else SavedConditioned(of_network, of_transformer)
        return self._join(conditioning, z_b), log_det.sum(0), saved

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: SavedConditioned
    ) -> tuple[Tensor, ...]:
        """Return the gradients with respect to x [D, B] and to the conditioner's tensors."""
        g_identity, g_z_b = self._split(g_z)
        g_x_b, g_theta = self.transformer.normalize_backward(g_z_b, g_log_det, saved.transformer)
        g_outputs = g_theta.transpose(0, 1).flatten(0, 1)
        g_network, *g_tensors = backward_pass(g_outputs, saved.network)
        return self._join(g_identity + g_network, g_x_b), *g_tensors

    def _split(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Split y [D, B] into the conditioning part and the transformed part."""
        y = y if self.order is None else y[self.order]
        first, second = y[: self.sizes[0]], y[self.sizes[0] :]
        return (second, first) if self.swap else (first, second)

    def _join(self, conditioning: Tensor, transformed: Tensor) -> Tensor:
        """Undo `_split`."""
        parts = (transformed, conditioning) if self.swap else (conditioning, transformed)
        y = torch.cat(parts)
        return y if self.order_back is None else y[self.order_back]


def _order(dim: int, mask: str) -> tuple[list[int] | None, list[int] | None]:
    """Return the order of coordinates in which a mask splits them, and the inverse permutation."""
    if mask == "channel" or dim == 2:
        return None, None
    order = [*range(0, dim, 2), *range(1, dim, 2)]
    return order, [order.index(i) for i in range(dim)]
