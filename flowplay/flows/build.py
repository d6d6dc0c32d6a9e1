"""From a name to a flow: the registry of families and `build_flow`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from flowplay.catalog import BASE_COMPONENTS, FLOW_FAMILIES
from flowplay.flows.base import Bijection
from flowplay.flows.bases import GaussianMixture
from flowplay.flows.ffjord import ffjord
from flowplay.flows.flow import Flow
from flowplay.flows.flow_matching import MatchedFlow, flow_matching
from flowplay.flows.flowpp import flowpp
from flowplay.flows.glow import glow
from flowplay.flows.graphical import graphical
from flowplay.flows.iaf import iaf
from flowplay.flows.inverse import Inverse
from flowplay.flows.maf import maf
from flowplay.flows.mixed import mixed
from flowplay.flows.nice import nice
from flowplay.flows.nsf import nsf
from flowplay.flows.planar import planar
from flowplay.flows.radial import radial
from flowplay.flows.realnvp import realnvp
from flowplay.flows.residual import residual
from flowplay.flows.standardization import Standardization


class Family(NamedTuple):
    """How a family is built.

    Attributes:
        layers: returns its layers; it takes those keywords of `build_flow` that it names.
        flow: the class of the flow, which defines the loss.
    """

    layers: Callable[..., Sequence[Bijection]]
    flow: type[Flow] = Flow


#: Architecture name -> how it is built; in the order of the catalog.
FAMILIES: Mapping[str, Family] = {
    "planar": Family(planar),
    "radial": Family(radial),
    "nice": Family(nice),
    "realnvp": Family(realnvp),
    "glow": Family(glow),
    "maf": Family(maf),
    "iaf": Family(iaf),
    "nsf": Family(nsf),
    "flowpp": Family(flowpp),
    "ffjord": Family(ffjord),
    "flow_matching": Family(flow_matching, MatchedFlow),
    "residual": Family(residual),
    "graphical": Family(graphical),
    "mixed": Family(mixed),
}


def build_flow(
    architecture: str,
    dim: int = 2,
    depth: int = 8,
    width: int = 64,
    seed: int = 0,
    standardization: Standardization | None = None,
    checkpoint: bool = False,
    turned: bool = False,
    **options: int | float | str,
) -> Flow:
    """Build a flow whose density starts near the base, on standardized data.

    As any module it starts in training mode, in which some families estimate their log-determinant,
    integrate with coarse steps, or set parameters from the first batch; call `eval()` for exact
    densities.

    Args:
        architecture: a name of `flowplay.catalog.FLOW_FAMILIES`.
        dim: D.
        depth: number of layers, or of the family's blocks; the standardization is not counted.
        width: hidden units of the conditioners; families without one ignore it.
        seed: fixes the initialization.
        standardization: the last bijection, for data that are not standardized already.
        checkpoint: store no activations for the backward pass; see `Flow`.
        turned: let layers of families whose closed form normalizes stand the other way round, so
            that it generates: for training on draws of the flow.
        **options: the family's own options; the catalog has their defaults.

    Raises:
        ValueError: for an unknown architecture or option, or a value that the option refuses.

    Example:
        >>> flow = build_flow("nsf", dim=2, depth=2, width=16, bins=8)
        >>> flow.sample(5).shape
        torch.Size([5, 2])
    """
    if architecture not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise ValueError(f"Unknown architecture {architecture!r}; known are {known}.")
    own = {o.name: o for o in FLOW_FAMILIES[architecture].options}
    if unknown := set(options) - set(own):
        raise ValueError(f"{architecture} has no option {', '.join(sorted(unknown))}.")
    given = {name: own[name].read(value) for name, value in options.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = _layers(architecture, turned, dim=dim, depth=depth, width=width, **given)
    if standardization is not None:
        layers.append(standardization)
    components = int(given.get(BASE_COMPONENTS.name, BASE_COMPONENTS.default))
    base = GaussianMixture(dim, components) if components > 1 else None
    flow = FAMILIES[architecture].flow
    named = inspect.signature(flow).parameters
    settings = {name: option.default for name, option in own.items()} | given
    of_loss = {name: value for name, value in settings.items() if name in named}
    return flow(layers, dim, base=base, checkpoint=checkpoint, **of_loss)


def _layers(architecture: str, turned: bool, **keywords: Any) -> list[Bijection]:  # noqa: ANN401
    """Call a family's function with the keywords that it names, its options' defaults included."""

    def layers_of(name: str, depth: int) -> list[Bijection]:
        return _layers(name, turned, dim=keywords["dim"], width=keywords["width"], depth=depth)

    defaults = {o.name: o.default for o in FLOW_FAMILIES[architecture].options}
    keywords = defaults | keywords
    function = FAMILIES[architecture].layers
    offered = keywords | {"layers_of": layers_of}
    taken = inspect.signature(function).parameters
    layers = function(**{name: value for name, value in offered.items() if name in taken})
    if turned and FLOW_FAMILIES[architecture].turns:
        return [Inverse(layer) for layer in layers]
    return [*layers]
