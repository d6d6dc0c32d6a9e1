"""Few, round tick values that fit a small picture."""

from __future__ import annotations

import math

from flowplay.numbers import LONGEST, number, whole

Tick = tuple[float, str]
"""Where a tick stands along its axis (0 to 1), and its label."""

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)

#: Least distance of two ticks of a density bar, as a share of its height.
_BAR_GAP = 0.15


def axis_ticks(low: float, high: float, intervals: int = 5) -> list[Tick]:
    """Return ticks at round values of a linear axis.

    Args:
        low: lowest value, in data units.
        high: highest value, above `low`.
        intervals: the axis is cut into at most this many.

    Example:
        >>> axis_ticks(-2.5, 2.5)
        [(0.1, '−2'), (0.3, '−1'), (0.5, '0'), (0.7, '1'), (0.9, '2')]
    """
    step = round_up((high - low) / intervals)
    return [(_place(at, low, high), _label(at, step)) for at in _values(low, high, step)]


def count_ticks(last: float, intervals: int = 5) -> list[Tick]:
    """Return ticks of an axis of counts, from 0 on: only whole ones, written out in full.

    Args:
        last: highest count, above 0.
        intervals: the axis is cut into at most this many.

    Example:
        >>> count_ticks(2_000_000, 2)
        [(0.0, '0'), (0.5, '1,000,000'), (1.0, '2,000,000')]
    """
    values = _values(0.0, last, round_up(last / intervals))
    return [(_place(at, 0.0, last), whole(at)) for at in values if at.is_integer()]


def density_ticks(scale: float) -> list[Tick]:
    """Return ticks at round densities of a bar whose colours are even in the density's root.

    Args:
        scale: density at the top of the bar, in 1 / (data unit)^2.

    Example:
        >>> density_ticks(1.0)
        [(0.0, '0'), (0.223607, '0.05'), (0.447214, '0.2'), (0.707107, '0.5'), (1.0, '1')]
    """
    ticks: list[Tick] = []
    exponent = math.floor(math.log10(scale))
    for value in (m * 10.0**e for e in range(exponent, exponent - 3, -1) for m in (5.0, 2.0, 1.0)):
        at = math.sqrt(value / scale)
        last = ticks[-1][0] if ticks else math.inf
        if at <= 1 + 1e-9 and last - at >= _BAR_GAP and at >= _BAR_GAP:
            ticks.append((round(at, 6), number(value)))
    return [(0.0, "0"), *reversed(ticks)]


def round_up(value: float) -> float:
    """Return the next round number (1, 2, 2.5, 5 times a power of ten) at or above a positive one.

    Example:
        >>> round_up(0.3), round_up(7)
        (0.5, 10.0)
    """
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in _ROUND if m * power >= value * (1 - 1e-9))


def _values(low: float, high: float, step: float) -> list[float]:
    """Return the multiples of a step between two values, both included."""
    count = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [k * step for k in count]


def _place(value: float, low: float, high: float) -> float:
    return round((value - low) / (high - low), 6)


def _label(value: float, step: float) -> str:
    if abs(value) >= LONGEST or step >= LONGEST:
        return number(value, 3)
    # `%g` of a sum of steps would print their rounding errors.
    digits = max(0, 2 - math.floor(math.log10(step)))
    text = f"{round(value, digits) + 0.0:,.{digits}f}"
    return (text.rstrip("0").rstrip(".") if digits else text).replace("-", "−")
