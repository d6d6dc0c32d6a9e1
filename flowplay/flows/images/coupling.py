"""Couplings of images: half of the channels stay and determine a map of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from flowplay.flows.chain import Link
from flowplay.flows.images.network import Given, PatchNetwork, SavedPatches
from flowplay.flows.transformers import Transformer


class SavedCoupling(NamedTuple):
    """What `ImageCoupling` saves.

    Attributes:
        network: saved by the network.
        transformer: saved by the transformer.
    """

    network: SavedPatches
    transformer: Any


class ImageCoupling(Link[SavedCoupling]):
    r"""Keep the first channels, and map the others elementwise by :math:`g_{\theta}` of the first.

    As a split it is the same map: then the second half is not looked at again, and its base is
    a conditional Gaussian (or what the transformer makes of one) given the first half.

    Args:
        channels: C.
        side: of the square image.
        width: hidden units of the network.
        transformer: the elementwise map g.
        **network: more keywords of `PatchNetwork`.

    Raises:
        ValueError: for fewer than two channels: nothing would be left to condition on.

    References:
        Dinh, Sohl-Dickstein & Bengio, Density Estimation using Real NVP, 2017.
        Kingma & Dhariwal, Glow: Generative Flow with Invertible 1x1 Convolutions, 2018.
    """

    def __init__(
        self,
        channels: int,
        side: int,
        width: int,
        transformer: Transformer[Any],
        *,
        dropout: float = 0.0,
        classes: int = 0,
        given: Given | None = None,
    ) -> None:
        super().__init__()
        if channels < 2:
            raise ValueError(f"A coupling of an image needs at least 2 channels, got {channels}.")
        kept = channels - channels // 2
        self.transformed = channels // 2
        self.rows = kept * side * side
        self.transformer = transformer
        self.log_scale_bound = transformer.log_scale_bound
        count = transformer.parameter_count
        self.network = PatchNetwork(
            kept, side, width, self.transformed * count, dropout, classes, given
        )
        if (start := transformer.start()) is not None:
            with torch.no_grad():
                self.network.b3.copy_(start.repeat_interleave(self.transformed))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: keep the first channels, map the others."""
        kept, z_b = z[:, : self.rows], z[:, self.rows :]
        theta = self._theta(self.network(kept.t()))
        # Parameters [P, d, positions·B] as the transformer takes them: [positions·B, d, P].
        wide = z_b.t().reshape(self.transformed, -1)
        x_b, log_det = self.transformer.forward(wide.t(), theta.permute(2, 1, 0))
        x_b = x_b.t().reshape(-1, len(z))
        log_det = log_det.t().reshape(-1, len(z)).sum(0)
        return torch.cat((kept, x_b.t()), -1), log_det

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the tensors of the network."""
        return self.network.tensors()

    def normalize(
        self, x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
    ) -> tuple[Tensor, Tensor, SavedCoupling]:
        """Undo the map of x [C·P, B]: the same kept channels give the same parameters."""
        size = x.shape[-1]
        outputs, of_network = self.network.forward_pass(x[: self.rows], tensors)
        wide = x[self.rows :].reshape(self.transformed, -1)
        z_b, log_det, saved = self.transformer.normalize(wide, self._theta(outputs))
        z = torch.cat((x[: self.rows], z_b.view(-1, size)))
        return z, log_det.view(-1, size).sum(0), SavedCoupling(of_network, saved)

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: SavedCoupling
    ) -> tuple[Tensor, ...]:
        """Return the gradients with respect to x [C·P, B] and to the network's tensors."""
        size = g_z.shape[-1]
        wide = g_z[self.rows :].reshape(self.transformed, -1)
        if g_log_det.dim():
            g_log_det = g_log_det.repeat(wide.shape[-1] // size)
        g_x_b, g_theta = self.transformer.normalize_backward(wide, g_log_det, saved.transformer)
        g_kept, *g_tensors = self.network.backward_pass(g_theta.flatten(0, 1), saved.network)
        return torch.cat((g_z[: self.rows] + g_kept, g_x_b.reshape(-1, size))), *g_tensors

    def _theta(self, outputs: Tensor) -> Tensor:
        return outputs.view(self.transformer.parameter_count, self.transformed, -1)
