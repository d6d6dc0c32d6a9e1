"""Options: settings that only some architectures or problems have, each of a kind that reads it."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import TypeAdapter, ValidationError

OptionValue: TypeAlias = int | float | str
"""What an option can be set to."""

#: Reads a number, or text that is one, as the fields of `RunConfig` do.
_NUMBER = TypeAdapter(float)


class OptionError(ValueError):
    """A value that an option refuses: why, and the allowed value that is nearest to it."""

    def __init__(self, why: str, nearest: OptionValue) -> None:
        super().__init__(why)
        self.why = why
        self.nearest = nearest


@dataclass(frozen=True)
class Option(ABC):
    """A setting that only some architectures or problems have."""

    name: str
    label: str
    help: str
    default: OptionValue

    @abstractmethod
    def read(self, value: object) -> OptionValue:
        """Return a value as the option has it.

        Raises:
            OptionError: if it is none of the allowed values.
        """


@dataclass(frozen=True)
class Real(Option):
    """A real number within a range."""

    default: float
    minimum: float
    maximum: float

    def read(self, value: object) -> float:
        """Return a number, or text that is one, as a number."""
        # Adding zero turns −0 into 0: equal values must be written the same.
        return _clamped(_number(value, self.default), self.minimum, self.maximum) + 0.0


@dataclass(frozen=True)
class Whole(Option):
    """A whole number within a range."""

    default: int
    minimum: int
    maximum: int

    def read(self, value: object) -> int:
        """Return a number, or text that is one, as a number."""
        number = _clamped(_number(value, self.default), self.minimum, self.maximum)
        if number != int(number):
            raise OptionError("is not a whole number", int(number))
        return int(number)


@dataclass(frozen=True)
class Choice(Option):
    """One of some names, each with its label.

    Attributes:
        before: value for a stored config that is older than the option; None for the default.
    """

    default: str
    choices: Mapping[str, str]
    before: str | None = None

    def read(self, value: object) -> str:
        """Return the name."""
        if not isinstance(value, str) or value not in self.choices:
            raise OptionError(f"is none of {', '.join(self.choices)}", self.default)
        return value


def repeated(value: object, *, spaces: bool = False) -> str:
    """Return what somebody typed in a form that is safe and short enough to be repeated.

    Args:
        value: it may be anything.
        spaces: whether spaces stay.

    Example:
        >>> repeated("<b>nope</b>"), repeated("foo 3", spaces=True)
        ('·b·nope··b·', 'foo 3')
    """
    return re.sub(r"[^\w.+ -]" if spaces else r"[^\w.+-]", "·", str(value)[:24])


@dataclass(frozen=True)
class Recipe(Option):
    """A list of families with their numbers of layers, as text.

    Attributes:
        families: names that a recipe may list.
        most: layers that it may list in all.
    """

    default: str
    families: Collection[str]
    most: int = 64

    def read(self, value: object) -> str:
        """Return the recipe in its usual form."""
        return ", ".join(f"{name} {depth}" for name, depth in self.layers(str(value)))

    def layers(self, text: str) -> list[tuple[str, int]]:
        """Read a recipe as families and their numbers of layers, in generating order.

        Raises:
            OptionError: for an unknown family, no or too many layers, or anything else.

        Example:
            >>> Recipe("recipe", "Recipe", "", "nsf 4", ("planar", "nsf")).layers("planar 2, nsf 4")
            [('planar', 2), ('nsf', 4)]
        """
        parts = [part.split() for part in text.split(",")]
        for part in parts:
            if fault := self._fault(part):
                raise OptionError(f"is not understood: {fault}", self.default)
        recipe = [(name, self._count(digits)) for name, digits in parts]
        if not all(depth for _, depth in recipe) or sum(d for _, d in recipe) > self.most:
            raise OptionError(f"has not 1 to {self.most} layers", self.default)
        return recipe

    def _fault(self, part: list[str]) -> str:
        """Say what is wrong with one part of a recipe, empty if nothing is."""
        word = repeated(" ".join(part), spaces=True)
        if not part:
            return "a family is missing"
        if part[0] not in self.families:
            known = ", ".join(self.families)
            return f"{repeated(part[0])} is no family ({known})"
        if len(part) == 1:
            return f"{word} has no number of layers"
        if len(part) > 2 or not (part[1].isascii() and part[1].isdigit()):
            return f"{word} is not a family and its number of layers"
        return ""

    def _count(self, digits: str) -> int:
        """Read ASCII digits as a number; all that have too many digits are read as one."""
        # Python refuses to read thousands of digits.
        significant = digits.lstrip("0") or "0"
        return int(significant) if len(significant) <= len(str(self.most)) else self.most + 1


def _number(value: object, default: float) -> float:
    """Read a number.

    Raises:
        OptionError: if it is none.
    """
    try:
        number = _NUMBER.validate_python(value)
    except ValidationError:
        number = math.nan
    if math.isnan(number):
        raise OptionError("is not understood", default)
    return number


def _clamped(number: float, minimum: float, maximum: float) -> float:
    """Return a number that is in a range.

    Raises:
        OptionError: if it is not.
    """
    if number > maximum:
        raise OptionError(f"is more than {maximum}", maximum)
    if number < minimum:
        raise OptionError(f"is less than {minimum}", minimum)
    return number


@dataclass(frozen=True)
class Pairs(Option):
    """A few pairs of numbers, as text: `x y` for each, separated by commas.

    Attributes:
        most: pairs that it may hold.
        reach: no number may be further from 0.
    """

    default: str
    most: int = 40
    reach: float = 100.0

    def read(self, value: object) -> str:
        """Return the pairs in their usual form."""
        return ", ".join(f"{x:g} {y:g}" for x, y in self.pairs(str(value)))

    def pairs(self, text: str) -> list[tuple[float, float]]:
        """Read the pairs.

        Raises:
            OptionError: if one of them is no pair of numbers within reach, or there are too many.

        Example:
            >>> Pairs("pairs", "Data", "", "").pairs("-1 0, 0.5 1")
            [(-1.0, 0.0), (0.5, 1.0)]
        """
        # What could not be a list of this length need not be read.
        if len(text) > 40 * self.most:
            raise OptionError("is too long", self.default)
        found = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            try:
                x, y = (float(number) for number in part.split())
            except ValueError:
                raise OptionError(
                    "is no list of pairs such as `-1 0, 0.5 1`", self.default
                ) from None
            # Not a number is not within reach either.
            if not (abs(x) <= self.reach and abs(y) <= self.reach):
                raise OptionError(f"has a number beyond ±{self.reach:g}", self.default)
            found.append((x + 0.0, y + 0.0))
        if len(found) > self.most:
            raise OptionError(f"has more than {self.most} pairs", self.default)
        return found


@dataclass(frozen=True)
class DataName(Option):
    """Which data: the name of an example, or the digest of data that somebody brought along."""

    default: str
    examples: Collection[str]

    def read(self, value: object) -> str:
        """Return the name or the digest.

        Raises:
            OptionError: if it is neither. Whether there are such data is not asked here.

        Example:
            >>> DataName("data", "Data", "", "iris", ("iris",)).read("iris")
            'iris'
        """
        if isinstance(value, str) and (value in self.examples or _DIGEST.fullmatch(value)):
            return value
        raise OptionError("is neither an example nor a digest of data", self.default)


_DIGEST = re.compile("[0-9a-f]{64}", re.ASCII)
