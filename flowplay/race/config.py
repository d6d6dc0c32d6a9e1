"""Race: a base configuration, and for each contestant what differs; the whole of it in an address.

In an address a setting of all contestants has its own name, one of a single contestant the number
of the contestant before it: `depth=8&2.depth=32`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from flowplay.config import RunConfig, as_text, flat_names
from flowplay.problems import PROBLEMS
from flowplay.rules import flat_values

#: Contestants of a race.
LEAST, MOST = 2, 4

#: Seconds that each contestant trains, if nothing else is said.
SECONDS = 15.0

#: Names in an address: how many contestants there are, and the numbers of those who sit out.
CONTESTANTS, OUT = "contestants", "out"

#: Of a list in an address, so much is read.
_LONGEST = 100

#: Settings that are the same for all contestants, beside those of the target.
_SAME = frozenset(
    {"target", "samples", "batch_size", "budget", "budget_unit", "temperature", "device"}
)


def shared_names() -> frozenset[str]:
    """Return the names of the settings that are the same for all contestants."""
    return _SAME | {option.name for kind in PROBLEMS.values() for option in kind.options}


@dataclass(frozen=True)
class Race:
    """Contestants that learn the same problem for equally many seconds.

    Attributes:
        base: what is the same for all, and what an address has of the others.
        contestants: the config of each; all see the same batches if their seeds are the same.
        out: numbers, from 0, of those who sit out.

    Raises:
        ValueError: if there are too few or too many contestants, if a setting that all share is
            not the same for all, or if a budget is not in seconds.

    Example:
        >>> race, refused = Race.repair({"target": "circles", "2.depth": "4", "3.depth": "0"})
        >>> [config.depth for config in race.contestants], refused
        ([12, 4, 1], ['Contestant 3: depth = 0 is less than 1: using 1.'])
        >>> race.to_flat()
        {'target': 'circles', 'contestants': '3', '2.depth': '4', '3.depth': '1'}
    """

    base: RunConfig
    contestants: tuple[RunConfig, ...]
    out: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not LEAST <= len(self.contestants) <= MOST:
            raise ValueError(f"A race has {LEAST} to {MOST} contestants.")
        same = _shared(self.base)
        if any(_shared(config) != same for config in self.contestants):
            raise ValueError("All contestants have the same target, points, batches and budget.")
        if self.base.budget_unit != "seconds":
            raise ValueError("The budget of a race is in seconds.")

    @classmethod
    def repair(
        cls, values: Mapping[str, Any], fixed: Mapping[str, Any] | None = None
    ) -> tuple[Self, list[str]]:
        """Read a race, but clamp or drop what is refused, with one sentence for each.

        Names that are not of a race are passed over.

        Args:
            values: by name, as a URL gives them.
            fixed: values that nothing overrides; another one that is given is refused.
        """
        fixed = {name: value for name, value in (fixed or {}).items() if name != "budget_unit"}
        given = {name: values[name] for name in flat_names() if name in values}
        refused = []
        if given.get("budget_unit", "seconds") != "seconds":
            refused.append("budget_unit: a race is counted in seconds, the same for all.")
        given = {"budget": as_text(SECONDS)} | given | {"budget_unit": "seconds"}
        base, told = RunConfig.repair(given, fixed)
        refused += told
        count = _count(values, refused)
        contestants = [_contestant(base, k, values, fixed, refused) for k in range(1, count + 1)]
        return cls(base, tuple(contestants), _out(values, count, refused)), refused

    def to_flat(self) -> dict[str, str]:
        """Write the race as names and values for a URL."""
        flat = self.base.to_flat()
        del flat["budget_unit"]
        flat.pop("budget", None)
        if self.base.budget != SECONDS:
            flat["budget"] = as_text(self.base.budget)
        flat[CONTESTANTS] = str(len(self.contestants))
        for k, config in enumerate(self.contestants, 1):
            differing = difference(self.base, config)
            flat |= {f"{k}.{name}": value for name, value in differing.items()}
        if self.out:
            flat[OUT] = ",".join(str(k + 1) for k in sorted(self.out))
        return flat

    @property
    def same_batches(self) -> bool:
        """Whether all contestants are trained on the same batches: their seeds are the same."""
        return len({config.seed for config in self.contestants}) == 1

    def with_shared(self, values: Mapping[str, Any]) -> Self:
        """Return the race with other values of what all share, or of the base's seed.

        A contestant whose seed is that of the base keeps to it.
        """
        flat = self.to_flat()
        options = {option.name for option in PROBLEMS[self.base.target].options}
        if values.get("target", self.base.target) != self.base.target:
            flat = {name: value for name, value in flat.items() if name not in options}
        race, _ = type(self).repair(flat | {n: as_text(v) for n, v in values.items()})
        return race

    def with_contestant(self, number: int, values: Mapping[str, Any]) -> tuple[Self, list[str]]:
        """Return the race with other settings of one contestant, and what is refused of them.

        Args:
            number: from 0; of a new contestant, how many there are.
            values: all of its settings by name; those that all share are those of the race.

        Raises:
            ValueError: if there would be too many contestants.
        """
        shared = shared_names()
        k = number + 1
        own = {f"{k}.{name}": value for name, value in values.items() if name not in shared}
        refused: list[str] = []
        config = _contestant(self.base, k, own, {}, refused)
        contestants = [*self.contestants[:number], config, *self.contestants[number + 1 :]]
        return replace(self, contestants=tuple(contestants)), refused

    def without(self, number: int) -> Self:
        """Return the race without one contestant, by its number from 0."""
        kept = [k for k in range(len(self.contestants)) if k != number]
        return replace(
            self,
            contestants=tuple(self.contestants[k] for k in kept),
            out=frozenset(at for at, k in enumerate(kept) if k in self.out),
        )


def difference(base: RunConfig, config: RunConfig) -> dict[str, str]:
    """Return what a contestant's address says beside the base's, as short as it can be.

    Example:
        >>> base = RunConfig(depth=8)
        >>> difference(base, RunConfig(architecture="nsf", depth=8))
        {'architecture': 'nsf'}
        >>> difference(RunConfig(architecture="nsf", depth=8), RunConfig())
        {'architecture': 'realnvp', 'depth': '12'}
    """
    shared = shared_names()
    common, own = base.to_flat(), config.to_flat()
    values = {name: as_text(value) for name, value in flat_values(config).items()}
    # What the base says holds for the contestant too, where it has a setting of that name.
    told = {name: common.get(name) for name in values}
    differing = {
        name: value
        for name, value in values.items()
        if name not in shared and told[name] is not None and told[name] != value
    }
    differing |= {n: v for n, v in own.items() if n not in shared and common.get(n) != v}
    return differing


def _shared(config: RunConfig) -> dict[str, Any]:
    values = flat_values(config)
    return {name: values[name] for name in shared_names() & values.keys()}


def _contestant(
    base: RunConfig,
    number: int,
    values: Mapping[str, Any],
    fixed: Mapping[str, Any],
    refused: list[str],
) -> RunConfig:
    """Read one contestant, by its number from 1; add what is refused of it."""
    shared = shared_names()
    own = {
        name: values[f"{number}.{name}"] for name in flat_names() if f"{number}.{name}" in values
    }
    for name in [name for name in own if name in shared]:
        del own[name]
        refused.append(f"Contestant {number}: {name} is the same for all contestants.")
    # Explicitly: a default of another architecture must not take the place of what all share.
    same = {name: as_text(value) for name, value in _shared(base).items()}
    config, told = RunConfig.repair(base.to_flat() | same | own, fixed)
    refused += [f"Contestant {number}: {sentence}" for sentence in told]
    return config


def _count(values: Mapping[str, Any], refused: list[str]) -> int:
    """Return how many contestants are meant: as many as is said, or as have settings."""
    numbered = (int(n[0]) for n in values if re.match(r"[1-9]\.", n) and n[2:] in flat_names())
    usual = min(MOST, max([LEAST, *numbered]))
    if CONTESTANTS not in values:
        return usual
    text = str(values[CONTESTANTS])
    if not re.fullmatch(r"[0-9]{1,9}", text):
        refused.append(f"{CONTESTANTS} = {_safe(text)} is not understood: using {usual}.")
        return usual
    count = min(MOST, max(LEAST, int(text)))
    if count != int(text):
        than = "less than" if int(text) < LEAST else "more than"
        refused.append(f"{CONTESTANTS} = {_safe(text)} is {than} {count}: using {count}.")
    return count


def _out(values: Mapping[str, Any], count: int, refused: list[str]) -> frozenset[int]:
    given = [part.strip() for part in str(values.get(OUT, ""))[:_LONGEST].split(",")]
    known = {str(k + 1): k for k in range(count)}
    unknown = [part for part in given if part and part not in known]
    if unknown:
        refused.append(f"{OUT}: there is no contestant {_safe(unknown[0])}.")
    return frozenset(known[part] for part in given if part in known)


def _safe(text: str) -> str:
    """Return a refused value in a form that is safe and short enough to be repeated."""
    return re.sub(r"[^\w.+-]", "·", text[:24])
