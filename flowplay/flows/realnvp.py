"""RealNVP: affine coupling layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowplay.flows.base import Bijection
from flowplay.flows.conditioner import differentiate, evaluate
from flowplay.flows.coupling import Coupling, joined, parts
from flowplay.flows.transformers import LOG_SCALE_BOUND, Affine


class AffineCoupling(Coupling):
    r"""Scale and shift one part by amounts that depend on the other.

    .. math::
        x_b = z_b \odot e^{s(z_a)} + t(z_a), \qquad \log|\det J| = \sum_i s_i(z_a)

    Args:
        dim: D >= 2.
        width: hidden units of the conditioner.
        swap: keep the second part instead of the first.
        mask: `channel` or `checkerboard`, as of `Coupling`.

    References:
        Dinh, Sohl-Dickstein & Bengio, Density Estimation using Real NVP, 2017.
    """

    def __init__(self, dim: int, width: int, swap: bool, mask: str = "channel") -> None:
        super().__init__(dim, width, Affine(), swap, mask)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize, as one node of the graph: this is what every training step is made of."""
        z: Tensor
        log_det: Tensor
        ordered = x if self.order is None else x[:, self.order]
        z, log_det = _AffineInverse.apply(
            ordered, self.sizes, self.swap, *self.conditioner.tensors()
        )
        return z if self.order_back is None else z[:, self.order_back], log_det


class _AffineInverse(torch.autograd.Function):
    """`Coupling.inverse` of the affine map, with its backward pass by hand."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        sizes: list[int],
        swap: bool,
        *tensors: Tensor,
    ) -> tuple[Tensor, Tensor]:
        kept, rest = parts(x, sizes, swap)
        theta, saved = evaluate(kept, tensors)
        raw, shift = theta[:, 0::2], theta[:, 1::2]
        bound = torch.reciprocal(1 + raw.abs() / LOG_SCALE_BOUND)
        log_scale = raw * bound
        shrink = torch.exp(-log_scale)
        z = (rest - shift) * shrink
        ctx.save_for_backward(bound, shrink, z, *saved)
        ctx.sizes, ctx.swap = sizes, swap
        return joined(kept, z, swap), -log_scale.sum(-1)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        gradient: Tensor,
        gradient_log_det: Tensor,
    ) -> tuple[Tensor | None, ...]:
        bound, shrink, z, *saved = ctx.saved_tensors
        g_kept, g_z = parts(gradient, ctx.sizes, ctx.swap)
        g_rest = g_z * shrink
        # d z / d log-scale = -z, and the log-scale enters the log-det with its sign reversed.
        g_log_scale = torch.addcmul(gradient_log_det.unsqueeze(-1), g_z, z).neg_()
        g_raw = g_log_scale * bound.square()
        g_theta = torch.stack((g_raw, -g_rest), -1).flatten(1)
        g_condition, *g_tensors = differentiate(g_theta, saved)
        return joined(g_kept + g_condition, g_rest, ctx.swap), None, None, *g_tensors


def realnvp(dim: int, depth: int, width: int) -> list[Bijection]:
    """Build `depth` affine coupling layers whose kept part alternates.

    In more than two dimensions pairs of channel masks and of checkerboard masks take turns, as in
    the paper, so that every coordinate meets every other; in two they are the same.
    """
    masks = ("channel", "checkerboard")
    return [AffineCoupling(dim, width, bool(k % 2), masks[k // 2 % 2]) for k in range(depth)]
