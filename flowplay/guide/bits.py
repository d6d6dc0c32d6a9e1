"""From nats to bits per dimension."""

from __future__ import annotations

import math


def bits_per_dimension(nll: float, dim: int, bin_width: float = 1.0) -> float:
    r"""Return what a code spends on each number of a data point, in bits.

    .. math::
        \text{bpd} = \frac{\text{NLL} - D \log \delta}{D \log 2}

    A density says nothing of bits until it is said how finely a number is written down: in steps
    of :math:`\delta`. Pixels with values 0 … 255 have steps of 1.

    Args:
        nll: negative log-likelihood of a data point, in nats.
        dim: D, its numbers.
        bin_width: :math:`\delta`, in data units.

    Raises:
        ValueError: if `dim` or `bin_width` is not positive.

    Example:
        >>> bits_per_dimension(math.log(256) * 3, dim=3)  # all 256 values alike
        8.0
    """
    if dim < 1 or not bin_width > 0:
        raise ValueError("Dimensions and bin width must be positive.")
    return (nll - dim * math.log(bin_width)) / (dim * math.log(2))
