"""What learns images of whole numbers, with options and defaults that suit them."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from flowplay.catalog.entries import Architecture, FlowFamily
from flowplay.catalog.flows import MAF, NSF, REALNVP


def _flat(family: FlowFamily) -> FlowFamily:
    """Return a family that learns an image as one vector, with noise added to its levels."""
    return replace(
        family,
        likelihood="bound",
        defaults=MappingProxyType(
            {**family.defaults, "depth": 4, "learning_rate": 2e-3, "batch_size": 64}
        ),
        exactness="Noise makes the levels continuous, so what is shown is a bound.",
    )


#: In the order of the picker.
ON_IMAGES: tuple[Architecture, ...] = tuple(map(_flat, (REALNVP, MAF, NSF)))
