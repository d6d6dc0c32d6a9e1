"""What is to be learned: all problems by name.

Example:
    >>> from flowplay.problems import PROBLEMS, make_problem
    >>> list(PROBLEMS)[:3]
    ['moons', 'circles', 'spiral']
    >>> make_problem("moons", noise=0.1).dim
    2
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from flowplay.catalog import OptionError, OptionValue, claim_options
from flowplay.problems import energies, images, own, targets
from flowplay.problems.base import DataProblem, Density, Floor, Problem, Window
from flowplay.problems.energies import Energy, Posterior
from flowplay.problems.images import ImageProblem, Images, bits_per_dim
from flowplay.problems.own import Own, OwnImages, Painted, Pictured, Tabular

__all__ = [
    "PROBLEMS",
    "DataProblem",
    "Density",
    "Energy",
    "Floor",
    "ImageProblem",
    "Images",
    "Own",
    "OwnImages",
    "Painted",
    "Pictured",
    "Posterior",
    "Problem",
    "Tabular",
    "Window",
    "bits_per_dim",
    "learns_from_draws",
    "make_problem",
    "register_problem",
]

_KINDS: dict[str, type[Problem]] = {}

#: Name -> kind of problem, in the order of the picker.
PROBLEMS: Mapping[str, type[Problem]] = MappingProxyType(_KINDS)


def learns_from_draws(problem: Problem) -> bool:
    """Tell whether a model learns this problem from its own draws, by the reverse KL."""
    return isinstance(problem, Energy) and problem.divergence == "reverse"


def register_problem(kind: type[Problem]) -> None:
    """Add a problem by its name.

    Raises:
        ValueError: if another one has its name, or if the name of one of its options means
            something else already.
    """
    if kind.name in _KINDS:
        raise ValueError(f"There is a problem {kind.name!r} already.")
    claim_options("problem", kind.options)
    _KINDS[kind.name] = kind


def make_problem(name: str, **options: OptionValue) -> Problem:
    """Return the problem of this name, always the same object for the same options.

    Args:
        name: a key of ``PROBLEMS``.
        **options: the problem's own options; those not given take their defaults.

    Raises:
        ValueError: if the name or an option is unknown, or the option refuses the value.

    Example:
        >>> make_problem("circles").label
        'Two circles'
        >>> make_problem("circles", noise=9.0)
        Traceback (most recent call last):
        ValueError: noise = 9.0 of 'circles' is more than 0.3.
    """
    if name not in _KINDS:
        raise ValueError(f"There is no target {name!r}; choose one of: {', '.join(_KINDS)}.")
    known = {option.name: option for option in _KINDS[name].options}
    if unknown := set(options) - set(known):
        raise ValueError(f"{name!r} has no option {', '.join(sorted(unknown))}.")
    read = []
    for key, option in known.items():
        value = options.get(key, option.default)
        try:
            read.append((key, option.read(value)))
        except OptionError as error:
            raise ValueError(f"{key} = {str(value)[:24]} of {name!r} {error.why}.") from None
    # Tables and drawings may be large.
    return (_make_own if issubclass(_KINDS[name], Own) else _make)(name, tuple(read))


@lru_cache(maxsize=128)
def _make(name: str, options: tuple[tuple[str, OptionValue], ...]) -> Problem:
    return _KINDS[name](**dict(options))


_make_own = lru_cache(maxsize=12)(_make.__wrapped__)


for _kind in (*targets.KINDS, *own.KINDS, *energies.KINDS, *images.KINDS):
    register_problem(_kind)
