"""Names of settings: in a link, on the command line and on the page each must mean one thing."""

from __future__ import annotations

from collections.abc import Iterable

from flowplay.catalog.options import Option

#: Name -> whose setting it is, and of which kind.
_MEANINGS: dict[str, tuple[str, type]] = {}


def claim_options(owner: str, options: Iterable[Option]) -> None:
    """Reserve the names of options for one sort of owner; owners of a sort share names.

    Args:
        owner: "model" or "problem".
        options: the options; those of one name must be of one kind.

    Raises:
        ValueError: if a name means something else already; no name is reserved then.
    """
    _claim({option.name: (owner, type(option)) for option in options})


def claim_fields(names: Iterable[str]) -> None:
    """Reserve the names of the settings that every run has.

    Raises:
        ValueError: if a name means something else already; no name is reserved then.
    """
    _claim(dict.fromkeys(names, ("run", object)))


def _claim(meanings: dict[str, tuple[str, type]]) -> None:
    for name, meaning in meanings.items():
        owner, kind = _MEANINGS.get(name, meaning)
        if (owner, kind) != meaning:
            what = "setting" if kind is object else f"{kind.__name__} option"
            raise ValueError(f"The name {name!r} is taken: it is a {what} of a {owner} already.")
    _MEANINGS.update(meanings)
