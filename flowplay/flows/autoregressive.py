"""Autoregression: every coordinate is mapped with parameters that depend on those before it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from flowplay.flows.base import Bijection
from flowplay.flows.chain import Link
from flowplay.flows.conditioner import SAVED
from flowplay.flows.made import MADE
from flowplay.flows.transformers import Transformer


class Autoregressive(Bijection):
    r"""Map each coordinate with parameters that depend on its parents in the data.

    .. math::
        x_i = g_{\theta_i(x_{\mathrm{pa}(i)})}(z_i), \qquad
        \log|\det J| = \sum_i \log |g'_{\theta_i}(z_i)|

    Parents come before their children in some order, so the Jacobian is triangular in it. Given x,
    all parameters are known at once and normalizing takes one pass. Generating starts from
    anything and passes again and again: after pass k all coordinates whose longest line of
    ancestors is shorter than k are right, and stay so.

    Args:
        conditioner: maps x [B, D] to parameters [B, D, P]; those of i depend on its parents only.
        transformer: the elementwise map g.
        passes: until every coordinate is right; D at most.

    References:
        Papamakarios, Pavlakou & Murray, Masked Autoregressive Flow for Density Estimation, 2017.
    """

    def __init__(self, conditioner: nn.Module, transformer: Transformer, passes: int) -> None:
        super().__init__()
        self.conditioner = conditioner
        self.transformer = transformer
        self.passes = passes

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize in one pass."""
        z, log_det = self.transformer.inverse(x, self.conditioner(x))
        return z, log_det.sum(-1)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate, as many passes as the longest line of ancestors is long."""
        x = z
        for _ in range(self.passes):
            x, log_det = self.transformer.forward(z, self.conditioner(x))
        return x, log_det.sum(-1)


class MaskedAutoregressive(Link, Autoregressive):
    """Let each coordinate depend on all before it, by one network with masked weights.

    Args:
        dim: D.
        width: hidden units of the network.
        transformer: the elementwise map g.
        reverse: let each depend on all after it instead.
    """

    conditioner: MADE

    def __init__(self, dim: int, width: int, transformer: Transformer, *, reverse: bool) -> None:
        super().__init__(MADE(dim, width, transformer, reverse=reverse), transformer, passes=dim)

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the weights and biases of the network."""
        return self.conditioner.tensors()

    def evaluate(
        self, x: Tensor, tensors: Sequence[Tensor], *, keep: bool = True
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Normalize in one pass."""
        outputs, of_network = self.conditioner.evaluate(x, tensors, keep=keep)
        theta = outputs.view(len(x), self.transformer.parameters, x.shape[-1]).transpose(0, 1)
        z, log_det, of_map = self.transformer.evaluate(x, theta)
        return z, log_det.sum(0), (*of_network, *of_map)

    def differentiate(
        self, g_z: Tensor, g_log_det: Tensor, saved: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Go back through the map, then through the network."""
        g_x, g_theta = self.transformer.differentiate(g_z, g_log_det, saved[SAVED:])
        g_outputs = g_theta.transpose(0, 1).flatten(0, 1)
        g_seen, *g_tensors = self.conditioner.differentiate(g_outputs, saved[:SAVED])
        return g_x + g_seen, *g_tensors
