"""2D target densities: samples, exact log-densities and entropies, in NumPy.

A new target is a new file with a subclass of :class:`~flowplay.targets.base.Target`, and its
line in ``_KINDS`` below; the tests then cover it.

Example:
    >>> from flowplay.targets import TARGETS, make_target
    >>> list(TARGETS)[:3]
    ['moons', 'circles', 'spiral']
    >>> make_target("moons", noise=0.1).noise
    0.1
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from flowplay.targets.base import Target
from flowplay.targets.checkerboard import Checkerboard
from flowplay.targets.eight_gaussians import EightGaussians
from flowplay.targets.moons import Moons
from flowplay.targets.pinwheel import Pinwheel
from flowplay.targets.rings import Circles, Rings
from flowplay.targets.spiral import Spiral
from flowplay.targets.swiss_roll import SwissRoll

__all__ = ["TARGETS", "Target", "make_target"]

_KINDS: dict[str, type[Target]] = {
    kind.name: kind
    for kind in (
        Moons,
        Circles,
        Spiral,
        EightGaussians,
        Pinwheel,
        SwissRoll,
        Rings,
        Checkerboard,
    )
}


@lru_cache(maxsize=128)
def make_target(name: str, noise: float | None = None) -> Target:
    """Return the target of this name, always the same object for the same noise.

    Args:
        name: a key of ``TARGETS``.
        noise: standard deviation of the noise, in data units; the target's default if None.

    Returns:
        The target; its entropy is computed once and then shared by all who ask.

    Raises:
        ValueError: if the name is unknown, or the noise outside the target's ``noise_range``.

    Example:
        >>> make_target("circles").label
        'Two circles'
        >>> make_target("circles", noise=9.0)
        Traceback (most recent call last):
        ValueError: The noise of 'circles' must lie in [0.02, 0.3], got 9.
    """
    if name not in _KINDS:
        raise ValueError(f"There is no target {name!r}; choose one of: {', '.join(_KINDS)}.")
    kind = _KINDS[name]
    if noise is None:
        return make_target(name, kind.default_noise)
    return kind(float(noise))


TARGETS: Mapping[str, Target] = MappingProxyType({name: make_target(name) for name in _KINDS})
"""Every target at its default noise, in the order of the picker."""
