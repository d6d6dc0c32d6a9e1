"""From a name to a flow: the registry of families and `build_flow`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

import torch

from flowplay.flows.base import Bijection, Flow
from flowplay.flows.nsf import nsf
from flowplay.flows.planar import planar
from flowplay.flows.realnvp import realnvp
from flowplay.flows.whitening import Whitening

#: Architecture name -> function that builds its layers from those keywords it names.
FAMILIES: Mapping[str, Callable[..., list[Bijection]]] = {
    "planar": planar,
    "realnvp": realnvp,
    "nsf": nsf,
}


def build_flow(
    architecture: str,
    dim: int = 2,
    depth: int = 8,
    width: int = 64,
    seed: int = 0,
    whitening: Whitening | None = None,
    **options: int,
) -> Flow:
    """Build a flow that starts as the identity on whitened data.

    Args:
        architecture: a name of `flowplay.catalog.ARCHITECTURES`.
        dim: D.
        depth: number of layers, the whitening not counted.
        width: hidden units of the conditioners; families without one ignore it.
        seed: fixes the initialization.
        whitening: the last bijection, for data that are not whitened already.
        **options: the family's own options; those not given take the catalog's default.

    Raises:
        ValueError: for an unknown architecture or option.

    Example:
        >>> flow = build_flow("nsf", dim=2, depth=2, width=16, bins=8)
        >>> flow.sample(5).shape
        torch.Size([5, 2])
    """
    from flowplay.catalog import ARCHITECTURES

    if architecture not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise ValueError(f"Unknown architecture {architecture!r}; known are {known}.")
    defaults = {o.name: o.default for o in ARCHITECTURES[architecture].options}
    if unknown := set(options) - set(defaults):
        raise ValueError(f"{architecture} has no option {', '.join(sorted(unknown))}.")
    family = FAMILIES[architecture]
    keywords = {"dim": dim, "depth": depth, "width": width} | defaults | options
    taken = inspect.signature(family).parameters
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = family(**{name: value for name, value in keywords.items() if name in taken})
    return Flow([*layers, whitening] if whitening is not None else layers, dim)
