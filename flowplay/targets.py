"""The 2D targets by name: those problems that have an exact density in the plane.

Example:
    >>> from flowplay.targets import TARGETS, make_target
    >>> list(TARGETS)[:3]
    ['moons', 'circles', 'spiral']
    >>> make_target("moons", noise=0.1).noise
    0.1
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flowplay.problems import make_problem
from flowplay.problems.targets import KINDS, Target

__all__ = ["TARGETS", "Target", "make_target"]


def make_target(name: str, noise: float | None = None) -> Target:
    """Return the target of this name, always the same object for the same noise.

    Args:
        name: a key of ``TARGETS``.
        noise: standard deviation of the noise, in data units; the target's default if None.

    Returns:
        The target; its entropy is computed once and then shared by all who ask.

    Raises:
        ValueError: if the name is unknown, or the noise out of the target's range.

    Example:
        >>> make_target("circles").label
        'Two circles'
        >>> make_target("circles", noise=9.0)
        Traceback (most recent call last):
        ValueError: noise = 9.0 of 'circles' is more than 0.3.
    """
    problem = make_problem(name) if noise is None else make_problem(name, noise=noise)
    if not isinstance(problem, Target):
        raise ValueError(f"{name!r} is no 2D target with an exact density.")
    return problem


TARGETS: Mapping[str, Target] = MappingProxyType(
    {kind.name: make_target(kind.name) for kind in KINDS}
)
"""Every target at its default noise, in the order of the picker."""
