"""From a mixture of logistics to whole frequencies, in whole numbers from end to end."""

from __future__ import annotations

from functools import cache

import numpy as np

from flowplay.codec.fixed import OUT, Doubles, Whole
from flowplay.flows.integer.mixture import LOG_SCALE_BOUND, PER_COMPONENT

#: The frequencies of all levels together are 2¹⁸.
TOTAL = 18

#: Binary digits after the point: of component weights, of rates 1/s, of log-scales and log-weights,
#: of arguments of the logistic function, and of its values.
_WEIGHT, _RATE, _LOG, _ARGUMENT, _VALUE = 14, 20, 10, 10, 24

#: Beyond these a log-weight, and an argument of the logistic function, make no difference.
_LEAST_LOG_WEIGHT, _LARGEST_ARGUMENT = 10, 16


def frequencies(
    numbers: Whole,
    levels: int,
    components: int,
    middle: Whole | None = None,
    unit: int | None = None,
) -> Whole:
    r"""Return the frequencies [n, L] of all levels, each at least 1, together 2¹⁸.

    .. math:: c_k = \bigl\lfloor (2^{18} - L)\,F(k + \tfrac12) \bigr\rfloor + k + 1

    are the cumulative ones, where F is the mixture's distribution function.

    Args:
        numbers: [n, 3M] of a `FixedNetwork`, multiples of 2⁻¹⁴.
        levels: the number of levels L.
        components: the number of logistics M, at most 32.
        middle: [n], from which means count, in half levels; L − 1 if None.
        unit: half levels that the number 1 stands for in a mean; L if None.
    """
    parts = numbers.reshape(len(numbers), components, PER_COMPONENT)
    weight = _weights(parts[..., 0])
    # Means are (U p + m) / 2; everything is counted in half levels to stay whole.
    half = np.full(len(numbers), levels - 1) if middle is None else middle
    boundaries = 2 * np.arange(levels - 1, dtype=np.int64) + 1 - half[:, None]
    offset = (boundaries[:, None] << OUT) - (unit or levels) * parts[..., 1, None]
    rate = _rates()[_shifted(parts[..., 2], OUT - _LOG, LOG_SCALE_BOUND)]
    # Beyond this no scale brings an argument back into the range, and products stay below 2⁶³.
    offset = np.clip(offset, -(1 << 34), 1 << 34)
    argument = offset * rate[..., None] >> (OUT + 1 + _RATE - _ARGUMENT)
    edge = _LARGEST_ARGUMENT << _ARGUMENT
    value = _logistic()[np.clip(argument, -edge, edge) + edge]
    below = (weight[..., None] * value).sum(1)
    free = (1 << TOTAL) - levels
    # At most 2¹⁴ · 32 · 2²⁴ · 2¹⁸ = 2⁶¹.
    cumulative = below * free // (weight.sum(1)[:, None] << _VALUE)
    cumulative += np.arange(1, levels, dtype=np.int64)
    ends = np.full((len(numbers), 1), 1 << TOTAL, dtype=np.int64)
    found: Whole = np.diff(np.concatenate([cumulative, ends], 1), axis=1, prepend=0)
    return found


def _weights(log_weights: Whole) -> Whole:
    """Return component weights [n, M], the largest 2¹⁴, from log-weights, multiples of 2⁻¹⁴."""
    behind = log_weights.max(1, keepdims=True) - log_weights
    table = _exponentials()
    found: Whole = table[np.clip(behind >> (OUT - _LOG), 0, len(table) - 1)]
    return found


def _shifted(log_scales: Whole, digits: int, bound: float) -> Whole:
    """Return places in the table of rates for log-scales, which are clipped."""
    edge = int(bound) << _LOG
    found: Whole = np.clip(log_scales >> digits, -edge, edge) + edge
    return found


def exact_tables() -> dict[str, Doubles]:
    """Return the three tables before they are rounded to whole numbers.

    A test holds that none of them lies so near the middle of two whole numbers that the
    exponential function of another machine could round it to the other.
    """
    places = np.arange(-(int(LOG_SCALE_BOUND) << _LOG), (int(LOG_SCALE_BOUND) << _LOG) + 1)
    behind = np.arange((_LEAST_LOG_WEIGHT << _LOG) + 1)
    edge = _LARGEST_ARGUMENT << _ARGUMENT
    arguments = np.arange(-edge, edge + 1)
    return {
        "rates": np.exp(-places / 2.0**_LOG) * 2.0**_RATE,
        "exponentials": np.exp(-behind / 2.0**_LOG) * 2.0**_WEIGHT,
        "logistic": 2.0**_VALUE / (1 + np.exp(-arguments / 2.0**_ARGUMENT)),
    }


@cache
def _rates() -> Whole:
    return np.rint(exact_tables()["rates"]).astype(np.int64)


@cache
def _exponentials() -> Whole:
    return np.rint(exact_tables()["exponentials"]).astype(np.int64)


@cache
def _logistic() -> Whole:
    return np.rint(exact_tables()["logistic"]).astype(np.int64)
