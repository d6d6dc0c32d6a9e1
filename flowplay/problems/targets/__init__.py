"""2D target densities: samples, exact log-densities and entropies, in NumPy.

A new target is a new file with a subclass of
:class:`~flowplay.problems.targets.base.Target`, and its line in ``KINDS`` below; the tests then
cover it.
"""

from __future__ import annotations

from flowplay.problems.targets.base import Target
from flowplay.problems.targets.checkerboard import Checkerboard
from flowplay.problems.targets.eight_gaussians import EightGaussians
from flowplay.problems.targets.moons import Moons
from flowplay.problems.targets.pinwheel import Pinwheel
from flowplay.problems.targets.rings import Circles, Rings
from flowplay.problems.targets.spiral import Spiral
from flowplay.problems.targets.swiss_roll import SwissRoll

__all__ = ["KINDS", "Target"]

#: All targets, in the order of the picker.
KINDS: tuple[type[Target], ...] = (
    Moons,
    Circles,
    Spiral,
    EightGaussians,
    Pinwheel,
    SwissRoll,
    Rings,
    Checkerboard,
)
