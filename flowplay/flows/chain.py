"""A chain of layers with hand-written derivatives, as one node of autograd's graph."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from itertools import chain, islice
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowplay.flows.base import Bijection
from flowplay.flows.compiled import Layer, compiled, differentiable
from flowplay.flows.saved import flatten, rebuild

#: Most points that go through a chain at once: few enough for their activations to fit the cache.
BLOCK = 1536

#: The named tuple in which a kind of layer saves what its backward pass needs.
SavedT = TypeVar("SavedT")


class Link(Bijection, Generic[SavedT]):
    r"""A bijection with a hand-written derivative of its normalizing direction.

    Training spends nearly all its time in the normalizing direction, and the layers are small:
    autograd's overhead for each of about a hundred operations per layer would cost more than the
    operations themselves. So a chain of links, however long, is one node of the graph, and each
    link computes its own gradients.

    `normalize` is the `inverse` with the batch as the last axis, so that each of the few
    coordinates is a contiguous row; `normalize_backward` is its backward pass. A link has no
    penalty.
    """

    @abstractmethod
    def tensors(self) -> tuple[Tensor, ...]:
        """Return all parameters of the layer, in the order of `parameters()`."""

    @abstractmethod
    def normalize(
        self, x: Tensor, tensors: Sequence[Tensor], *, for_backward: bool = True
    ) -> tuple[Tensor, Tensor, SavedT | None]:
        r"""Normalize x [D, B].

        Args:
            x: [D, B].
            tensors: as `tensors` gives them.
            for_backward: whether `normalize_backward` will be called.

        Returns:
            z [D, B], :math:`\log|\det \partial z/\partial x|` [B], and what `normalize_backward`
            needs; it may be None if that will not be called.
        """

    @abstractmethod
    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: SavedT
    ) -> tuple[Tensor, ...]:
        """Return the gradients with respect to x [D, B] and to each tensor.

        Args:
            g_z: the gradient with respect to z [D, B].
            g_log_det: that with respect to the log-determinant, [B], or one number for all points.
            saved: what `normalize` saved.
        """

    def kernel_layers(self) -> Sequence[Layer]:
        """Return what the link is to the compiled kernels; nothing if they cannot take it now.

        In normalizing order; if it is several layers, they share its weights.
        """
        return ()

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize, as a chain of one link."""
        return inverse([self], x)


def inverse(links: Sequence[Link[Any]], x: Tensor) -> tuple[Tensor, Tensor]:
    r"""Normalize x [B, D] by one link after the other.

    Returns:
        z [B, D] and the sum of all :math:`\log|\det \partial z/\partial x|` [B].
    """
    if (quick := compiled(links, x)) is not None:
        return differentiable(quick, x) if torch.is_grad_enabled() else quick.normalize(x)
    tensors = [link.tensors() for link in links]
    if torch.is_grad_enabled():
        z: Tensor
        total: Tensor
        counts = [len(own) for own in tensors]
        z, total = _Chain.apply(x, links, counts, *chain.from_iterable(tensors))
        return z, total
    outputs, totals = [], []
    # In training mode a layer may set its parameters from its first batch: it must see all of it.
    for block in (x,) if any(link.training for link in links) else _blocks(x):
        z, total, _ = normalize(links, tensors, block.t(), for_backward=False)
        outputs.append(z)
        totals.append(total)
    return torch.cat(outputs, -1).t(), torch.cat(totals)


def forward(links: Sequence[Link[Any]], z: Tensor) -> tuple[Tensor, Tensor]:
    r"""Generate from z [B, D] by one link after the other.

    Returns:
        x [B, D] and the sum of all :math:`\log|\det \partial x/\partial z|` [B].
    """
    if not torch.is_grad_enabled() and (quick := compiled(links[::-1], z)) is not None:
        return quick.generate(z)
    outputs, totals = [], []
    for block in (z,) if torch.is_grad_enabled() else _blocks(z):
        x, total = block, block.new_zeros(len(block))
        for link in links:
            x, log_det = link(x)
            total = total + log_det
        outputs.append(x)
        totals.append(total)
    return torch.cat(outputs), torch.cat(totals)


def normalize(
    links: Sequence[Link[Any]],
    tensors: Sequence[Sequence[Tensor]],
    x: Tensor,
    *,
    for_backward: bool = True,
) -> tuple[Tensor, Tensor, list[Any]]:
    """Normalize x [D, B] by one link after the other.

    Args:
        links: in normalizing order.
        tensors: the tensors of each link.
        x: [D, B].
        for_backward: whether `normalize_backward` will be called.

    Returns:
        z [D, B], the sum of all log-determinants [B], and what each link saved.
    """
    total = x.new_zeros(x.shape[1:])
    saved = []
    for link, own in zip(links, tensors, strict=True):
        x, log_det, saved_by_link = link.normalize(x, own, for_backward=for_backward)
        total += log_det
        saved.append(saved_by_link if for_backward else None)
    return x, total, saved


def normalize_backward(
    links: Sequence[Link[Any]], g_z: Tensor, g_log_det: Tensor, saved: Sequence[Any]
) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
    """Return the gradients with respect to x [D, B] and, for each link, to its tensors.

    Args:
        links: as for `normalize`.
        g_z: the gradient with respect to z [D, B].
        g_log_det: that with respect to the sum of the log-determinants, [B] or one number.
        saved: what `normalize` saved.
    """
    gradients = []
    for link, saved_by_link in zip(reversed(links), reversed(saved), strict=True):
        g_z, *g_tensors = link.normalize_backward(g_z, g_log_det, saved_by_link)
        gradients.append(tuple(g_tensors))
    return g_z, gradients[::-1]


class _Chain(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        links: Sequence[Link[Any]],
        counts: Sequence[int],
        *tensors: Tensor,
    ) -> tuple[Tensor, Tensor]:
        remaining = iter(tensors)
        grouped = [tuple(islice(remaining, count)) for count in counts]
        z, total, saved = normalize(links, grouped, x.t())
        flat: list[Tensor] = []
        ctx.links, ctx.positions = links, [flatten(by_link, flat) for by_link in saved]
        ctx.save_for_backward(*flat)
        return z.t(), total

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        g_z: Tensor,
        g_log_det: Tensor,
    ) -> tuple[Tensor | None, ...]:
        flat = ctx.saved_tensors
        saved = [rebuild(positions, flat) for positions in ctx.positions]
        g_x, gradients = normalize_backward(ctx.links, g_z.t(), g_log_det, saved)
        return g_x.t(), None, None, *chain.from_iterable(gradients)


def _blocks(points: Tensor) -> tuple[Tensor, ...]:
    return points.chunk(math.ceil(len(points) / BLOCK) or 1)
