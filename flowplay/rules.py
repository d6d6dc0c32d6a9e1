"""Rules of a link or a class: settings that cannot be changed, controls that are not shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from flowplay.config import RunConfig, all_options, as_text, flat_names

LOCK = "lock"
HIDE = "hide"

#: Parts of a page that a link may hide, beside every setting by its name.
PARTS = (
    "title",
    "tour",
    "menu",
    "settings",
    "train",
    "pause",
    "step",
    "reset",
    "share",
    "headline",
    "target_density",
    "density",
    "loss",
    "show_samples",
    "layers",
    "see_inside",
)

#: Of a list in an address, so much is read, and so many names that are not known are repeated.
_LONGEST = 2_000
_REPEATED = 3


@dataclass(frozen=True)
class Rules:
    """What who opens a link or joins a class cannot change, and what is not shown.

    Attributes:
        fixed: locked settings and their values.
        hidden: names of settings and of `PARTS` that are not shown.
        about: names and values that stand for the rules in an address.
        base: settings with which one begins, where the address has none.
        autostart: whether the first run begins by itself.
    """

    fixed: Mapping[str, Any] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    base: Mapping[str, str] = field(default_factory=dict)
    autostart: bool = False

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> tuple[Self, list[str]]:
        """Read `lock` and `hide` of an address: a locked setting keeps the address's own value.

        Returns:
            The rules, and one sentence for each list that names something unknown.

        Example:
            >>> rules, refused = Rules.of_query({"depth": "4", "lock": "depth,nope"})
            >>> rules.fixed, refused
            ({'depth': 4}, ['lock: no setting is named nope.'])
            >>> rules.about
            {'lock': 'depth', 'depth': '4'}
        """
        refused: list[str] = []
        locked = _read(query, LOCK, "no setting is named", flat_names(), refused)
        hidden = _read(query, HIDE, "nothing is named", [*flat_names(), *PARTS], refused)
        config, _ = RunConfig.repair(query)
        return cls.of_config(config, locked, hidden), refused

    @classmethod
    def of_config(cls, config: RunConfig, locked: Iterable[str], hidden: Iterable[str]) -> Self:
        """Return rules that fix some settings at a config's values; names are taken to be known."""
        options = all_options()
        values = flat_values(config)
        # An option of what is not chosen is fixed too: at its default, if that is chosen later.
        fixed = {n: values[n] if n in values else options[n].default for n in locked}
        hidden = tuple(hidden)
        about = {LOCK: ",".join(fixed)} if fixed else {}
        about |= {HIDE: ",".join(hidden)} if hidden else {}
        return cls(fixed, hidden, about | {n: as_text(v) for n, v in fixed.items()})


def flat_values(config: RunConfig) -> dict[str, Any]:
    """Return the config's values by name; options stand beside the fields."""
    values = config.model_dump(exclude={"version", "options", "target_options"})
    return values | config.target_options | config.options


def _read(
    query: Mapping[str, str], key: str, complaint: str, known: list[str], refused: list[str]
) -> list[str]:
    """Return the known names of a list in an address, each once; add what is said of others."""
    given = [part.strip() for part in query.get(key, "")[:_LONGEST].split(",")]
    names = list(dict.fromkeys(name for name in given if name))
    unknown = [re.sub(r"[^\w.+-]", "·", name[:24]) for name in names if name not in known]
    if unknown:
        more = ", …" if len(unknown) > _REPEATED else ""
        refused.append(f"{key}: {complaint} {', '.join(unknown[:_REPEATED])}{more}.")
    return [name for name in names if name in known]
