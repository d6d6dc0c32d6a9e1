"""Mixed flows: layers of several families in one flow, as a recipe lists them."""

from __future__ import annotations

from collections.abc import Callable

from flowplay.catalog.flows import RECIPE
from flowplay.flows.base import Bijection


def mixed(layers_of: Callable[[str, int], list[Bijection]], recipe: str) -> list[Bijection]:
    """Build the layers that a recipe lists, in generating order.

    Args:
        layers_of: takes the name of a family and a depth; returns its layers.
        recipe: families with their depths, as in `planar 2, nsf 4`.

    Raises:
        ValueError: for a recipe that cannot be read.
    """
    return [layer for name, depth in RECIPE.layers(recipe) for layer in layers_of(name, depth)]
