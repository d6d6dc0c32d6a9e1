"""The monotone rational-quadratic spline with linear tails, elementwise and in both directions."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from flowplay.kernels.layout import IDENTITY_DERIVATIVE, MIN_BIN, MIN_DERIVATIVE

# As tensors: torch would convert a number at each use, which takes longer than the addition.
_ONE, _NEXT = torch.tensor(1.0), torch.tensor(1)


class SavedSpline(NamedTuple):
    r"""What `invert_spline_backward` needs, each [...] where no other shape is given.

    Attributes:
        mask: 1 where the value is inside the box, else 0.
        width, height, slope: of the value's bin.
        bend: :math:`d_k + d_{k+1} - 2s`.
        d0, d1: the derivatives at the bin's knots.
        eta: the relative height in the bin.
        xi: the relative position in the bin.
        both: :math:`\xi (1 - \xi)`.
        denominator: D of the spline.
        numerator: M of its derivative.
        raw: the parameters of both derivatives before softplus [2, ...].
        shares: of each bin in widths and heights [2, bins, ...].
        passed: 1 for each inner knot below the value, else 0 [bins - 1, ...].
    """

    mask: Tensor
    width: Tensor
    height: Tensor
    slope: Tensor
    bend: Tensor
    d0: Tensor
    d1: Tensor
    eta: Tensor
    xi: Tensor
    both: Tensor
    denominator: Tensor
    numerator: Tensor
    raw: Tensor
    shares: Tensor
    passed: Tensor


def parameter_count(bins: int) -> int:
    """Return the number of parameters of a spline: widths, heights and inner derivatives."""
    return 3 * bins - 1


def rational_quadratic(x: Tensor, theta: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    r"""Map x through the spline with parameters theta; the identity outside [-bound, bound].

    In the bin that holds x, with :math:`\xi` its relative position, s the bin's slope and d the
    knots' derivatives,

    .. math::
        g(\xi) = y_k + \frac{h_k\,(s \xi^2 + d_k\,\xi(1-\xi))}
        {s + (d_{k+1} + d_k - 2s)\,\xi(1-\xi)}

    Args:
        x: [...].
        theta: [..., 3 * bins - 1], unconstrained; zeros give the identity.
        bound: half width B of the box [-B, B] x [-B, B] of the spline.

    Returns:
        g(x) [...] and :math:`\log g'(x)` [...].

    References:
        Gregory & Delbourgo, Piecewise rational quadratic interpolation to monotonic data, 1982.
        Durkan, Bekasov, Murray & Papamakarios, Neural Spline Flows, 2019.
    """
    value, (left, right, bottom, top), derivatives, inside, *_ = _locate(
        x, theta.movedim(-1, 0), bound, by_height=False
    )
    width, height = right - left, top - bottom
    slope = height / width
    d0, d1 = derivatives.unbind()
    xi = ((value - left) / width).clamp(0, 1)
    both = xi * (_ONE - xi)
    denominator = torch.addcmul(slope, d0 + d1 - 2 * slope, both)
    y = bottom + height * (slope * xi * xi + d0 * both) / denominator
    log_derivative, _ = _log_derivative(xi, both, slope, d0, d1, denominator)
    return torch.where(inside, y, x), log_derivative * inside


def rational_quadratic_inverse(y: Tensor, theta: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """Undo `rational_quadratic`: y [...] to x [...] and the log-derivative of the inverse [...]."""
    x, log_derivative, _ = invert_spline(y, theta.movedim(-1, 0), bound)
    return x, log_derivative


def invert_spline(y: Tensor, theta: Tensor, bound: float) -> tuple[Tensor, Tensor, SavedSpline]:
    """Undo `rational_quadratic`, and save what `invert_spline_backward` needs.

    Args:
        y: [...].
        theta: [3 * bins - 1, ...]: here the parameters are the first axis.
        bound: half width of the box.

    Returns:
        x [...], the log-derivative of the inverse [...], and what `invert_spline_backward` needs.
    """
    value, (left, right, bottom, top), derivatives, inside, raw, shares, passed = _locate(
        y, theta, bound, by_height=True
    )
    width, height = right - left, top - bottom
    slope = height / width
    d0, d1 = derivatives.unbind()
    eta = ((value - bottom) / height).clamp(0, 1)
    # The relative position solves a ξ² + b ξ = c; this form of the root has no cancellation.
    bend = torch.add(d0 + d1, slope, alpha=-2)
    b = torch.addcmul(d0, eta, bend, value=-1)
    a, c = slope - b, slope * eta
    discriminant = torch.addcmul(b * b, a, c, value=4).clamp(min=0)
    xi = ((c + c) / (b + discriminant.sqrt())).clamp(0, 1)
    both = xi * (_ONE - xi)
    denominator = torch.addcmul(slope, bend, both)
    log_derivative, numerator = _log_derivative(xi, both, slope, d0, d1, denominator)
    mask = inside.to(y.dtype)
    x = torch.where(inside, torch.addcmul(left, xi, width), y)
    in_bin = (mask, width, height, slope, bend, d0, d1, eta, xi, both, denominator, numerator)
    return x, -log_derivative * mask, SavedSpline(*in_bin, raw, shares, passed)


def invert_spline_backward(
    g_x: Tensor, g_log_derivative: Tensor, saved: SavedSpline, bound: float
) -> tuple[Tensor, Tensor]:
    r"""Return the gradients of y and theta, given those of the results of `invert_spline`.

    With :math:`\eta = (y - y_k) / h_k` the relative height, the position :math:`\xi` is defined by
    :math:`G(\xi; s, d_k, d_{k+1}) = \eta`. By the implicit function theorem

    .. math::
        d\xi = (d\eta - G_s\,ds - G_{d_k} dd_k - G_{d_{k+1}} dd_{k+1}) / G_\xi, \qquad
        G_\xi = s M / D^2

    with the denominator D of the spline and the numerator M of its derivative :math:`s^2 M / D^2`.
    """
    mask, width, height, slope, bend, d0, d1, eta, xi, both, denominator, numerator, *bins = saved
    raw, shares, passed = bins
    gx, gl = g_x * mask, g_log_derivative * mask
    rest, square = _ONE - xi, xi * xi
    d_both = rest - xi  # 1 - 2ξ, the derivative of ξ(1 - ξ)

    # The log-derivative is minus log s²M/D².
    per_m, per_d = gl / numerator, (gl + gl) / denominator
    m_xi = torch.addcmul(d1 * xi, slope, d_both).addcmul_(d0, rest, value=-1)
    g_xi = torch.addcmul(gx * width, per_d * bend, d_both).addcmul_(per_m, m_xi, value=-2)
    g_eta_d = g_xi * denominator / (slope * numerator)  # of η, over D
    common = torch.addcmul(per_d, g_eta_d, eta)
    g_slope = torch.addcmul(common, common + per_m, both, value=-2)
    g_slope = g_slope.addcmul_(g_eta_d, square, value=-1).addcdiv_(gl, slope, value=-2)
    g_d0 = torch.addcmul(both * (common - g_eta_d), per_m, rest * rest, value=-1)
    g_d1 = torch.addcmul(both * common, per_m, square, value=-1)

    g_y = g_eta_d * denominator / height
    per_width = g_slope / width
    g_width = torch.addcmul(gx * xi, per_width, slope, value=-1)
    g_height = torch.addcmul(per_width, g_y, eta, value=-1)

    # A share is the size of its own bin and shifts all knots above it. The last knot is fixed; this
    # needs no special case, because the backward pass of softmax removes any constant that all
    # shares' gradients have in common.
    constants = _constants(shares.shape[1], bound, gx.shape, gx.dtype, gx.device)
    before = torch.cat((passed, constants.zero))
    own = torch.cat((constants.one, passed)) - before
    g_sizes = torch.stack((g_width, g_height)).unsqueeze(1) * own
    g_sizes = g_sizes.addcmul_(torch.stack((gx, -g_y)).unsqueeze(1), before)
    g_shares = torch.ops.aten._softmax_backward_data.default(g_sizes, shares, 1, shares.dtype)
    g_shares *= constants.scale
    g_raw = torch.ops.aten.softplus_backward.default(torch.stack((g_d0, g_d1)), raw, 1, 20)
    g_raw0, g_raw1 = g_raw.unbind()
    g_inner = torch.addcmul(g_raw0 * own[1:], g_raw1, own[:-1])
    return g_y + (g_x - gx), torch.cat((g_shares.flatten(0, 1), g_inner))


def _log_derivative(
    xi: Tensor, both: Tensor, slope: Tensor, d0: Tensor, d1: Tensor, denominator: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the log-derivative of the spline at ξ, and the numerator M in it."""
    rest = _ONE - xi
    numerator = torch.addcmul(d1 * xi * xi, d0 * rest, rest)
    numerator = torch.addcmul(numerator, slope, both, value=2)
    share = slope / denominator
    return (share * share * numerator).log(), numerator


