"""What can learn: every architecture with its options, costs, papers and good defaults.

Pages and the command line read this list and nothing else about an architecture. It imports no
torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flowplay.catalog.entries import Architecture, Data, FlowFamily, Likelihood, Paper
from flowplay.catalog.flows import BASE_COMPONENTS, FAMILIES
from flowplay.catalog.images import ON_IMAGES, ON_PHOTOGRAPHS
from flowplay.catalog.names import claim_fields, claim_options
from flowplay.catalog.options import (
    Choice,
    DataName,
    Option,
    OptionError,
    OptionValue,
    Pairs,
    Real,
    Recipe,
    Whole,
)
from flowplay.catalog.others import OTHERS

__all__ = [
    "ARCHITECTURES",
    "BASE_COMPONENTS",
    "FLOW_FAMILIES",
    "IMAGE_ARCHITECTURES",
    "Architecture",
    "Choice",
    "Data",
    "DataName",
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
    "architectures_for",
    "claim_fields",
    "claim_options",
    "register_architecture",
]

_LEARNERS: dict[Data, dict[str, Architecture]] = {"points": {}, "images": {}, "photographs": {}}
_FLOWS: dict[str, FlowFamily] = {}

#: Name -> architecture that learns points, in the order in which a page lists them.
ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(_LEARNERS["points"])

#: Name -> architecture that learns images: what has a name in both learns the two in two ways.
#: What learns photographs has the same names, and defaults of its own.
IMAGE_ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(_LEARNERS["images"])

#: Those that are families of flows.
FLOW_FAMILIES: Mapping[str, FlowFamily] = MappingProxyType(_FLOWS)


def architectures_for(data: Data) -> Mapping[str, Architecture]:
    """Return what can learn such data, by name."""
    return MappingProxyType(_LEARNERS[data])


def register_architecture(entry: Architecture, data: Data = "points") -> None:
    """Add an architecture to the catalog.

    Args:
        entry: what the catalog says of it.
        data: what it learns.

    Raises:
        ValueError: if another one has its name, or if the name of one of its options means
            something else already.
    """
    entries = _LEARNERS[data]
    if entry.name in entries:
        raise ValueError(f"There is an architecture {entry.name!r} already.")
    claim_options("model", entry.options)
    entries[entry.name] = entry
    if data == "points" and isinstance(entry, FlowFamily):
        _FLOWS[entry.name] = entry


for _learner in (*FAMILIES, *OTHERS):
    register_architecture(_learner)
for _entry in ON_IMAGES:
    register_architecture(_entry, "images")
for _entry in ON_PHOTOGRAPHS:
    register_architecture(_entry, "photographs")
