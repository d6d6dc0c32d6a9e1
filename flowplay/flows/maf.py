"""Masked autoregressive flow: affine autoregressive layers that normalize in one pass."""

from __future__ import annotations

from flowplay.flows.autoregressive import MaskedAutoregressive
from flowplay.flows.transformers import Affine


def maf(dim: int, depth: int, width: int) -> list[MaskedAutoregressive]:
    """Build `depth` affine autoregressive layers whose order alternates.

    References:
        Papamakarios, Pavlakou & Murray, Masked Autoregressive Flow for Density Estimation, 2017.
    """
    return [MaskedAutoregressive(dim, width, Affine(), reverse=bool(k % 2)) for k in range(depth)]
