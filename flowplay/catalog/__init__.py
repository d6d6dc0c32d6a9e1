"""What can learn: every architecture with its options, costs, papers and good defaults.

Pages and the command line read this list and nothing else about an architecture. It imports no
torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flowplay.catalog.entries import Architecture, FlowFamily, Likelihood, Paper
from flowplay.catalog.flows import BASE_COMPONENTS, FAMILIES
from flowplay.catalog.names import claim_fields, claim_options
from flowplay.catalog.options import (
    Choice,
    Option,
    OptionError,
    OptionValue,
    Pairs,
    Real,
    Recipe,
    Whole,
)

__all__ = [
    "ARCHITECTURES",
    "BASE_COMPONENTS",
    "FLOW_FAMILIES",
    "Architecture",
    "Choice",
    "FlowFamily",
    "Likelihood",
    "Option",
    "OptionError",
    "OptionValue",
    "Pairs",
    "Paper",
    "Real",
    "Recipe",
    "Whole",
    "claim_fields",
    "claim_options",
    "register_architecture",
]

_ENTRIES: dict[str, Architecture] = {}
_FLOWS: dict[str, FlowFamily] = {}

#: Name -> architecture, in the order in which a page lists them.
ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(_ENTRIES)

#: Those that are families of flows.
FLOW_FAMILIES: Mapping[str, FlowFamily] = MappingProxyType(_FLOWS)


def register_architecture(entry: Architecture) -> None:
    """Add an architecture to the catalog.

    Raises:
        ValueError: if another one has its name, or if the name of one of its options means
            something else already.
    """
    if entry.name in _ENTRIES:
        raise ValueError(f"There is an architecture {entry.name!r} already.")
    claim_options("model", entry.options)
    _ENTRIES[entry.name] = entry
    if isinstance(entry, FlowFamily):
        _FLOWS[entry.name] = entry


for _family in FAMILIES:
    register_architecture(_family)
