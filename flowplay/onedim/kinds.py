"""The maps to choose from, with their parameters, and the check of what a browser sends."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flowplay.onedim.maps import Affine, Cubic, Logistic, Logit, MonotoneMap, Sinh, Softplus


@dataclass(frozen=True)
class Parameter:
    """A number that shapes a map, with its allowed range."""

    name: str
    help: str
    default: float
    minimum: float
    maximum: float
    step: float = 0.05


Values = Mapping[str, float]


@dataclass(frozen=True)
class Kind:
    """A map as a person meets it: `equation` and `slope` are LaTeX, `make` builds it."""

    name: str
    label: str
    summary: str
    equation: str
    slope: str
    parameters: tuple[Parameter, ...]
    make: Callable[..., MonotoneMap]

    @property
    def defaults(self) -> dict[str, float]:
        """The values to begin with."""
        return {parameter.name: parameter.default for parameter in self.parameters}


_STEEPNESS = Parameter("k", "How steep the curve is in the middle.", 1.0, 0.25, 3.0)

#: The maps with a closed form; the spline has knots instead of parameters.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(
                "affine",
                "Affine",
                "Stretches by the same factor everywhere: the density keeps its shape.",
                "f(z) = a z + b",
                "f'(z) = a",
                (
                    Parameter(
                        "a",
                        "Stretch. A negative value also mirrors; 0 is not allowed.",
                        2.0,
                        -3.0,
                        3.0,
                    ),
                    Parameter(
                        "b", "Shift. It moves the density without changing its height.", 1, -3, 3
                    ),
                ),
                Affine,
            ),
            Kind(
                "sinh",
                "Sinh",
                "Stretches the tails and hardly changes the middle.",
                r"f(z) = \tfrac{1}{s}\sinh(s z)",
                r"f'(z) = \cosh(s z)",
                (Parameter("s", "How strongly the tails are stretched.", 0.6, 0.1, 0.8),),
                Sinh,
            ),
            Kind(
                "softplus",
                "Softplus",
                "Maps the line to the positive numbers.",
                r"f(z) = \tfrac{1}{k}\log(1 + e^{k z})",
                r"f'(z) = \sigma(k z)",
                (Parameter("k", "How sharp the bend is.", 1.0, 0.5, 3.0),),
                Softplus,
            ),
            Kind(
                "cubic",
                "Cubic",
                "Stretches more the further z is from 0.",
                r"f(z) = z + c z^3",
                r"f'(z) = 1 + 3 c z^2",
                (Parameter("c", "Factor of the cubic term. With 0, x = z.", 0.2, 0.0, 1.0),),
                Cubic,
            ),
            Kind(
                "logistic",
                "Logistic",
                "Maps the whole line to (0, 1).",
                r"f(z) = \sigma(k z)",
                r"f'(z) = k\,\sigma(k z)\,(1 - \sigma(k z))",
                (_STEEPNESS,),
                Logistic,
            ),
            Kind(
                "logit",
                "Logit",
                "Maps (0, 1) to the whole line, so it needs the uniform base.",
                r"f(z) = \tfrac{1}{k}\log\tfrac{z}{1 - z}",
                r"f'(z) = \tfrac{1}{k\,z\,(1 - z)}",
                (
                    Parameter(
                        "k",
                        "Steepness of the logistic map, of which this is the inverse.",
                        1.0,
                        0.25,
                        3.0,
                    ),
                ),
                Logit,
            ),
        )
    }
)


def repair_values(
    parameters: tuple[Parameter, ...], given: object, before: Values
) -> tuple[dict[str, float], list[str]]:
    """Take a parameter's values from what a browser sent: clamped, or as they were.

    Args:
        parameters: what there is to set.
        given: should map names to numbers; names that are not known are passed over.
        before: values to keep where nothing useful is given.

    Returns:
        A value for every parameter, and a sentence for each one refused.

    Example:
        >>> repair_values(KINDS["cubic"].parameters, {"c": 7, "x": 1}, {"c": 0.2})
        ({'c': 1.0}, ['c = 7 is more than 1: using 1.'])
    """
    found = given if isinstance(given, Mapping) else {}
    values: dict[str, float] = {}
    refused: list[str] = []
    for parameter in parameters:
        name = parameter.name
        values[name] = float(before.get(name, parameter.default))
        if name not in found:
            continue
        number = _number(found[name])
        if number is None:
            refused.append(f"{name} is not a number: using {values[name]:g}.")
            continue
        values[name] = min(max(number, parameter.minimum), parameter.maximum)
        if number < parameter.minimum:
            refused.append(
                f"{name} = {number:g} is less than {parameter.minimum:g}: "
                f"using {parameter.minimum:g}."
            )
        elif number > parameter.maximum:
            refused.append(
                f"{name} = {number:g} is more than {parameter.maximum:g}: "
                f"using {parameter.maximum:g}."
            )
    return values, refused


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
