"""How numbers are written, the same on every page."""

from __future__ import annotations

import math

#: From here on, a number is written with a power of ten.
LONGEST = 1e6

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def whole(value: float) -> str:
    """Write a count, its thousands apart.

    Example:
        >>> whole(53016), whole(-2000), whole(16_900_000)
        ('53,016', '−2,000', '16,900,000')
    """
    return f"{value:,.0f}".replace("-", "−")


def fixed(value: float, digits: int = 3, *, sign: bool = False) -> str:
    """Write a number with so many decimals, or with a power of ten beyond six digits.

    Args:
        value: the number.
        digits: decimals.
        sign: whether a plus stands before a positive number.

    Example:
        >>> fixed(-0.0364), fixed(1234.5, 1), fixed(3.3e27), fixed(float("inf"))
        ('−0.036', '1,234.5', '3.3 × 10²⁷', '∞')
        >>> fixed(0.5, sign=True), fixed(-0.0001)
        ('+0.500', '0.000')
    """
    if not math.isfinite(value) or abs(value) >= LONGEST:
        return number(value)
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = f"{0:.{digits}f}"
    return text.replace("-", "−")


def number(value: float, digits: int = 2) -> str:
    """Write a number with so many significant digits, a very large or small one as a power of ten.

    Example:
        >>> number(0.005), number(0.5), number(1649), number(3e-05), number(-2.5e9)
        ('0.005', '0.5', '1,600', '3 × 10⁻⁵', '−2.5 × 10⁹')
    """
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0 or 1e-4 <= abs(value) < LONGEST:
        rounded = float(f"{value:.{digits}g}") + 0.0  # no minus before a zero
        return f"{rounded:,.10g}".replace("-", "−")
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    mantissa = f"{float(mantissa):g}".replace("-", "−")
    return f"{mantissa} × 10{str(int(exponent)).translate(_RAISED)}"
