"""Dequantization: noise that turns the whole levels of an image into real numbers."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowplay.flows.base import standard_normal_log_prob
from flowplay.flows.images.network import PatchNetwork
from flowplay.flows.images.squeeze import Squeeze
from flowplay.flows.transformers import bounded

#: The sigmoid of a Gaussian of this standard deviation is nearly uniform.
_STD = 1.6


class UniformNoise(nn.Module):
    r"""Noise :math:`u \sim \mathcal{U}[0, 1)^D`, which covers each level's whole bin.

    References:
        Theis, van den Oord & Bethge, A note on the evaluation of generative models, 2016.
    """

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw noise u [B, D] for levels x [B, D]; return it with its log-density [B], 0."""
        u = torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        return u, x.new_zeros(len(x))


class VariationalNoise(nn.Module):
    r"""Noise :math:`u \sim q(u \mid x)` of a small conditional flow, trained with the model.

    :math:`u = \sigma(s)`, where s is a Gaussian whose mean and scale depend on the image, after
    two affine couplings on the two colours of a checkerboard that depend on it, too. With this q

    .. math:: \log P(x) \ge \mathbb{E}_q\bigl[\log p(x + u) - \log q(u \mid x)\bigr]

    Args:
        shape: H, W, C of the image.
        levels: number of levels.
        width: hidden units of its networks.

    References:
        Ho, Chen, Srinivas, Duan & Abbeel, Flow++: Improving Flow-Based Generative Models with
        Variational Dequantization and Architecture Design, 2019.
    """

    def __init__(self, shape: tuple[int, int, int], levels: int, width: int = 32) -> None:
        super().__init__()
        h, w, c = shape
        self.levels = levels
        self.squeeze = Squeeze((c, h, w), channels_last=True)
        side, channels = h // 2, 4 * c
        self.positions = side * side
        half = channels // 2
        self.base = PatchNetwork(channels, side, width, 2 * channels)
        self.couplings = nn.ModuleList(
            PatchNetwork(channels + half, side, width, 2 * half) for _ in range(2)
        )
        # Of each 2 × 2 block, top left and bottom right are one colour.
        colour = torch.tensor([0, 1, 1, 0]).repeat(c)
        rows = torch.arange(channels * self.positions).view(channels, self.positions)
        self.colours = [rows[colour == k].reshape(-1) for k in (0, 1)]
        self.order_back = torch.cat(self.colours).argsort()
        with torch.no_grad():
            self.base.b3[channels:].fill_(math.log(_STD))

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw noise u [B, D] for levels x [B, D]; return it with its log-density [B]."""
        epsilon = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        return self.transform(x, epsilon)

    def transform(self, x: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor]:
        """Return the noise u [B, D] of Gaussian noise epsilon [B, D], with its log-density [B]."""
        image = x.t()[self.squeeze.order] * (2 / (self.levels - 1)) - 1
        size = len(x)
        mean, raw = self.base(image).view(2, -1, size).unbind()
        log_scale = bounded(raw)
        s = mean + epsilon.t()[self.squeeze.order] * log_scale.exp()
        log_det = log_scale.sum(0)
        parts = [s[rows] for rows in self.colours]
        for k, coupling in enumerate(self.couplings):
            seen = torch.cat((image, torch.tanh(parts[k] / 2)))
            shift, raw = coupling(seen).view(2, -1, size).unbind()
            log_scale = bounded(raw)
            parts[1 - k] = parts[1 - k] * log_scale.exp() + shift
            log_det = log_det + log_scale.sum(0)
        s = torch.cat(parts)[self.order_back][self.squeeze.order_back].t()
        log_q = standard_normal_log_prob(epsilon) - log_det
        return torch.sigmoid(s), log_q - (F.logsigmoid(s) + F.logsigmoid(-s)).sum(-1)
