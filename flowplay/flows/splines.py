"""The monotone rational-quadratic spline with linear tails, elementwise and in both directions."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

MIN_BIN = 1e-2
MIN_DERIVATIVE = 1e-2

#: softplus of this plus MIN_DERIVATIVE is 1: zero parameters give the identity.
_IDENTITY_DERIVATIVE = math.log(math.expm1(1 - MIN_DERIVATIVE))


def parameter_count(bins: int) -> int:
    """Return how many numbers a spline takes: widths, heights and inner derivatives."""
    return 3 * bins - 1


def rational_quadratic(x: Tensor, theta: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    r"""Map x through the spline that theta describes; the identity outside [-bound, bound].

    In the bin that holds x, with :math:`\xi` its relative position, s the bin's slope and d the
    knots' derivatives,

    .. math::
        g(\xi) = y_k + \frac{h_k\,(s \xi^2 + d_k\,\xi(1-\xi))}
        {s + (d_{k+1} + d_k - 2s)\,\xi(1-\xi)}

    Args:
        x: [...].
        theta: [..., 3 * bins - 1], unconstrained; zeros give the identity.
        bound: half width B of the box in which the spline lives.

    Returns:
        g(x) [...] and :math:`\log g'(x)` [...].

    References:
        Gregory & Delbourgo, Piecewise rational quadratic interpolation to monotonic data, 1982.
        Durkan, Bekasov, Murray & Papamakarios, Neural Spline Flows, 2019.
    """
    inside, x_in, (x0, width, y0, height, d0, d1) = _locate(x, theta, bound, by_height=False)
    xi = ((x_in - x0) / width).clamp(0, 1)
    slope = height / width
    both = xi * (1 - xi)
    denominator = slope + (d1 + d0 - 2 * slope) * both
    y = y0 + height * (slope * xi.square() + d0 * both) / denominator
    log_derivative = _log_derivative(xi, slope, d0, d1, denominator)
    return torch.where(inside, y, x), log_derivative * inside


def rational_quadratic_inverse(y: Tensor, theta: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """Undo `rational_quadratic`: y [...] to x [...] and the log-derivative of the inverse [...]."""
    inside, y_in, (x0, width, y0, height, d0, d1) = _locate(y, theta, bound, by_height=True)
    eta = ((y_in - y0) / height).clamp(0, 1)
    slope = height / width
    bend = d1 + d0 - 2 * slope
    # The relative position solves a ξ² + b ξ + c = 0; this form of the root does not cancel.
    a = slope - d0 + eta * bend
    b = d0 - eta * bend
    c = -slope * eta
    discriminant = (b.square() - 4 * a * c).clamp(min=0)
    xi = (2 * c / (-b - discriminant.sqrt())).clamp(0, 1)
    denominator = slope + bend * xi * (1 - xi)
    log_derivative = _log_derivative(xi, slope, d0, d1, denominator)
    return torch.where(inside, x0 + xi * width, y), -log_derivative * inside


def _log_derivative(
    xi: Tensor, slope: Tensor, d0: Tensor, d1: Tensor, denominator: Tensor
) -> Tensor:
    numerator = d1 * xi.square() + 2 * slope * xi * (1 - xi) + d0 * (1 - xi).square()
    return 2 * slope.log() + numerator.log() - 2 * denominator.log()


def _locate(
    value: Tensor, theta: Tensor, bound: float, *, by_height: bool
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Find the bin of each value; return (inside, clipped value, the bin's six numbers).

    Values outside are clipped before the maths: a `where` after it would not stop their NaN
    gradients.
    """
    bins = (theta.shape[-1] + 1) // 3
    raw_widths, raw_heights, raw_derivatives = theta.split([bins, bins, bins - 1], -1)
    widths, x_knots = _knots(raw_widths, bound)
    heights, y_knots = _knots(raw_heights, bound)
    inner = MIN_DERIVATIVE + F.softplus(raw_derivatives + _IDENTITY_DERIVATIVE)
    derivatives = F.pad(inner, (1, 1), value=1.0)

    inside = value.abs() < bound
    clipped = value.clamp(-bound, bound)
    edges = y_knots if by_height else x_knots
    index = (clipped.unsqueeze(-1) >= edges[..., 1:-1]).sum(-1, keepdim=True)
    table = torch.stack(
        (
            x_knots[..., :-1],
            widths,
            y_knots[..., :-1],
            heights,
            derivatives[..., :-1],
            derivatives[..., 1:],
        ),
        -2,
    )
    picked = table.gather(-1, index.unsqueeze(-2).expand(*table.shape[:-1], 1)).squeeze(-1)
    return inside, clipped, picked.unbind(-1)


def _knots(raw: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """Return bin sizes [..., bins] and knots [..., bins + 1] that fill [-bound, bound] exactly."""
    bins = raw.shape[-1]
    sizes = 2 * bound * (MIN_BIN + (1 - MIN_BIN * bins) * raw.softmax(-1))
    inner = sizes[..., :-1].cumsum(-1) - bound
    knots = torch.cat(
        (torch.full_like(raw[..., :1], -bound), inner, torch.full_like(raw[..., :1], bound)), -1
    )
    return sizes, knots
