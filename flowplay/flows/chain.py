"""A chain of layers that bring their own derivative, as one node of the graph."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowplay.flows.base import Bijection

#: Points that go through a chain at once, few enough for what they leave behind to fit the cache.
BLOCK = 1536


class Link(Bijection):
    r"""A bijection whose normalizing direction brings its derivative with it.

    Training is little else than normalizing, and the layers are small: autograd's bookkeeping for
    each of a hundred operations a layer would cost more than the operations. So links are chained
    into one node, however many they are, and each says how gradients go back through it.

    Inside a chain the batch is the last axis: few coordinates, each a contiguous row. A link has no
    penalty.
    """

    @abstractmethod
    def tensors(self) -> tuple[Tensor, ...]:
        """Return all parameters of the layer, in their order; gradients go there."""

    @abstractmethod
    def evaluate(
        self, x: Tensor, tensors: Sequence[Tensor], *, keep: bool = True
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        r"""Normalize x [D, B].

        Args:
            x: [D, B].
            tensors: as `tensors` gives them.
            keep: whether `differentiate` will be called.

        Returns:
            z [D, B], :math:`\log|\det \partial z/\partial x|` [B], and what `differentiate` needs.
        """

    @abstractmethod
    def differentiate(
        self, g_z: Tensor, g_log_det: Tensor, saved: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Return the gradients of x [D, B] and of each tensor.

        Args:
            g_z: the gradient of z [D, B].
            g_log_det: that of the log-determinant, [B], or one number for all points.
            saved: what `evaluate` kept.
        """

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize, as a chain of one."""
        return normalize([self], x)


def normalize(links: Sequence[Link], x: Tensor) -> tuple[Tensor, Tensor]:
    r"""Normalize x [B, D] by one link after the other.

    Returns:
        z [B, D] and the sum of all :math:`\log|\det \partial z/\partial x|` [B].
    """
    tensors = [link.tensors() for link in links]
    if torch.is_grad_enabled():
        z: Tensor
        total: Tensor
        counts = [len(own) for own in tensors]
        z, total = _Chain.apply(x, links, counts, *chain.from_iterable(tensors))
        return z, total
    images, totals = [], []
    # A layer that takes its start from data takes it from all of them.
    for block in (x,) if any(link.training for link in links) else _blocks(x):
        rows, total, _ = evaluate(links, tensors, block.t(), keep=False)
        images.append(rows)
        totals.append(total)
    return torch.cat(images, -1).t(), torch.cat(totals)


def generate(links: Sequence[Link], z: Tensor) -> tuple[Tensor, Tensor]:
    r"""Generate from z [B, D] by one link after the other.

    Returns:
        x [B, D] and the sum of all :math:`\log|\det \partial x/\partial z|` [B].
    """
    images, totals = [], []
    for block in (z,) if torch.is_grad_enabled() else _blocks(z):
        x, total = block, block.new_zeros(len(block))
        for link in links:
            x, log_det = link(x)
            total = total + log_det
        images.append(x)
        totals.append(total)
    return torch.cat(images), torch.cat(totals)


def evaluate(
    links: Sequence[Link], tensors: Sequence[Sequence[Tensor]], x: Tensor, *, keep: bool = True
) -> tuple[Tensor, Tensor, list[tuple[Tensor, ...]]]:
    """Normalize x [D, B] by one link after the other, and keep what `differentiate` needs.

    Returns:
        z [D, B], the sum of all log-determinants [B], and of each link what it saved.
    """
    total = x.new_zeros(x.shape[1:])
    saved = []
    for link, own in zip(links, tensors, strict=True):
        x, log_det, of_link = link.evaluate(x, own, keep=keep)
        total += log_det
        saved.append(of_link if keep else ())
    return x, total, saved


def differentiate(
    links: Sequence[Link], g_z: Tensor, g_log_det: Tensor, saved: Sequence[Sequence[Tensor]]
) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
    """Pull gradients back through the chain: that of x, and for each link those of its tensors."""
    found = []
    for link, kept in zip(reversed(links), reversed(saved), strict=True):
        g_z, *of_tensors = link.differentiate(g_z, g_log_det, kept)
        found.append(tuple(of_tensors))
    return g_z, found[::-1]


class _Chain(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        links: Sequence[Link],
        counts: Sequence[int],
        *tensors: Tensor,
    ) -> tuple[Tensor, Tensor]:
        z, total, saved = evaluate(links, _grouped(tensors, counts), x.t())
        ctx.save_for_backward(*chain.from_iterable(saved))
        ctx.links, ctx.counts = links, [len(kept) for kept in saved]
        return z.t(), total

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        gradient: Tensor,
        gradient_log_det: Tensor,
    ) -> tuple[Tensor | None, ...]:
        saved = _grouped(ctx.saved_tensors, ctx.counts)
        g_x, found = differentiate(ctx.links, gradient.t(), gradient_log_det, saved)
        return g_x.t(), None, None, *chain.from_iterable(found)


def _blocks(points: Tensor) -> tuple[Tensor, ...]:
    return points.chunk(math.ceil(len(points) / BLOCK) or 1)


def _grouped(tensors: Iterable[Tensor], counts: Iterable[int]) -> list[tuple[Tensor, ...]]:
    remaining = iter(tensors)
    return [tuple(islice(remaining, count)) for count in counts]
