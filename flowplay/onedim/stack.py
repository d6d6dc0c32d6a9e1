"""Several maps in a row, which a visitor chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowplay.onedim.kinds import KINDS, Values, repair_values
from flowplay.onedim.maps import MonotoneMap
from flowplay.onedim.spline import Knots, Spline

#: Maps in a row at most.
MOST_MAPS = 6

#: The name of the one map that has knots instead of parameters.
SPLINE = "spline"


@dataclass(frozen=True)
class Step:
    """One map of a stack: its kind's name, or `SPLINE`, and the values of its parameters."""

    name: str
    values: Values

    @classmethod
    def of(cls, name: str) -> Step:
        """Return a map of a kind, as it begins."""
        return cls(name, KINDS[name].defaults if name in KINDS else {})

    def build(self, knots: Knots) -> MonotoneMap:
        """Return the map itself.

        Raises:
            ValueError: if there is none with these values.
        """
        return Spline(knots) if self.name == SPLINE else KINDS[self.name].make(**self.values)


#: The first stack: it makes two bumps of one, stretches them, and maps the line to (0, 1).
FIRST_STACK: tuple[Step, ...] = (
    Step(SPLINE, {}),
    Step("affine", {"a": -1.5, "b": 0.5}),
    Step("logistic", {"k": 1.0}),
)


def repair_stack(given: object, before: Sequence[Step]) -> tuple[tuple[Step, ...], list[str]]:
    """Make a stack from what a browser sent; what is no stack leaves it as it was.

    Args:
        given: should be a list of mappings with a `map` and its `values`.
        before: the stack to keep if it is refused.

    Returns:
        One to `MOST_MAPS` steps, and a sentence for each thing refused.

    Example:
        >>> repair_stack([{"map": "cubic", "values": {"c": -1}}], FIRST_STACK)
        ((Step(name='cubic', values={'c': 0.0}),), ['c = -1 is less than 0: using 0.'])
    """
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        return tuple(before), ["At least one map is needed, so the maps were not changed."]
    steps: list[Step] = []
    refused: list[str] = []
    for entry in given[:MOST_MAPS]:
        name = entry.get("map") if isinstance(entry, Mapping) else None
        if name == SPLINE:
            steps.append(Step(SPLINE, {}))
        elif isinstance(name, str) and name in KINDS:
            kind = KINDS[name]
            values, sentences = repair_values(kind.parameters, entry.get("values"), kind.defaults)
            steps.append(Step(name, values))
            refused += sentences
        else:
            return tuple(before), ["There is no such map, so the maps were not changed."]
    if len(given) > MOST_MAPS:
        refused.append(f"At most {MOST_MAPS} maps are allowed: the others were left out.")
    return tuple(steps), refused
