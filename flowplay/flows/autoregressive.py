"""Autoregressive layers: each coordinate's parameters depend on the coordinates before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from flowplay.flows.base import Bijection
from flowplay.flows.chain import Link
from flowplay.flows.compiled import Layer
from flowplay.flows.conditioner import SavedConditioned
from flowplay.flows.made import MADE
from flowplay.flows.transformers import Transformer
from flowplay.kernels import layout as lay


class Autoregressive(Bijection):
    r"""Map each coordinate with parameters that depend on its parents in the data.

    .. math::
        x_i = g_{\theta_i(x_{\mathrm{pa}(i)})}(z_i), \qquad
        \log|\det J| = \sum_i \log |g'_{\theta_i}(z_i)|

    In some order of the coordinates parents come before their children, so the Jacobian is
    triangular in it. Given x, all parameters are known at once and normalizing takes one pass.
    Generating repeats the pass from any start: after pass k, every coordinate whose longest chain
    of ancestors is shorter than k is exact, and no longer changes.

    Args:
        conditioner: maps x [B, D] to parameters [B, D, P]; those of i depend on its parents only.
        transformer: the elementwise map g.
        passes: number of passes until every coordinate is exact; D at most.

    References:
        Papamakarios, Pavlakou & Murray, Masked Autoregressive Flow for Density Estimation, 2017.
    """

    def __init__(self, conditioner: nn.Module, transformer: Transformer[Any], passes: int) -> None:
        super().__init__()
        self.conditioner = conditioner
        self.transformer = transformer
        self.log_scale_bound = transformer.log_scale_bound
        self.passes = passes

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize in one pass."""
        z, log_det = self.transformer.inverse(x, self.conditioner(x))
        return z, log_det.sum(-1)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate in `passes` passes."""
        x = z
        for _ in range(self.passes):
            x, log_det = self.transformer.forward(z, self.conditioner(x))
        return x, log_det.sum(-1)


class MaskedAutoregressive(Link[SavedConditioned], Autoregressive):
    """Let each coordinate depend on all before it, by one network with masked weights.

    Args:
        dim: D.
        width: hidden units of the network.
        transformer: the elementwise map g.
        reverse: let each depend on all after it instead.
    """

    conditioner: MADE

    def __init__(
        self, dim: int, width: int, transformer: Transformer[Any], *, reverse: bool
    ) -> None:
        super().__init__(MADE(dim, width, transformer, reverse=reverse), transformer, passes=dim)

    def kernel_layers(self) -> Sequence[Layer]:
        """Return the masked network and the map, if the kernels know it."""
        if (of_transformer := self.transformer.kernel) is None:
            return ()
        layer = Layer(
            lay.CONDITIONED,
            constants=(torch.tensor([of_transformer.bound]), *self.conditioner.masks()),
            width=self.conditioner.first.out_features,
            inputs=tuple(range(self.passes)),
            mapped=tuple(range(self.passes)),
            transformer=of_transformer,
            masked=True,
            passes=self.passes,
        )
        return (layer,)

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the weights and biases of the network."""
        return self.conditioner.tensors()

    def normalize(
        self, x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
    ) -> tuple[Tensor, Tensor, SavedConditioned | None]:
        """Normalize x [D, B] in one pass."""
        outputs, of_network = self.conditioner.forward_pass(x, tensors, for_backward=for_backward)
        # The network's outputs are grouped by coordinate, the transformer takes them by parameter.
        theta = outputs.view(len(x), self.transformer.parameter_count, x.shape[-1])
        z, log_det, of_transformer = self.transformer.normalize(x, theta.transpose(0, 1))
        saved = None if of_network is None else SavedConditioned(of_network, of_transformer)
        return z, log_det.sum(0), saved

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: SavedConditioned
    ) -> tuple[Tensor, ...]:
        """Return the gradients with respect to x [D, B] and to the network's tensors."""
        g_x, g_theta = self.transformer.normalize_backward(g_z, g_log_det, saved.transformer)
        g_outputs = g_theta.transpose(0, 1).flatten(0, 1)
        g_network, *g_tensors = self.conditioner.backward_pass(g_outputs, saved.network)
        return g_x + g_network, *g_tensors