def _locate(
    value: Tensor, theta: Tensor, bound: float, *, by_height: bool
) -> tuple[Tensor, tuple[Tensor, ...], Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Find the bin of each value [...] in the splines of theta [3 * bins - 1, ...].

    Returns:
        The values, clipped to the box (selecting by `where` at the end would not prevent NaN
        gradients); the left, right, bottom and top of their bins [...]; the derivatives at both
        knots of the bin [2, ...]; whether the value is inside the box [...]; the derivatives'
        parameters before softplus [2, ...]; the share of each bin in widths and heights
        [2, bins, ...]; and 1 for each inner knot below the value, else 0 [bins - 1, ...].
    """
    bins = (len(theta) + 1) // 3
    shares = theta[: 2 * bins].reshape(2, bins, *value.shape).softmax(1)
    constants = _constants(bins, bound, value.shape, value.dtype, value.device)
    low, high, zero = constants.low, constants.high, constants.zero
    knots = torch.addcmul(constants.spread, shares[:, :-1].cumsum(1), constants.scale)
    x_knots, y_knots = knots.unbind()
    rows = (low, x_knots, high, low, y_knots, high, zero, theta[2 * bins :], zero)
    table = torch.cat(rows).view(3, bins + 1, *value.shape)

    inside = value.abs() < bound
    clipped = value.clamp(-bound, bound)
    passed = clipped >= (y_knots if by_height else x_knots)
    index = passed.sum(0, keepdim=True)
    ends = torch.cat((index, index + _NEXT)).expand(3, 2, *value.shape)
    left, right, bottom, top, raw0, raw1 = table.gather(1, ends).flatten(0, 1).unbind()
    raw = torch.stack((raw0, raw1)) + constants.identity
    derivatives = F.softplus(raw) + constants.least
    sides = (left, right, bottom, top)
    return clipped, sides, derivatives, inside, raw, shares, passed.to(value.dtype)


class _Constants(NamedTuple):
    """Constants of a spline's shape, as tensors: rows [1, ...], knots [bins - 1, ...], numbers.

    Attributes:
        zero, one, low, high: rows of 0, of 1, and of the two ends of the box.
        spread: the inner knots if each bin had its minimal size.
        scale: the size that a share of 1 adds to its bin.
        identity: added before softplus, so that zero parameters give the derivative 1.
        least: the minimal derivative.
    """

    zero: Tensor
    one: Tensor
    low: Tensor
    high: Tensor
    spread: Tensor
    scale: Tensor
    identity: Tensor
    least: Tensor


@functools.lru_cache(maxsize=16)
@torch.inference_mode(
    False
)  # the cache is shared: tensors made in inference mode cannot be trained
def _constants(
    bins: int, bound: float, shape: torch.Size, dtype: torch.dtype, device: torch.device
) -> _Constants:
    def number(value: float) -> Tensor:
        return torch.tensor(value, dtype=dtype, device=device)

    zero = torch.zeros(1, *shape, dtype=dtype, device=device)
    inner = torch.arange(1, bins, dtype=dtype, device=device).view(-1, *len(shape) * (1,))
    return _Constants(
        zero=zero,
        one=zero + 1,
        low=zero - bound,
        high=zero + bound,
        spread=2 * bound * MIN_BIN * inner - bound,
        scale=number(2 * bound * (1 - MIN_BIN * bins)),
        identity=number(IDENTITY_DERIVATIVE),
        least=number(MIN_DERIVATIVE),
    )
