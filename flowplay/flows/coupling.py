"""Coupling: part of the coordinates stays and steers an elementwise map of the rest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from flowplay.flows.chain import Link
from flowplay.flows.conditioner import SAVED, Conditioner, differentiate_network, evaluate_network
from flowplay.flows.transformers import Transformer


class Coupling(Link):
    r"""Keep :math:`z_a`, and map :math:`z_b` elementwise with parameters :math:`\theta(z_a)`.

    .. math::
        x_a = z_a, \qquad x_b = g_{\theta(z_a)}(z_b), \qquad
        \log|\det J| = \sum_i \log |g'_{\theta(z_a)}(z_{b,i})|

    The Jacobian is triangular, whatever the conditioner :math:`\theta` is.

    Args:
        dim: D >= 2.
        width: hidden units of the conditioner.
        transformer: the elementwise map g.
        swap: keep the second part instead of the first; layers alternate.
        mask: `channel` keeps the first half of the coordinates, `checkerboard` every other one.

    Raises:
        ValueError: for fewer than two dimensions: nothing would be left to condition on.

    References:
        Dinh, Krueger & Bengio, NICE: Non-linear Independent Components Estimation, 2015.
        Dinh, Sohl-Dickstein & Bengio, Density Estimation using Real NVP, 2017.
    """

    def __init__(
        self, dim: int, width: int, transformer: Transformer, swap: bool, mask: str = "channel"
    ) -> None:
        super().__init__()
        if dim < 2:
            raise ValueError(f"A coupling layer needs at least 2 dimensions, got {dim}.")
        self.swap = swap
        first = dim - dim // 2
        self.sizes = [first, dim - first]
        self.order, self.order_back = _order(dim, mask)
        kept, mapped = reversed(self.sizes) if swap else self.sizes
        self.transformer = transformer
        self.conditioner = Conditioner(kept, width, mapped * transformer.parameters)
        if (start := transformer.start()) is not None:
            with torch.no_grad():
                self.conditioner.last.bias.copy_(start.repeat(mapped))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: keep one part, map the other."""
        kept, rest = self._split(z.t())
        theta = self.conditioner(kept.t()).unflatten(-1, (len(rest), -1))
        mapped, log_det = self.transformer.forward(rest.t(), theta)
        return self._join(kept, mapped.t()).t(), log_det.sum(-1)

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the weights and biases of the conditioner."""
        return self.conditioner.tensors()

    def evaluate(
        self, x: Tensor, tensors: Sequence[Tensor], *, keep: bool = True
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Normalize: keep the same part, which gives the same parameters, and undo the map."""
        kept, rest = self._split(x)
        outputs, of_network = evaluate_network(kept, tensors, keep=keep)
        # The network gives the parameters of one coordinate after those of another.
        theta = outputs.view(len(rest), self.transformer.parameters, x.shape[-1]).transpose(0, 1)
        mapped, log_det, of_map = self.transformer.evaluate(rest, theta)
        return self._join(kept, mapped), log_det.sum(0), (*of_network, *of_map)

    def differentiate(
        self, g_z: Tensor, g_log_det: Tensor, saved: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Go back through the map, then through the conditioner."""
        g_kept, g_mapped = self._split(g_z)
        g_rest, g_theta = self.transformer.differentiate(g_mapped, g_log_det, saved[SAVED:])
        g_outputs = g_theta.transpose(0, 1).flatten(0, 1)
        g_condition, *g_tensors = differentiate_network(g_outputs, saved[:SAVED])
        return self._join(g_kept + g_condition, g_rest), *g_tensors

    def _split(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Split y [D, B] into the part that is kept and the part that is mapped."""
        y = y if self.order is None else y[self.order]
        first, second = y[: self.sizes[0]], y[self.sizes[0] :]
        return (second, first) if self.swap else (first, second)

    def _join(self, kept: Tensor, mapped: Tensor) -> Tensor:
        """Undo `_split`."""
        y = torch.cat((mapped, kept) if self.swap else (kept, mapped))
        return y if self.order_back is None else y[self.order_back]


def _order(dim: int, mask: str) -> tuple[list[int] | None, list[int] | None]:
    """Return the coordinates in the order in which a mask splits them, and the way back."""
    if mask == "channel" or dim == 2:
        return None, None
    order = [*range(0, dim, 2), *range(1, dim, 2)]
    return order, [order.index(i) for i in range(dim)]
