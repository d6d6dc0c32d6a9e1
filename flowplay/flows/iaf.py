"""Inverse autoregressive flow: the masked one inverted, which generates in one pass."""

from __future__ import annotations

from flowplay.flows.base import Bijection
from flowplay.flows.inverse import InverseLink
from flowplay.flows.maf import maf


def iaf(dim: int, depth: int, width: int) -> list[Bijection]:
    """Build `depth` layers that generate in one pass and normalize in D.

    References:
        Kingma, Salimans, Jozefowicz, Chen, Sutskever & Welling, Improving Variational Inference
        with Inverse Autoregressive Flow, 2016.
    """
    return [InverseLink(layer) for layer in maf(dim, depth, width)]
