"""FFJORD: a continuous flow trained by its exact likelihood."""

from __future__ import annotations

from flowplay.flows.base import Bijection
from flowplay.flows.continuous import pieces
from flowplay.flows.vector_field import VectorField


def ffjord(
    dim: int, depth: int, width: int, solver: str, substeps: int, trace: str
) -> list[Bijection]:
    """Build one continuous flow, divided into `depth` equal intervals of time.

    References:
        Grathwohl, Chen, Bettencourt, Sutskever & Duvenaud, FFJORD: Free-form Continuous Dynamics
        for Scalable Reversible Generative Models, 2019.
    """
    return [*pieces(VectorField(dim, width), depth, solver=solver, steps=substeps, trace=trace)]
