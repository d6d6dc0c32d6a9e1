"""Flows of a latent whose parameters an encoder gives for each x: better posteriors for a VAE."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from flowplay.flows.made import MADE
from flowplay.flows.planar import no_shift, shift_along, shift_back
from flowplay.flows.transformers import Affine

#: Numbers that an encoder says of x to an inverse autoregressive flow.
CONTEXT = 32

#: Hidden units of each of its networks.
WIDTH = 64


class PosteriorFlow(nn.Module, ABC):
    r"""A flow from :math:`z_0 \sim \mathcal{N}(\mu(x), \sigma^2(x))` to the z of a posterior.

    .. math::
        \log q(z \mid x) = \log \mathcal{N}(z_0;\, \mu(x), \sigma^2(x))
        - \log\left|\det \frac{\partial z}{\partial z_0}\right|

    It starts as the identity, so the first posterior is Gaussian.

    Attributes:
        numbers: how many numbers it takes from the encoder for each x, its context.

    References:
        Rezende & Mohamed, Variational Inference with Normalizing Flows, 2015.
    """

    numbers: int

    @abstractmethod
    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Map z_0 [B, latent] with its context [B, numbers]; return z and log|dz/dz_0| [B]."""

    @abstractmethod
    def inverse(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Undo `forward`: z [B, latent] to z_0 and log|dz_0/dz| [B]."""


class PlanarPosterior(PosteriorFlow):
    """Planar layers whose w, u and b depend on x; from z_0 to z each is its closed form.

    Args:
        latent: axes of z.
        depth: number of layers.
    """

    def __init__(self, latent: int, depth: int) -> None:
        super().__init__()
        self.numbers = depth * (2 * latent + 1)
        self.w = nn.Parameter(torch.randn(depth, latent) / latent**0.5)
        self.u = nn.Parameter(no_shift(self.w.detach()))
        self.b = nn.Parameter(torch.randn(depth))

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate the layers."""
        total = torch.zeros_like(z[..., 0])
        for w, u, b in self._layers(context):
            z, log_det = shift_along(z, w, u, b)
            total = total + log_det
        return z, total

    def inverse(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Solve a scalar equation for each layer."""
        total = torch.zeros_like(z[..., 0])
        for w, u, b in reversed(self._layers(context)):
            z, log_det = shift_back(z, w, u, b)
            total = total + log_det
        return z, total

    def _layers(self, context: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        depth, latent = self.w.shape
        parts = context.unflatten(-1, (depth, 2 * latent + 1))
        w, u, b = parts.split((latent, latent, 1), -1)
        w, u, b = self.w + w, self.u + u, self.b + b.squeeze(-1)
        return [(w[..., k, :], u[..., k, :], b[..., k]) for k in range(depth)]


class AutoregressivePosterior(PosteriorFlow):
    r"""Inverse autoregressive layers: scale and shift of :math:`z_i` come from z_{<i} and x.

    From z_0 to z each layer takes one pass; back it takes as many as z has axes. Every other layer
    has the order reversed.

    Args:
        latent: axes of z.
        depth: number of layers.

    References:
        Kingma, Salimans, Jozefowicz, Chen, Sutskever & Welling, Improving Variational Inference
        with Inverse Autoregressive Flow, 2016.
    """

    numbers = CONTEXT

    def __init__(self, latent: int, depth: int) -> None:
        super().__init__()
        self.map = Affine()
        self.networks = nn.ModuleList(
            MADE(latent, WIDTH, self.map, reverse=k % 2 == 1, context=CONTEXT) for k in range(depth)
        )

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Take one pass of each network."""
        total = torch.zeros_like(z[..., 0])
        for network in self.networks:
            z, log_det = self.map.forward(z, network(torch.cat((z, context), -1)))
            total = total + log_det.sum(-1)
        return z, total

    def inverse(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Repeat the pass of each network: after pass k, k coordinates are exact."""
        total = torch.zeros_like(z[..., 0])
        for network in reversed(self.networks):
            before, log_det = z, z
            for _ in range(z.shape[-1]):
                theta = network(torch.cat((before, context), -1))
                before, log_det = self.map.inverse(z, theta)
            z, total = before, total + log_det.sum(-1)
        return z, total


def posterior_flow(name: str, latent: int, depth: int) -> PosteriorFlow | None:
    """Build the flow of a posterior by its name in the catalog; None for a Gaussian."""
    match name:
        case "planar":
            return PlanarPosterior(latent, depth)
        case "iaf":
            return AutoregressivePosterior(latent, depth)
        case _:
            return None
