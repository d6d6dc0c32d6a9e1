"""Networks in whole numbers: the same result on every machine, in batches of any size.

Encoder and decoder must agree on every probability to the last bit. Floating-point sums depend on
their order, and so on the batch, on threads and on the processor. Here every weight and every
value is a whole number times a power of two, so small that all sums are exact in float64: their
order does not matter.

References:
    Ballé, Johnston & Minnen, Integer Networks for Data Compression with Latent-Variable Models,
    2019.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from flowplay.flows.integer import PixelNetwork

Whole: TypeAlias = NDArray[np.int64]
Doubles: TypeAlias = NDArray[np.float64]

#: Binary digits after the point: of the first layer's sums, of hidden units, of later weights,
#: and of the numbers that come out.
FIRST, HIDDEN, WEIGHT, OUT = 20, 12, 16, 14

#: Largest hidden unit and largest weight; both are clipped. With at most 512 units to a layer a sum
#: is below 2⁸⁺¹² · 2⁵⁺¹⁶ · 512 = 2⁵⁰, and float64 holds whole numbers up to 2⁵³.
LARGEST_UNIT, LARGEST_WEIGHT = 2.0**8, 2.0**5


class FixedNetwork:
    """A `PixelNetwork` in evaluation mode, in whole numbers.

    Args:
        network: what it is made from.
        unit: half levels that are 1 to it, where values enter as differences to a prediction.
    """

    def __init__(self, network: PixelNetwork, unit: int | None = None) -> None:
        self.levels = network.levels
        self.unit = unit
        self.index: Whole = network.index.cpu().numpy()
        # Values enter as (2x − (L − 1)) / L: the numerator is whole, L goes into the weights.
        self.first = _whole(network.first.weight, FIRST, 1 / (unit or network.levels))
        self.first_bias = _whole(network.first_bias, FIRST)
        self.second = _whole(network.second.weight, WEIGHT)
        self.second_bias = _whole(network.second.bias, WEIGHT + HIDDEN)
        self.last = _whole(network.last.weight, WEIGHT)
        self.last_bias = _whole(network.last_bias, WEIGHT + HIDDEN)

    def __call__(
        self, x: Whole, targets: slice = slice(None), middle: Whole | None = None
    ) -> Whole:
        """Return numbers [n, P, outputs] for values x [n, D], as multiples of 2⁻¹⁴.

        Args:
            x: levels.
            targets: which of the targets.
            middle: twice the predictions of these [n, P], where values enter as differences.
        """
        index = self.index[targets]
        if middle is None:
            seen = np.pad(2 * x - (self.levels - 1), ((0, 0), (0, 1)))[:, index]
        else:
            values = np.pad(2 * x, ((0, 0), (0, 1)))[:, index]
            seen = np.where(index < x.shape[1], values - middle[..., None], 0)
        seen = seen.astype(np.float64)
        hidden = _unit(seen @ self.first.T + self.first_bias[targets], FIRST)
        hidden = _unit(hidden @ self.second.T + self.second_bias, WEIGHT + HIDDEN)
        out = hidden @ self.last.T + self.last_bias[targets]
        return _rounded(out, WEIGHT + HIDDEN - OUT).astype(np.int64)

    def fingerprint(self) -> bytes:
        """Return a hash of everything that the result depends on."""
        about = str(self.levels) if self.unit is None else f"{self.levels} {self.unit}"
        found = hashlib.sha256(about.encode())
        for part in (self.first, self.first_bias, self.second, self.second_bias):
            found.update(part.astype("<i8").tobytes())
        for part in (self.last, self.last_bias):
            found.update(part.astype("<i8").tobytes())
        found.update(self.index.astype("<i8").tobytes())
        return found.digest()


def _whole(weights: Tensor, digits: int, factor: float = 1.0) -> Doubles:
    """Return weights as multiples of a power of two, in float64."""
    exact = weights.detach().cpu().double().numpy() * factor
    return np.rint(np.clip(exact, -LARGEST_WEIGHT, LARGEST_WEIGHT) * 2.0**digits)


def _unit(sums: Doubles, digits: int) -> Doubles:
    """Return hidden units, as multiples of 2⁻¹², from sums that are multiples of 2⁻ᵈ."""
    largest = LARGEST_UNIT * 2.0**HIDDEN
    return np.clip(_rounded(sums, digits - HIDDEN), 0.0, largest)


def _rounded(values: Doubles, digits: int) -> Doubles:
    """Divide by a power of two and round half up: exact, since both factors are powers of two."""
    return np.floor(values * 2.0**-digits + 0.5)
