"""Densities of the plane that are known only up to their constant, for variational inference.

A new energy is a subclass of :class:`~flowplay.problems.energies.base.Energy`, and its place in
``KINDS`` below; the tests then cover it. Nothing here imports torch: a formula gets the module that
it computes with.
"""

from __future__ import annotations

from flowplay.problems.energies.base import Energy
from flowplay.problems.energies.paper import U1, U2, U3, U4
from flowplay.problems.energies.posteriors import Posterior, PosteriorLine, PosteriorLogistic
from flowplay.problems.energies.shapes import Banana, Funnel, Wells

__all__ = ["KINDS", "Energy", "Posterior"]

#: All energies, in the order of the picker.
KINDS: tuple[type[Energy], ...] = (
    U1,
    U2,
    U3,
    U4,
    Funnel,
    Banana,
    Wells,
    PosteriorLogistic,
    PosteriorLine,
)
