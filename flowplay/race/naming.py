"""What the contestants of a race are called: by what tells them from each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from flowplay.catalog import Choice
from flowplay.config import RunConfig
from flowplay.numbers import number
from flowplay.race.config import Race
from flowplay.rules import flat_values


def labels(race: Race) -> list[str]:
    """Return a name for each contestant: its family, and what differs from others of the family.

    Example:
        >>> labels(Race.repair({"2.architecture": "nsf", "3.depth": "4"})[0])
        ['RealNVP, depth 12', 'Neural spline', 'RealNVP, depth 4']
        >>> labels(Race.repair({"2.seed": "1"})[0])
        ['Seed 0', 'Seed 1']
    """
    values = [flat_values(config) for config in race.contestants]
    one_family = len({config.architecture for config in race.contestants}) == 1
    named = [
        _label(config, values[at], _relatives(race, values, config), family=not one_family)
        for at, config in enumerate(race.contestants)
    ]
    count, seen = Counter(named), Counter[str]()
    for at, label in enumerate(named):
        seen[label] += 1
        # Equal settings: only their number tells them apart.
        if count[label] > 1:
            named[at] = f"{label} ({seen[label]})"
    return named


def _relatives(
    race: Race, values: Sequence[Mapping[str, Any]], config: RunConfig
) -> list[Mapping[str, Any]]:
    """Return the settings of all contestants of a config's family."""
    return [
        values[at]
        for at, other in enumerate(race.contestants)
        if other.architecture == config.architecture
    ]


def _label(
    config: RunConfig,
    own: Mapping[str, Any],
    relatives: Sequence[Mapping[str, Any]],
    *,
    family: bool,
) -> str:
    differing = [name for name in own if len({str(other[name]) for other in relatives}) > 1]
    parts = [_told(config, name, own[name]) for name in differing]
    text = ", ".join([config.entry.label, *parts] if family or not parts else parts)
    return text[:1].upper() + text[1:]


def _told(config: RunConfig, name: str, value: object) -> str:
    option = next((o for o in config.entry.options if o.name == name), None)
    if isinstance(option, Choice):
        return option.choices[str(value)].lower()
    title = (option.label if option else RunConfig.model_fields[name].title) or name
    told = number(value, 3) if isinstance(value, float) else str(value)
    return f"{title[:1].lower()}{title[1:]} {told}"
