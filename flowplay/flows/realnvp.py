"""RealNVP: affine coupling layers."""

from __future__ import annotations

import torch
from torch import Tensor

from flowplay.flows.base import Bijection
from flowplay.flows.coupling import Coupling

#: A layer scales by at most e^±LOG_SCALE_BOUND: enough for thin shapes, too little to overflow.
LOG_SCALE_BOUND = 3.0


class AffineCoupling(Coupling):
    r"""Scale and shift one part by amounts that depend on the other.

    .. math::
        x_b = z_b \odot e^{s(z_a)} + t(z_a), \qquad \log|\det J| = \sum_i s_i(z_a)

    The log-scale is bounded smoothly, :math:`s = c \tanh(a / c)` with c = `LOG_SCALE_BOUND`,
    which is the identity near 0 and keeps gradients alive.

    Args:
        dim: D >= 2.
        width: hidden units of the conditioner.
        swap: keep the second part instead of the first.

    References:
        Dinh, Sohl-Dickstein & Bengio, Density Estimation using Real NVP, 2017.
    """

    def __init__(self, dim: int, width: int, swap: bool) -> None:
        super().__init__(dim, width, parameters=2, swap=swap)

    def elementwise(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Scale, then shift."""
        log_scale, shift = self._scale_and_shift(theta)
        return z * log_scale.exp() + shift, log_scale

    def elementwise_inverse(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Shift back, then scale back."""
        log_scale, shift = self._scale_and_shift(theta)
        return (x - shift) * (-log_scale).exp(), -log_scale

    @staticmethod
    def _scale_and_shift(theta: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = theta.unbind(-1)
        return LOG_SCALE_BOUND * torch.tanh(raw / LOG_SCALE_BOUND), shift


def realnvp(dim: int, depth: int, width: int) -> list[Bijection]:
    """Build `depth` affine coupling layers whose kept part alternates."""
    return [AffineCoupling(dim, width, swap=bool(k % 2)) for k in range(depth)]
