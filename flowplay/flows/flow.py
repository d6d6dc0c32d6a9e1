"""A flow: the base distribution and the bijections that map it to the data."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from flowplay.flows import chain
from flowplay.flows.base import Bijection
from flowplay.flows.bases import Base, StandardNormal
from flowplay.flows.chain import Link
from flowplay.flows.compiled import Compilable, compiled
from flowplay.flows.continuous import ContinuousLayer, joined
from flowplay.flows.inverse import Inverse
from flowplay.models.base import SamplingModel


class Flow(Bijection, SamplingModel):
    r"""A normalizing flow: a base density, such as N(0, I), pushed through bijections.

    .. math::
        x = (f_K \circ \dots \circ f_1)(z_0), \qquad
        \log p(x) = \log p(z_0) + \sum_{k=1}^{K} \log|\det \partial z_{k-1}/\partial z_k|

    Args:
        bijections: in generating order, :math:`z_0 \to z_1 \to \dots \to z_K = x`.
        dim: D.
        base: the density of :math:`z_0`; the standard normal if None.
        checkpoint: recompute each layer in the backward pass instead of storing its activations:
            memory for one layer instead of K, at the cost of computing each layer twice.

    References:
        Tabak & Vanden-Eijnden, Density estimation by dual ascent of the log-likelihood, 2010.
        Papamakarios et al., Normalizing Flows for Probabilistic Modeling and Inference, 2021.

    Example:
        >>> from flowplay.flows import build_flow
        >>> flow = build_flow("realnvp", dim=2, depth=4, width=16, seed=0)
        >>> flow.log_prob(torch.zeros(3, 2)).shape
        torch.Size([3])
    """

    trained_by_likelihood = True

    def __init__(
        self,
        bijections: Sequence[Bijection],
        dim: int,
        *,
        base: Base | None = None,
        checkpoint: bool = False,
    ) -> None:
        super().__init__()
        self.bijections: Sequence[Bijection] = nn.ModuleList(bijections)  # type: ignore[assignment]
        # In normalizing order; nothing if there are other layers.
        whole = _joined(bijections)[::-1]
        known: list[Compilable] = [b for b in whole if isinstance(b, Compilable)]
        self._known = known if len(known) == len(whole) else []
        links = [b for b in reversed(bijections) if isinstance(b, Link)]
        self._links: list[Link[Any]] = links if len(links) == len(bijections) else []
        self.base = StandardNormal(dim) if base is None else base
        self.dim = dim
        self.checkpoint = checkpoint
        self.tolerance = max((b.tolerance for b in bijections), default=Bijection.tolerance)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate: map base points z [B, D] to data x [B, D], with the sum of log-dets [B]."""
        total = z.new_zeros(len(z))
        for layers in self._parts(self.bijections):
            z, log_det = self._recomputed(_forward, layers, z)
            total = total + log_det
        return z, total

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize: map data x [B, D] to base points z [B, D], with the sum of log-dets [B]."""
        return self.inverse_between(len(self.bijections), x)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the log-density [B] of data x [B, D], in nats; exact in evaluation mode."""
        return self.layer_log_prob(len(self.bijections), x)

    def loss(self, x: Tensor) -> Tensor:
        """Return the training loss on data x [B, D] (scalar, in nats).

        The mean negative log-likelihood. Penalties of layers are added to its gradient but not to
        its value, which stays a likelihood.
        """
        nll = -self.log_prob(x).mean()
        for bijection in self.bijections:
            if (penalty := bijection.penalty()) is not None:
                nll = nll + (penalty - penalty.detach())
        return nll

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        r"""Return the training loss on data x [B, D] and its gradient.

        Where compiled kernels know every layer, or each is a `Link`, no graph is built: with
        :math:`z_0 = f^{-1}(x)`, the base gives the gradient of the mean NLL with respect to
        :math:`z_0` (:math:`z_0 / B` for a standard normal), that with respect to every
        log-determinant is :math:`-1/B`, and the layers propagate them back.

        Returns:
            `loss` (scalar), and its gradient in pieces, of each parameter or of all, in the order
            of `parameters()`. Neither can be differentiated again.
        """
        if not self.trained_by_likelihood or self.checkpoint:
            return super().loss_and_gradient(x)
        share = 1 / len(x)
        # In evaluation mode ODEs are solved by adaptive steps.
        known = self._known if self.training or not _pieces(self.bijections) else []
        if (quick := compiled(known, x)) is not None:
            if isinstance(self.base, StandardNormal):
                loss, gradient = quick.likelihood(x)
                return loss, [gradient]
            with torch.inference_mode():
                z, log_det = quick.normalize(x)
                log_prob, g_z, of_base = self.base.log_prob_and_gradient(z.t(), share)
                _, gradient = quick.differentiate(x, g_z.t(), torch.full_like(log_det, -share))
                return -(log_prob + log_det).mean(), [gradient, *of_base]
        links = self._links
        if not links:
            return super().loss_and_gradient(x)
        with torch.inference_mode():
            tensors = [link.tensors() for link in links]
            z, log_det, saved = chain.normalize(links, tensors, x.t())
            log_prob, g_z, of_base = self.base.log_prob_and_gradient(z, share)
            loss = -(log_prob + log_det).mean()
            g_log_det = log_det.new_full((), -share)
            _, gradients = chain.normalize_backward(links, g_z, g_log_det, saved)
            of_links = [gradient for of_link in reversed(gradients) for gradient in of_link]
            return loss, [*of_links, *of_base]

    def initialize_from(self, x: Tensor) -> None:
        """Let layers that take their start from data see x [n, D], in the normalizing direction."""
        with torch.no_grad():
            self.inverse(x)

    def layer_log_prob(self, k: int, y: Tensor) -> Tensor:
        r"""Return the log-density [B] of :math:`z_k` at y [B, D] in nats, exact in evaluation mode.

        Args:
            k: 0 (the base) to K (the data).
            y: points [B, D].

        Raises:
            ValueError: if there is no such layer.
        """
        if not 0 <= k <= len(self.bijections):
            raise ValueError(f"k must be between 0 and {len(self.bijections)}, got {k}.")
        z, log_det = self.inverse_between(k, y)
        return self.base.log_prob(z) + log_det

    def sample(
        self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        r"""Draw n points [n, D] from the flow, without gradient; exact in evaluation mode.

        Args:
            n: number of points.
            temperature: factor :math:`\tau` on the standard deviation of each Gaussian of the
                base, as in :math:`z \sim \mathcal{N}(0, \tau^2 I)`; 1 draws from the model itself.
            generator: source of randomness; torch's default generator if None.
        """
        with torch.no_grad():
            return self.forward(self.base_sample(n, generator, temperature))[0]

    def rsample_and_log_prob(
        self, n: int, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        r"""Draw n points [n, D] with their log-density [n], in one pass from base to data.

        .. math::
            x = f(z), \qquad \log q(x) = \log p(z) - \sum_{k=1}^{K} \log|\det
            \partial z_k/\partial z_{k-1}|

        Args:
            n: number of points.
            generator: source of randomness; torch's default generator if None.
        """
        z = self.base_sample(n, generator)
        x, log_det = self.forward(z)
        return x, self.base.log_prob(z) - log_det

    def base_sample(
        self, n: int, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Tensor:
        """Draw n points [n, D] from the base, in the dtype and on the device of the flow."""
        like = next(self.parameters(), next(self.buffers(), torch.empty(0)))
        return self.base.sample(n, like, generator, temperature).to(like.device)

    def forward_states(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Generate; return z_0 … z_K [K+1, B, D] and the log-det of each layer [K, B]."""
        states: list[Tensor] = [z]
        log_dets: list[Tensor] = []
        for layers in _neighbours(self.bijections):
            if (pieces := _pieces(layers)) and not self.training:
                times = [pieces[0].times[0], *(piece.times[1] for piece in pieces)]
                reached, steps = joined(pieces).stations(z, times)
                states += reached
                log_dets += steps
                z = reached[-1]
                continue
            for bijection in layers:
                z, log_det = bijection(z)
                states.append(z)
                log_dets.append(log_det)
        return torch.stack(states), self._stack(log_dets, z)

    def inverse_states(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Normalize; return all states and log-dets, in generating order.

        Returns:
            z_0 … z_K = x [K+1, B, D], and :math:`\log|\det \partial z_{k-1}/\partial z_k|` for
            k = 1 … K [K, B].
        """
        states: list[Tensor] = [x]
        log_dets: list[Tensor] = []
        for layers in _neighbours(reversed(self.bijections)):
            if (pieces := _pieces(layers)) and not self.training:
                times = [pieces[0].times[1], *(piece.times[0] for piece in pieces)]
                reached, steps = joined(pieces[::-1]).stations(x, times)
                states += reached
                log_dets += steps
                x = reached[-1]
                continue
            for bijection in layers:
                x, log_det = bijection.inverse(x)
                states.append(x)
                log_dets.append(log_det)
        return torch.stack(states[::-1]), self._stack(log_dets[::-1], x)

    def inverse_between(self, k: int, y: Tensor, j: int = 0) -> tuple[Tensor, Tensor]:
        """Return z_j [B, D] of points y [B, D] of z_k, and the log-det [B] of that map."""
        total = y.new_zeros(len(y))
        for layers in self._parts(list(self.bijections)[j:k][::-1]):
            y, log_det = self._recomputed(_inverse, layers, y)
            total = total + log_det
        return y, total

    def _parts(self, bijections: Sequence[Bijection]) -> Iterator[list[Bijection]]:
        """Return what goes through one call together: neighbours, or with checkpoints one each."""
        if self.checkpoint and torch.is_grad_enabled():
            return iter([b] for b in bijections)
        return _neighbours(bijections)

    def _recomputed(
        self,
        direction: Callable[[list[Bijection], Tensor], tuple[Tensor, Tensor]],
        layers: list[Bijection],
        y: Tensor,
    ) -> tuple[Tensor, Tensor]:
        if not (self.checkpoint and torch.is_grad_enabled()):
            return direction(layers, y)
        result: tuple[Tensor, Tensor] = checkpoint(direction, layers, y, use_reentrant=False)
        return result

    @staticmethod
    def _stack(log_dets: list[Tensor], like: Tensor) -> Tensor:
        return torch.stack(log_dets) if log_dets else like.new_zeros(0, len(like))


def _neighbours(bijections: Iterable[Bijection]) -> Iterator[list[Bijection]]:
    """Yield neighbours that go through one call together as a list, and others one by one."""
    for kind, group in groupby(bijections, _kind):
        if kind:
            yield list(group)
        else:
            yield from ([b] for b in group)


def _kind(bijection: Bijection) -> Hashable:
    """Tell what a layer makes with neighbours of its kind; None if nothing.

    A link, and a link that is turned, make a chain; pieces of one ODE make one piece.
    """
    if isinstance(bijection, Link):
        return "link"
    if isinstance(bijection, ContinuousLayer):
        return bijection.field
    turned = isinstance(bijection, Inverse) and isinstance(bijection.bijection, Link)
    return "turned" if turned else None


def _links(layers: Sequence[Bijection]) -> list[Link[Any]]:
    """Return the links that layers of one kind are, or hold turned."""
    inner = [b.bijection if isinstance(b, Inverse) else b for b in layers]
    return [b for b in inner if isinstance(b, Link)]


def _pieces(layers: Sequence[Bijection]) -> list[ContinuousLayer]:
    """Return the pieces of an ODE that layers of one kind are."""
    return [b for b in layers if isinstance(b, ContinuousLayer)]


def _joined(bijections: Sequence[Bijection]) -> list[Bijection]:
    """Return layers in generating order, with neighbouring pieces of an ODE as one."""
    whole: list[Bijection] = []
    for layers in _neighbours(bijections):
        pieces = _pieces(layers)
        whole += [joined(pieces)] if pieces else layers
    return whole


def _forward(layers: list[Bijection], z: Tensor) -> tuple[Tensor, Tensor]:
    """Generate by layers that `_neighbours` put together, in generating order."""
    if pieces := _pieces(layers):
        return joined(pieces).forward(z)
    match _kind(layers[0]):
        case "link":
            return chain.forward(_links(layers), z)
        case "turned":
            return chain.inverse(_links(layers), z)
    result: tuple[Tensor, Tensor] = layers[0](z)
    return result


def _inverse(layers: list[Bijection], x: Tensor) -> tuple[Tensor, Tensor]:
    """Normalize by layers that `_neighbours` put together, in normalizing order."""
    if pieces := _pieces(layers[::-1]):
        return joined(pieces).inverse(x)
    match _kind(layers[0]):
        case "link":
            return chain.inverse(_links(layers), x)
        case "turned":
            return chain.forward(_links(layers), x)
    return layers[0].inverse(x)
