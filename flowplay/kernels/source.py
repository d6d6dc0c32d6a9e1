# mypy: ignore-errors
"""The kernels themselves: loops over points for numba to compile; nobody imports this to run them.

A chain of layers is a table of integers, a row a layer (`layout.py`); `run_chain` takes points
through it, and comes back with gradients. What each formula is, the modules of `flowplay.flows`
say; tests hold both together.

Inside, the batch is the last axis: a coordinate, unit or parameter of all points of a block is one
row. Rules that keep loops fast and true:

- Every function says its types, and that its arrays do not overlap; without the latter, loops are
  silently compiled one number at a time.
- Every constant is a float32: a Python float would make the whole loop double.
- Fast arithmetic may reorder sums, but not assume that there is no NaN or infinity: broken numbers
  must come out broken. So no comparison may swallow a NaN.
- All are in this one file, whose hash, with those of the other three, names the compiled library:
  numba does not follow imports.
"""

import numba
import numpy as np
from numba import carray, types
from numba.core.cpu import CPUTargetOptions
from numba.core.options import TargetOptions

from flowplay.kernels import layout as lay
from flowplay.kernels import tiles

_FAST = {"reassoc", "nsz", "arcp", "contract", "afn"}

# Numba has this flag, but no name for it among the options of a function.
CPUTargetOptions.noalias = TargetOptions.Mapping("noalias")

_TYPES = {"A": "f4[::1]", "P": "i4[::1]", "i": "i8", "f": "f4"}


def _kernel(signature, fastmath=_FAST, *, inline=False):
    """Compile a function without checks, exceptions and reference counts.

    Args:
        signature: a letter for each argument: A for an array of float32, P for one of int32, i for
            an integer, f for a float32; behind an arrow what it returns.
        fastmath: what LLVM may assume.
        inline: whether it is always a part of who calls it: a call costs 30 ns.
    """
    arguments, _, result = signature.partition(" -> ")
    taken = ", ".join(_TYPES[letter] for letter in arguments)
    return numba.njit(
        f"{_TYPES.get(result, 'void')}({taken})",
        fastmath=fastmath,
        forceinline=inline,
        noalias=True,
        error_model="numpy",
        _nrt=False,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )


f32 = np.float32
_ZERO, _ONE, _TWO, _HALF = f32(0), f32(1), f32(2), f32(0.5)
_LOG2E, _LN2_HIGH, _LN2_LOW = f32(1.4426950408889634), f32(0.693359375), f32(-2.12194440e-4)
_FAR = f32(87)
_SHIFT = f32(1.5 * 2**23 + 127)
_TINY, _INFINITE, _NAN = f32(1.2e-38), f32(np.inf), f32(np.nan)
_SQRT2 = f32(1.4142135623730951)
_ROUNDING = f32(4 * 1.1920929e-7)
_PER_BOUND = f32(1 / lay.LOG_SCALE_BOUND)
_THIRD, _EIGHTH = f32(1 / 3), f32(1 / 8)
_LIPSCHITZ, _SLOPE_RADIUS = f32(lay.LIPSCHITZ), f32(lay.SLOPE_RADIUS)
_NO_UNIT = f32(lay.NO_UNIT)
_MOST_EVALUATIONS = f32(lay.MOST_EVALUATIONS)
_IDENTITY, _LEAST = f32(lay.IDENTITY_DERIVATIVE), f32(lay.MIN_DERIVATIVE)
_MIN_BIN = f32(lay.MIN_BIN)

#: Rows of a panel of a product of matrices: with all its columns 4 or 8 KiB.
_PANEL_ROWS = 64
_PANEL, _SPARE = tiles.space(_PANEL_ROWS * tiles.COLUMNS), tiles.space(tiles.ROWS * tiles.COLUMNS)

_ADD_MOST, _ADD_FOUR, _ADD_TWO, _ADD_ONE = (
    tiles.add_product(rows) for rows in (tiles.ROWS, 4, 2, 1)
)
_ADD_FOUR_BY_THREE, _ADD_FOUR_BY_ONE, _ADD_ONE_BY_THREE, _ADD_ONE_BY_ONE = (
    tiles.add_inner_products(rows, columns) for rows in (4, 1) for columns in (3, 1)
)


# Functions of one number. LLVM's own would be called for each number apart.


@_kernel("f -> f", {"contract"})
def _exp_within(x):
    """Return e^x of x within ±87."""
    # A float32 as large as this has no fractions, so it rounds; its last bits are the exponent.
    shifted = x * _LOG2E + _SHIFT
    whole = shifted - _SHIFT
    r = x - whole * _LN2_HIGH - whole * _LN2_LOW
    p = f32(1.9875691500e-4) * r + f32(1.3981999507e-3)
    p = p * r + f32(8.3334519073e-3)
    p = p * r + f32(4.1665795894e-2)
    p = p * r + f32(1.6666665459e-1)
    p = p * r + f32(5.0000001201e-1)
    power = np.int32(np.float32(shifted).view(np.int32) << 23).view(np.float32)
    return (p * r * r + r + _ONE) * power


@_kernel("f -> f", {"contract"})
def _finite_exp(x):
    """Return e^x; beyond what float32 holds, about its largest number."""
    if x > f32(88.37):
        x = f32(88.37)
    if x < f32(-87.0):
        x = f32(-87.0)
    return _exp_within(x)


@_kernel("f -> f", {"contract"})
def _exp(x):
    # Beyond what float32 holds it is infinite, as in torch: a finite number would hide that.
    return _INFINITE if x > f32(88.722839) else _finite_exp(x)


@_kernel("f -> f", {"contract"})
def _log(x):
    bits = np.float32(x).view(np.int32)
    exponent = f32((bits >> 23) - 127)
    m = np.int32((bits & 0x7FFFFF) | 0x3F800000).view(np.float32)
    large = m > _SQRT2
    m = m * _HALF if large else m
    exponent = exponent + _ONE if large else exponent
    r = m - _ONE
    p = f32(7.0376836292e-2) * r + f32(-1.1514610310e-1)
    p = p * r + f32(1.1676998740e-1)
    p = p * r + f32(-1.2420140846e-1)
    p = p * r + f32(1.4249322787e-1)
    p = p * r + f32(-1.6668057665e-1)
    p = p * r + f32(2.0000714765e-1)
    p = p * r + f32(-2.4999993993e-1)
    p = p * r + f32(3.3333331174e-1)
    y = p * r * r * r + exponent * _LN2_LOW - _HALF * r * r
    y = r + y + exponent * _LN2_HIGH
    y = y if x >= _TINY else -_INFINITE
    y = y if x >= _ZERO else _NAN
    return y if x < _INFINITE or x != x else x


@_kernel("f -> f")
def _bound(raw):
    """What a raw log-scale is multiplied by; its square is the derivative."""
    return _ONE / (_ONE + abs(raw) * _PER_BOUND)


# Sums, products of matrices, and what a network does between them.


@_kernel("AAi -> f")
def _inner_product(x, y, n):
    total = _ZERO
    for j in range(n):
        total += x[j] * y[j]
    return total


@_kernel("Ai -> f")
def _total(x, n):
    total = _ZERO
    for j in range(n):
        total += x[j]
    return total


@_kernel("AfAi", inline=True)
def _add_times(c, p, b, n):
    for j in range(n):
        c[j] += p * b[j]


@_kernel("Ai")
def _clear(c, size):
    for j in range(size):
        c[j] = _ZERO


@_kernel("AAi")
def _copy(c, a, size):
    for j in range(size):
        c[j] = a[j]


@_kernel("AAi")
def _add(c, a, size):
    for j in range(size):
        c[j] += a[j]


@_kernel("AAAiiiiiiii", inline=True)
def _add_tile(c, a, b, high, at, n, start, by_row, by_inner, b_row, inner):
    if high == tiles.ROWS:
        _ADD_MOST(c, a, b, at, n, start, by_row, by_inner, b_row, inner)
    elif high == 4:
        _ADD_FOUR(c, a, b, at, n, start, by_row, by_inner, b_row, inner)
    elif high == 2:
        _ADD_TWO(c, a, b, at, n, start, by_row, by_inner, b_row, inner)
    else:
        _ADD_ONE(c, a, b, at, n, start, by_row, by_inner, b_row, inner)


@_kernel("AAAAiiiiiiiii")
def _add_tiles(c, a, b, spare, rows, at, n, start, by_row, by_inner, b_row, inner, wide):
    """Add A times as many columns of B as a tile has, of which C has so many, to those of C."""
    i = 0
    while i < rows:
        first, to = start + i * by_row, at + i * n
        left = rows - i
        high = tiles.ROWS if left >= tiles.ROWS else (4 if left >= 4 else (2 if left >= 2 else 1))
        if wide < tiles.COLUMNS:
            _clear(spare, high * tiles.COLUMNS)
            _add_tile(spare, a, b, high, 0, tiles.COLUMNS, first, by_row, by_inner, b_row, inner)
            for m in range(high):
                _add(c[to + m * n :], spare[m * tiles.COLUMNS :], wide)
        else:
            _add_tile(c, a, b, high, to, n, first, by_row, by_inner, b_row, inner)
        i += high


@_kernel("AAAiiiii")
def _multiply(c, a, b, rows, inner, n, by_row, by_inner):
    """Add A B to C [rows, n]; A[i, k] is a[i * by_row + k * by_inner], B [inner, n].

    For many rows a panel of B, some of its rows and as many columns as a tile has, is copied into
    one piece first: in B they may lie where the fastest cache cannot hold them together.
    """
    panel, spare = _PANEL(), _SPARE()
    for k in range(0, inner, _PANEL_ROWS):
        depth = min(_PANEL_ROWS, inner - k)
        for start in range(0, n, tiles.COLUMNS):
            wide, first = min(tiles.COLUMNS, n - start), k * by_inner
            if rows <= 4 and wide == tiles.COLUMNS:
                here = b[k * n + start :]
                _add_tiles(
                    c, a, here, spare, rows, start, n, first, by_row, by_inner, n, depth, wide
                )
                continue
            for m in range(depth):
                row, to = b[(k + m) * n + start :], panel[m * tiles.COLUMNS :]
                if wide < tiles.COLUMNS:
                    _clear(to, tiles.COLUMNS)
                    _copy(to, row, wide)
                else:
                    for j in range(tiles.COLUMNS):
                        to[j] = row[j]
            _add_tiles(
                c,
                a,
                panel,
                spare,
                rows,
                start,
                n,
                first,
                by_row,
                by_inner,
                tiles.COLUMNS,
                depth,
                wide,
            )


@_kernel("AAAiii")
def _multiply_transposed(c, a, b, rows, columns, n):
    """Add A Bᵀ to C [rows, columns]; A [rows, n], B [columns, n]."""
    terms = n // tiles.POINTS
    done = terms * tiles.POINTS
    i = 0
    while i < rows:
        high = 4 if i + 4 <= rows else 1
        k = 0
        while k < columns:
            wide = 3 if k + 3 <= columns else 1
            at = i * columns + k
            if high == 4 and wide == 3:
                _ADD_FOUR_BY_THREE(c, a, b, at, columns, i, k, n, terms)
            elif high == 4:
                _ADD_FOUR_BY_ONE(c, a, b, at, columns, i, k, n, terms)
            elif wide == 3:
                _ADD_ONE_BY_THREE(c, a, b, at, columns, i, k, n, terms)
            else:
                _ADD_ONE_BY_ONE(c, a, b, at, columns, i, k, n, terms)
            k += wide
        i += high
    if done < n:
        for i in range(rows):
            for k in range(columns):
                rest = _inner_product(a[i * n + done :], b[k * n + done :], n - done)
                c[i * columns + k] += rest


@_kernel("AAii")
def _fill_rows(c, values, rows, n):
    for i in range(rows):
        value, row = values[i], c[i * n :]
        for j in range(n):
            row[j] = value


@_kernel("AAii")
def _add_rows(sums, c, rows, n):
    """Add the sum of each row of C to `sums`."""
    for i in range(rows):
        sums[i] += _total(c[i * n :], n)


@_kernel("Afi")
def _fill(x, value, n):
    for j in range(n):
        x[j] = value


@_kernel("AAi")
def _scale_by(c, a, size):
    for j in range(size):
        c[j] *= a[j]


@_kernel("AAAi")
def _product(c, a, b, size):
    for j in range(size):
        c[j] = a[j] * b[j]


@_kernel("f -> f", inline=True)
def _logistic_denominator(a):
    """Return 1 + e^-a."""
    # Bounds are cheaper before the sign is turned. A NaN that they take is in a itself.
    a = a if a < _FAR else _FAR
    a = a if a > -_FAR else -_FAR
    return _ONE + _exp_within(-a)


@_kernel("Ai")
def _silu(h, size):
    """Replace h by SiLU(h)."""
    for j in range(size):
        a = h[j]
        h[j] = a / _logistic_denominator(a)


@_kernel("AAi")
def _silu_and_slope(h, slope, size):
    """Replace h by SiLU(h), and write its derivative."""
    for j in range(size):
        a = h[j]
        sigmoid = _ONE / _logistic_denominator(a)
        value = a * sigmoid
        h[j] = value
        slope[j] = sigmoid + value * (_ONE - sigmoid)


@_kernel("AAii", inline=True)
def _activate(h, slope, slopes, size):
    if slopes:
        _silu_and_slope(h, slope, size)
    else:
        _silu(h, size)


@_kernel("AiiiAAAAAAii")
def _network(w, inputs, width, outputs, x, h1, h2, s1, s2, theta, slopes, n):
    """Two hidden layers of SiLU units: x [inputs, n] to theta [outputs, n]."""
    w2 = width * inputs + width
    w3 = w2 + width * width + width
    _fill_rows(h1, w[width * inputs :], width, n)
    _multiply(h1, w, x, width, inputs, n, inputs, 1)
    _activate(h1, s1, slopes, width * n)
    _fill_rows(h2, w[w2 + width * width :], width, n)
    _multiply(h2, w[w2:], h1, width, width, n, width, 1)
    _activate(h2, s2, slopes, width * n)
    _fill_rows(theta, w[w3 + outputs * width :], outputs, n)
    _multiply(theta, w[w3:], h2, outputs, width, n, width, 1)


@_kernel("AiiiAAAAAAi")
def _network_inputs_back(w, inputs, width, outputs, s1, s2, g_theta, g_x, g1, g2, n):
    """Write the gradient of a network's inputs, and into g1 and g2 those of its hidden sums."""
    w2 = width * inputs + width
    w3 = w2 + width * width + width
    _clear(g2, width * n)
    _multiply(g2, w[w3:], g_theta, width, outputs, n, 1, width)
    _scale_by(g2, s2, width * n)
    _clear(g1, width * n)
    _multiply(g1, w[w2:], g2, width, width, n, 1, width)
    _scale_by(g1, s1, width * n)
    _clear(g_x, inputs * n)
    _multiply(g_x, w, g1, inputs, width, n, 1, inputs)


@_kernel("iiiAAAAAAAi")
def _network_weights_back(inputs, width, outputs, x, h1, h2, g_theta, g1, g2, g_w, n):
    """Add the gradients of a network's weights to g_w."""
    w2 = width * inputs + width
    w3 = w2 + width * width + width
    _multiply_transposed(g_w[w3:], g_theta, h2, outputs, width, n)
    _add_rows(g_w[w3 + outputs * width :], g_theta, outputs, n)
    _multiply_transposed(g_w[w2:], g2, h1, width, width, n)
    _add_rows(g_w[w2 + width * width :], g2, width, n)
    _multiply_transposed(g_w, g1, x, width, inputs, n)
    _add_rows(g_w[width * inputs :], g1, width, n)


# Transformers: one coordinate of all points each.


@_kernel("AAAAAAi")
def _affine(x, raw, shift, z, log_det, shrink, n):
    for j in range(n):
        log_shrink = -raw[j] * _bound(raw[j])
        factor = _finite_exp(log_shrink)
        shrink[j] = factor
        z[j] = (x[j] - shift[j]) * factor
        log_det[j] += log_shrink


@_kernel("AAAAAAi")
def _affine_back(z, shrink, g_log_det, raw, shift, g, n):
    """Replace g by the gradient of x, raw and shift by theirs."""
    for j in range(n):
        bound = _bound(raw[j])
        raw[j] = -(g_log_det[j] + g[j] * z[j]) * bound * bound
        g[j] = g[j] * shrink[j]
        shift[j] = -g[j]


@_kernel("AAAi")
def _additive(x, shift, z, n):
    for j in range(n):
        z[j] = x[j] - shift[j]


@_kernel("AAi")
def _additive_back(g, shift, n):
    for j in range(n):
        shift[j] = -g[j]


@_kernel("AAAii")
def _softmax(rows, largest, total, count, n):
    """Replace rows by their softmax; write their largest values, and one over the sums."""
    for j in range(n):
        largest[j] = rows[j]
        total[j] = _ZERO
    for k in range(1, count):
        row = rows[k * n :]
        for j in range(n):
            largest[j] = largest[j] if largest[j] > row[j] else row[j]
    for k in range(count):
        row = rows[k * n :]
        for j in range(n):
            # A NaN in any row need not be the largest, but its term is one.
            value = _finite_exp(row[j] - largest[j])
            row[j] = value
            total[j] += value
    for j in range(n):
        total[j] = _ONE / total[j]
    for k in range(count):
        _scale_by(rows[k * n :], total, n)


@_kernel("AAAAAAAAAAAAAiif")
def _locate(
    y,
    widths,
    heights,
    slopes,
    left,
    bottom,
    width,
    height,
    raw0,
    raw1,
    index,
    cx,
    cy,
    bins,
    n,
    bound,
):
    """Find the bin of each value by its height, clipped to the box."""
    scale = _TWO * bound * (_ONE - _MIN_BIN * f32(bins))
    least = _TWO * bound * _MIN_BIN
    for j in range(n):
        left[j] = -bound
        bottom[j] = -bound
        width[j] = least + scale * widths[j]
        height[j] = least + scale * heights[j]
        raw0[j] = _ZERO
        raw1[j] = _ZERO
        index[j] = _ZERO
        cx[j] = width[j] - bound
        cy[j] = height[j] - bound
    for k in range(1, bins):
        width_row, height_row = widths[k * n :], heights[k * n :]
        for j in range(n):
            passed = y[j] >= cy[j]
            w = least + scale * width_row[j]
            h = least + scale * height_row[j]
            left[j] = cx[j] if passed else left[j]
            bottom[j] = cy[j] if passed else bottom[j]
            width[j] = w if passed else width[j]
            height[j] = h if passed else height[j]
            index[j] = f32(k) if passed else index[j]
            cx[j] += w
            cy[j] += h
    for k in range(1, bins):
        slope = slopes[(k - 1) * n :]
        for j in range(n):
            raw0[j] = slope[j] if index[j] == f32(k) else raw0[j]
            raw1[j] = slope[j] if index[j] == f32(k - 1) else raw1[j]


@_kernel("f -> f")
def _softplus(raw):
    positive = raw if raw > _ZERO or raw != raw else _ZERO
    return positive + _log(_ONE + _finite_exp(-abs(raw)))


@_kernel("f -> f")
def _sigmoid(raw):
    return _ONE / (_ONE + _finite_exp(-raw))


@_kernel("AAAAAAAAAAAAAif")
def _spline(
    y,
    left,
    bottom,
    width,
    height,
    raw0,
    raw1,
    x,
    log_det,
    xi_row,
    eta_row,
    d0_row,
    d1_row,
    n,
    bound,
):
    """Solve the bin's quadratic; replace both raw derivatives by the derivative of softplus."""
    for j in range(n):
        value = y[j]
        mask = _ONE if abs(value) < bound else _ZERO
        clipped = bound if value > bound else value
        clipped = -bound if clipped < -bound else clipped
        r0, r1 = raw0[j] + _IDENTITY, raw1[j] + _IDENTITY
        d0, d1 = _softplus(r0) + _LEAST, _softplus(r1) + _LEAST
        slope = height[j] / width[j]
        eta = (clipped - bottom[j]) / height[j]
        eta = _ZERO if eta < _ZERO else eta
        eta = _ONE if eta > _ONE else eta
        bend = d0 + d1 - _TWO * slope
        b = d0 - eta * bend
        a, c = slope - b, slope * eta
        discriminant = b * b + f32(4) * a * c
        discriminant = _ZERO if discriminant < _ZERO else discriminant
        xi = _TWO * c / (b + np.sqrt(discriminant))
        xi = _ZERO if xi < _ZERO else xi
        xi = _ONE if xi > _ONE else xi
        rest = _ONE - xi
        both = xi * rest
        share = slope / (slope + bend * both)
        m = d1 * xi * xi + d0 * rest * rest + _TWO * slope * both
        x[j] = left[j] + xi * width[j] if mask == _ONE else value
        log_det[j] -= _log(share * share * m) * mask
        xi_row[j], eta_row[j], d0_row[j], d1_row[j] = xi, eta, d0, d1
        raw0[j], raw1[j] = _sigmoid(r0), _sigmoid(r1)


@_kernel("AAAAAAAAAAAAAif")
def _spline_back(
    y,
    xi_row,
    eta_row,
    d0_row,
    d1_row,
    s0,
    s1,
    g_log_det,
    g,
    g_width,
    g_height,
    g_left,
    g_bottom,
    n,
    bound,
):
    """Write the gradients of the bin's sides, and those of its raw derivatives over s0 and s1.

    On entry `g_width` and `g_height` are the bin's width and height, g is the gradient of the
    result; on exit it is that of y.
    """
    for j in range(n):
        mask = _ONE if abs(y[j]) < bound else _ZERO
        width, height = g_width[j], g_height[j]
        xi, eta, d0, d1 = xi_row[j], eta_row[j], d0_row[j], d1_row[j]
        slope = height / width
        bend = d0 + d1 - _TWO * slope
        rest, square = _ONE - xi, xi * xi
        both = xi * rest
        denominator = slope + bend * both
        m = d1 * square + d0 * rest * rest + _TWO * slope * both
        g_x = g[j]
        gx, gl = g_x * mask, g_log_det[j] * mask
        d_both = rest - xi
        per_m, per_d = gl / m, (gl + gl) / denominator
        m_xi = d1 * xi + slope * d_both - d0 * rest
        g_xi = gx * width + per_d * bend * d_both - _TWO * per_m * m_xi
        g_eta_d = g_xi * denominator / (slope * m)
        common = per_d + g_eta_d * eta
        g_slope = common - _TWO * (common + per_m) * both - g_eta_d * square - _TWO * gl / slope
        g_d0 = both * (common - g_eta_d) - per_m * rest * rest
        g_d1 = both * common - per_m * square
        g_y = g_eta_d * denominator / height
        per_width = g_slope / width
        g_width[j] = gx * xi - per_width * slope
        g_height[j] = per_width - g_y * eta
        g_left[j] = gx
        g_bottom[j] = -g_y
        s0[j] = g_d0 * s0[j]
        s1[j] = g_d1 * s1[j]
        g[j] = g_y + (g_x - gx)


@_kernel("AAAAAiif")
def _shares_back(shares, index, g_own, g_before, total, bins, n, bound):
    """Replace shares of bins by the gradients of their raw sizes.

    A share is the size of its own bin and shifts all knots above it. The last knot is fixed; this
    needs no special case, as softmax removes what all shares' gradients have in common.
    """
    scale = _TWO * bound * (_ONE - _MIN_BIN * f32(bins))
    for j in range(n):
        total[j] = _ZERO
    for k in range(bins):
        row = shares[k * n :]
        for j in range(n):
            g = g_own[j] if index[j] == f32(k) else (g_before[j] if index[j] > f32(k) else _ZERO)
            total[j] += g * row[j]
    for k in range(bins):
        row = shares[k * n :]
        for j in range(n):
            g = g_own[j] if index[j] == f32(k) else (g_before[j] if index[j] > f32(k) else _ZERO)
            row[j] *= scale * (g - total[j])


@_kernel("AAAAii")
def _slopes_back(slopes, index, g0, g1, bins, n):
    """Write the gradients of the inner knots' raw derivatives."""
    for k in range(1, bins):
        row = slopes[(k - 1) * n :]
        for j in range(n):
            g = g0[j] if index[j] == f32(k) else _ZERO
            row[j] = g1[j] if index[j] == f32(k - 1) else g


@_kernel("AAAAAAAAAAi")
def _component(
    x, log_weight, mean, raw, t_row, inverse_row, sigma_row, below_row, above_row, density_row, n
):
    """The logs of one component's terms in F, in 1 - F and in the density."""
    for j in range(n):
        log_scale = raw[j] * _bound(raw[j])
        inverse = _finite_exp(-log_scale)
        t = (x[j] - mean[j]) * inverse
        e = _finite_exp(-abs(t))
        below = (_ZERO if t > _ZERO else t) - _log(_ONE + e)
        above = below - t
        inverse_row[j] = inverse
        t_row[j] = t
        sigma_row[j] = (_ONE if t > _ZERO else e) / (_ONE + e)
        below_row[j] = below + log_weight[j]
        above_row[j] = above + log_weight[j]
        density_row[j] = below + above - log_scale + log_weight[j]


@_kernel("AAAii")
def _log_sum(rows, result, inverse, count, n):
    """Write the log of the sum of the exponentials of rows; replace each by its share in it."""
    _softmax(rows, result, inverse, count, n)
    for j in range(n):
        result[j] -= _log(inverse[j])


@_kernel("AAii")
def _subtract_from_rows(rows, value, count, n):
    for k in range(count):
        row = rows[k * n :]
        for j in range(n):
            row[j] -= value[j]


@_kernel("AAAAAAAAAi")
def _logit_affine(log_cdf, log_complement, log_density, raw_a, b, z, log_det, logit_row, a_row, n):
    for j in range(n):
        log_a = raw_a[j] * _bound(raw_a[j])
        a = _finite_exp(log_a)
        logit = log_cdf[j] - log_complement[j]
        z[j] = b[j] + logit * a
        log_det[j] += log_density[j] - log_cdf[j] - log_complement[j] + log_a
        logit_row[j], a_row[j] = logit, a


@_kernel("AAAAAAAi")
def _logit_affine_back(g, g_log_det, logit, a, raw_a, b, g_x, n):
    """Replace raw a and b by their gradients, and g by that of the logit; clear that of x."""
    for j in range(n):
        g_logit = g[j] * a[j]
        bound = _bound(raw_a[j])
        raw_a[j] = (g_log_det[j] + g_logit * logit[j]) * bound * bound
        b[j] = g[j]
        g[j] = g_logit
        g_x[j] = _ZERO


@_kernel("AAAAAAAAAAAAAi")
def _component_back(
    g_logit,
    g_log_det,
    t_row,
    inverse,
    sigma,
    below,
    above,
    density,
    weight,
    mean,
    raw,
    g_x,
    total,
    n,
):
    for j in range(n):
        of_cdf = (g_logit[j] - g_log_det[j]) * below[j]
        of_complement = -(g_logit[j] + g_log_det[j]) * above[j]
        of_density = g_log_det[j] * density[j]
        g_weight = of_cdf + of_complement + of_density
        g_t = of_cdf + of_density - sigma[j] * (g_weight + of_density)
        g_shift = g_t * inverse[j]
        bound = _bound(raw[j])
        weight[j] = g_weight
        mean[j] = -g_shift
        raw[j] = -(of_density + g_t * t_row[j]) * bound * bound
        g_x[j] += g_shift
        total[j] += g_weight


@_kernel("AAAii")
def _weights_back(g, log_weights, total, count, n):
    for k in range(count):
        row, log_weight = g[k * n :], log_weights[k * n :]
        for j in range(n):
            row[j] -= _finite_exp(log_weight[j]) * total[j]


@_kernel("iifAAAAAAi")
def _transform(kind, k, bound, x, theta, z, log_det, kept, scratch, n):
    """Normalize one coordinate; theta [P, n] is changed to what `_transform_back` needs."""
    if kind == lay.ADDITIVE:
        _additive(x, theta, z, n)
    elif kind == lay.AFFINE:
        _affine(x, theta, theta[n:], z, log_det, kept, n)
    elif kind == lay.SPLINE:
        _softmax(theta, scratch, scratch[n:], k, n)
        _softmax(theta[k * n :], scratch, scratch[n:], k, n)
        _locate(
            x,
            theta,
            theta[k * n :],
            theta[2 * k * n :],
            scratch,
            scratch[n:],
            kept,
            kept[n:],
            kept[2 * n :],
            kept[3 * n :],
            kept[4 * n :],
            scratch[2 * n :],
            scratch[3 * n :],
            k,
            n,
            bound,
        )
        _spline(
            x,
            scratch,
            scratch[n:],
            kept,
            kept[n:],
            kept[2 * n :],
            kept[3 * n :],
            z,
            log_det,
            kept[5 * n :],
            kept[6 * n :],
            kept[7 * n :],
            kept[8 * n :],
            n,
            bound,
        )
    else:
        rows = k * n
        # Log-weights; the shares that are computed on the way are not needed.
        _copy(kept, theta, rows)
        _log_sum(kept, scratch, scratch[n:], k, n)
        _copy(kept, theta, rows)
        _subtract_from_rows(kept, scratch, k, n)
        for i in range(k):
            o = i * n
            _component(
                x,
                kept[o:],
                theta[rows + o :],
                theta[2 * rows + o :],
                kept[rows + o :],
                kept[2 * rows + o :],
                kept[3 * rows + o :],
                kept[4 * rows + o :],
                kept[5 * rows + o :],
                kept[6 * rows + o :],
                n,
            )
        for i in range(3):
            _log_sum(kept[(4 + i) * rows :], scratch[i * n :], scratch[3 * n :], k, n)
        _logit_affine(
            scratch,
            scratch[n:],
            scratch[2 * n :],
            theta[3 * rows :],
            theta[3 * rows + n :],
            z,
            log_det,
            kept[7 * rows :],
            kept[7 * rows + n :],
            n,
        )


@_kernel("iifAAAAAAAi")
def _transform_back(kind, k, bound, x, z, theta, kept, g_log_det, g, scratch, n):
    """Replace theta by its gradient, and g, the gradient of z, by that of x."""
    if kind == lay.ADDITIVE:
        _additive_back(g, theta, n)
    elif kind == lay.AFFINE:
        _affine_back(z, kept, g_log_det, theta, theta[n:], g, n)
    elif kind == lay.SPLINE:
        _spline_back(
            x,
            kept[5 * n :],
            kept[6 * n :],
            kept[7 * n :],
            kept[8 * n :],
            kept[2 * n :],
            kept[3 * n :],
            g_log_det,
            g,
            kept,
            kept[n:],
            scratch,
            scratch[n:],
            n,
            bound,
        )
        index = kept[4 * n :]
        _shares_back(theta, index, kept, scratch, scratch[2 * n :], k, n, bound)
        _shares_back(theta[k * n :], index, kept[n:], scratch[n:], scratch[2 * n :], k, n, bound)
        _slopes_back(theta[2 * k * n :], index, kept[2 * n :], kept[3 * n :], k, n)
    else:
        rows = k * n
        _logit_affine_back(
            g,
            g_log_det,
            kept[7 * rows :],
            kept[7 * rows + n :],
            theta[3 * rows :],
            theta[3 * rows + n :],
            scratch,
            n,
        )
        _clear(scratch[n:], n)
        for i in range(k):
            o = i * n
            _component_back(
                g,
                g_log_det,
                kept[rows + o :],
                kept[2 * rows + o :],
                kept[3 * rows + o :],
                kept[4 * rows + o :],
                kept[5 * rows + o :],
                kept[6 * rows + o :],
                theta[o:],
                theta[rows + o :],
                theta[2 * rows + o :],
                scratch,
                scratch[n:],
                n,
            )
        _weights_back(theta, kept, scratch[n:], k, n)
        _copy(g, scratch, n)


# The same maps from z to x.


@_kernel("AAAAAi")
def _generate_affine(z, raw, shift, x, log_det, n):
    for j in range(n):
        log_scale = raw[j] * _bound(raw[j])
        x[j] = z[j] * _finite_exp(log_scale) + shift[j]
        log_det[j] += log_scale


@_kernel("AAAAAAi")
def _generate_affine_back(x, raw, shift, g_x, g_log_det, g_theta, n):
    """Write the gradients of raw and shift into two rows."""
    g_raw, g_shift = g_theta, g_theta[n:]
    for j in range(n):
        bound = _bound(raw[j])
        g_raw[j] = (g_log_det[j] + g_x[j] * (x[j] - shift[j])) * bound * bound
        g_shift[j] = g_x[j]


@_kernel("AAi")
def _grow(g, raw, n):
    """Multiply by the derivative of an affine map from z to x."""
    for j in range(n):
        g[j] *= _finite_exp(raw[j] * _bound(raw[j]))


@_kernel("AAAi")
def _generate_additive(z, shift, x, n):
    for j in range(n):
        x[j] = z[j] + shift[j]


@_kernel("AAAAAAAAAif")
def _generate_spline(z, left, bottom, width, height, raw0, raw1, x, log_det, n, bound):
    for j in range(n):
        value = z[j]
        mask = _ONE if abs(value) < bound else _ZERO
        d0 = _softplus(raw0[j] + _IDENTITY) + _LEAST
        d1 = _softplus(raw1[j] + _IDENTITY) + _LEAST
        slope = height[j] / width[j]
        xi = (value - left[j]) / width[j]
        xi = _ZERO if xi < _ZERO else xi
        xi = _ONE if xi > _ONE else xi
        rest = _ONE - xi
        both = xi * rest
        denominator = slope + (d0 + d1 - _TWO * slope) * both
        share = slope / denominator
        m = d1 * xi * xi + d0 * rest * rest + _TWO * slope * both
        y = bottom[j] + height[j] * (slope * xi * xi + d0 * both) / denominator
        x[j] = y if mask == _ONE else value
        log_det[j] += _log(share * share * m) * mask


@_kernel("AAAAAAAAii")
def _root_bracket(target, raw_a, b, means, raws, lower, upper, x, k, n):
    """Replace z in `target` by the logit that is wanted; bracket x by the components' own roots."""
    for j in range(n):
        target[j] = (target[j] - b[j]) * _finite_exp(-raw_a[j] * _bound(raw_a[j]))
        lower[j], upper[j] = _INFINITE, -_INFINITE
    for i in range(k):
        mean, raw = means[i * n :], raws[i * n :]
        for j in range(n):
            root = mean[j] + _finite_exp(raw[j] * _bound(raw[j])) * target[j]
            lower[j] = lower[j] if lower[j] < root else root
            upper[j] = upper[j] if upper[j] > root else root
    for j in range(n):
        least, most = abs(lower[j]), abs(upper[j])
        margin = f32(1e-3) * (_ONE + (most if most > least else least))
        lower[j] -= margin
        upper[j] += margin
        x[j] = _HALF * (lower[j] + upper[j])


@_kernel("AAAAAAAAi -> f")
def _root_step(target, log_cdf, log_complement, log_density, lower, upper, step, x, n):
    """Take a step of Newton's method, or halve the bracket; return how many have not arrived."""
    moving = _ZERO
    for j in range(n):
        a = x[j]
        value = log_cdf[j] - log_complement[j] - target[j]
        newton = a - value * _exp(log_cdf[j] + log_complement[j] - log_density[j])
        low = a if value <= _ZERO else lower[j]
        high = a if value >= _ZERO else upper[j]
        width = abs(newton - a)
        fast = newton > low and newton < high and width <= _HALF * step[j]
        moved = newton if fast else _HALF * (low + high)
        width = abs(moved - a)
        width = width if width < high - low else high - low
        lower[j], upper[j], step[j], x[j] = low, high, width, moved
        moving += _ONE if width > _ROUNDING * (_ONE + abs(moved)) else _ZERO
    return moving


@_kernel("AAAAAAAii")
def _mixture_logs(x, log_weights, means, raws, kept, sums, spare, k, n):
    """Write the logs of F, of 1 - F and of the density at x into three rows of `sums`."""
    rows = k * n
    for i in range(k):
        o = i * n
        _component(
            x,
            log_weights[o:],
            means[o:],
            raws[o:],
            kept[o:],
            kept[rows + o :],
            kept[2 * rows + o :],
            kept[3 * rows + o :],
            kept[4 * rows + o :],
            kept[5 * rows + o :],
            n,
        )
    for i in range(3):
        _log_sum(kept[(3 + i) * rows :], sums[i * n :], spare, k, n)


@_kernel("AAAAAAii")
def _generate_mixture(z, theta, x, log_det, kept, scratch, k, n):
    """Solve for x by Newton's method within a bracket; what does not converge is NaN."""
    rows = k * n
    log_weights, means, raws = kept, theta[rows:], theta[2 * rows :]
    raw_a, b = theta[3 * rows :], theta[3 * rows + n :]
    sums, spare = scratch, scratch[3 * n :]
    target, lower, upper, step = (
        scratch[4 * n :],
        scratch[5 * n :],
        scratch[6 * n :],
        scratch[7 * n :],
    )
    _copy(kept, theta, rows)
    _log_sum(theta, sums, spare, k, n)
    _subtract_from_rows(kept, sums, k, n)
    _copy(target, z, n)
    _root_bracket(target, raw_a, b, means, raws, lower, upper, x, k, n)
    for j in range(n):
        step[j] = upper[j] - lower[j]
    moving = _ONE
    tries = 0
    while moving > _ZERO and tries < lay.MOST_ROOT_STEPS:
        _mixture_logs(x, log_weights, means, raws, kept[rows:], sums, spare, k, n)
        moving = _root_step(target, sums, sums[n:], sums[2 * n :], lower, upper, step, x, n)
        tries += 1
    _mixture_logs(x, log_weights, means, raws, kept[rows:], sums, spare, k, n)
    for j in range(n):
        log_slope = sums[2 * n + j] - sums[j] - sums[n + j]
        value = sums[j] - sums[n + j] - target[j]
        found = step[j] <= _ROUNDING * (_ONE + abs(x[j]))
        x[j] = x[j] - value * _exp(-log_slope) if found else _NAN
        log_det[j] -= log_slope + raw_a[j] * _bound(raw_a[j])


@_kernel("iifAAAAAAi")
def _generate_map(kind, k, bound, z, theta, x, log_det, kept, scratch, n):
    """Generate one coordinate; theta [P, n] is overwritten."""
    if kind == lay.ADDITIVE:
        _generate_additive(z, theta, x, n)
    elif kind == lay.AFFINE:
        _generate_affine(z, theta, theta[n:], x, log_det, n)
    elif kind == lay.SPLINE:
        _softmax(theta, scratch, scratch[n:], k, n)
        _softmax(theta[k * n :], scratch, scratch[n:], k, n)
        # By its width: `_locate` finds bins by the second of two sides.
        _locate(
            z,
            theta[k * n :],
            theta,
            theta[2 * k * n :],
            scratch,
            scratch[n:],
            kept,
            kept[n:],
            kept[2 * n :],
            kept[3 * n :],
            kept[4 * n :],
            scratch[2 * n :],
            scratch[3 * n :],
            k,
            n,
            bound,
        )
        _generate_spline(
            z,
            scratch[n:],
            scratch,
            kept[n:],
            kept,
            kept[2 * n :],
            kept[3 * n :],
            x,
            log_det,
            n,
            bound,
        )
    else:
        _generate_mixture(z, theta, x, log_det, kept, scratch, k, n)


# Layers.


@_kernel("AAffi")
def _shift_and_scale(x, z, shift, factor, n):
    for j in range(n):
        z[j] = (x[j] - shift) * factor


@_kernel("Afi")
def _add_number(x, value, n):
    for j in range(n):
        x[j] += value


@_kernel("Afi")
def _times_number(x, value, n):
    for j in range(n):
        x[j] *= value


@_kernel("AAAAi")
def _linear_matrices(w, constants, upper, matrix, dim):
    """Write U, and then L U, of an invertible linear layer; the rows of W are permuted later."""
    size = dim * dim
    for i in range(dim):
        for k in range(dim):
            value = w[size + i * dim + k] if k > i else _ZERO
            if k == i:
                value = constants[i] * _exp(w[2 * size + i])
            upper[i * dim + k] = value
    for i in range(dim):
        for k in range(dim):
            s = upper[i * dim + k]
            for m in range(i):
                s += w[i * dim + m] * upper[m * dim + k]
            matrix[i * dim + k] = s


@_kernel("PAAAAAii")
def _scaling(row, weights, constants, x, z, log_det, dim, n):
    """z = (x - shift) * factor for each coordinate."""
    w, c, learned = row[lay.WEIGHTS], row[lay.CONSTANTS], row[lay.LEARNED]
    total = _ZERO
    for i in range(dim):
        shift = _ZERO
        if learned:
            log_scale = weights[w + i]
            factor = _exp(-log_scale)
            if learned == 2:
                shift = weights[w + dim + i]
        else:
            shift, log_scale = constants[c + i], _log(constants[c + dim + i])
            factor = _ONE / constants[c + dim + i]
        _shift_and_scale(x[i * n :], z[i * n :], shift, factor, n)
        total -= log_scale
    _add_number(log_det, total, n)


@_kernel("PAAAAAAii")
def _scaling_back(row, weights, constants, z, g, g_log_det, g_weights, dim, n):
    w, c, learned = row[lay.WEIGHTS], row[lay.CONSTANTS], row[lay.LEARNED]
    for i in range(dim):
        if not learned:
            _times_number(g[i * n :], _ONE / constants[c + dim + i], n)
            continue
        g_weights[w + i] -= _inner_product(g[i * n :], z[i * n :], n) + _total(g_log_det, n)
        _times_number(g[i * n :], _exp(-weights[w + i]), n)
        if learned == 2:
            g_weights[w + dim + i] -= _total(g[i * n :], n)


@_kernel("PPAAAAAAii")
def _linear(program, row, weights, constants, x, z, log_det, matrices, dim, n):
    """z = P L U x."""
    w = row[lay.WEIGHTS]
    size = dim * dim
    _linear_matrices(weights[w:], constants[row[lay.CONSTANTS] :], matrices, matrices[size:], dim)
    total = _ZERO
    for i in range(dim):
        total += weights[w + 2 * size + i]
        _clear(z[i * n :], n)
        permuted = program[row[lay.LISTS] + i]
        for k in range(dim):
            _add_times(z[i * n :], matrices[size + permuted * dim + k], x[k * n :], n)
    _add_number(log_det, total, n)


@_kernel("PPAAAAAAAAii")
def _linear_back(
    program, row, weights, constants, x, g, g_log_det, g_weights, g_x, matrices, dim, n
):
    w, size = row[lay.WEIGHTS], dim * dim
    upper, matrix, factors = matrices, matrices[size:], matrices[2 * size :]
    _linear_matrices(weights[w:], constants[row[lay.CONSTANTS] :], upper, matrix, dim)
    _clear(factors, size)
    _clear(g_x, dim * n)
    for i in range(dim):
        permuted = program[row[lay.LISTS] + i]
        _multiply_transposed(factors[permuted * dim :], g[i * n :], x, 1, dim, n)
        for k in range(dim):
            _add_times(g_x[k * n :], matrix[permuted * dim + k], g[i * n :], n)
    for i in range(dim):
        for k in range(dim):
            s = _ZERO
            if k < i:
                for m in range(dim):
                    s += factors[i * dim + m] * upper[k * dim + m]
                g_weights[w + i * dim + k] += s
                continue
            s = factors[i * dim + k]
            for m in range(i + 1, dim):
                s += weights[w + m * dim + i] * factors[m * dim + k]
            if k > i:
                g_weights[w + size + i * dim + k] += s
            else:
                s = s * upper[i * dim + i] + _total(g_log_det, n)
                g_weights[w + 2 * size + i] += s
    _copy(g, g_x, dim * n)


@_kernel("AAii")
def _read(row, state, coordinate, n):
    if coordinate == lay.ONES:
        _fill(row, _ONE, n)
    else:
        _copy(row, state[coordinate * n :], n)


@_kernel("PPAAAi")
def _parameters(program, row, w, state, own, n):
    """Let the network read coordinates of a state; theta is behind what it reads."""
    width, inputs, hidden = row[lay.WIDTH], row[lay.INPUTS], row[lay.HIDDEN]
    read, layer = own[hidden * n :], width * n
    for i in range(inputs):
        _read(read[i * n :], state, program[row[lay.LISTS] + i], n)
    _network(
        w,
        inputs,
        width,
        row[lay.MAPPED] * row[lay.PARAMETERS],
        read,
        own,
        own[layer:],
        own[2 * layer :],
        own[3 * layer :],
        read[inputs * n :],
        hidden > 2 * width,
        n,
    )


@_kernel("PAAAAAi")
def _inputs_back(row, w, own, g_theta, g_x, hidden, n):
    """Write the gradient of what the network reads, and into `hidden` those of its sums."""
    width, layer = row[lay.WIDTH], row[lay.WIDTH] * n
    _network_inputs_back(
        w,
        row[lay.INPUTS],
        width,
        row[lay.MAPPED] * row[lay.PARAMETERS],
        own[2 * layer :],
        own[3 * layer :],
        g_theta,
        g_x,
        hidden,
        hidden[layer:],
        n,
    )


@_kernel("PAAAAi")
def _own_weights_back(row, own, g_theta, hidden, g_w, n):
    """Add the gradients of the weights, once `_inputs_back` has been there."""
    width, layer = row[lay.WIDTH], row[lay.WIDTH] * n
    _network_weights_back(
        row[lay.INPUTS],
        width,
        row[lay.MAPPED] * row[lay.PARAMETERS],
        own[row[lay.HIDDEN] * n :],
        own,
        own[layer:],
        g_theta,
        hidden,
        hidden[layer:],
        g_w,
        n,
    )


@_kernel("PPAAi")
def _add_to_read(program, row, g, g_x, n):
    """Add the gradient of what the network reads to that of the state."""
    for i in range(row[lay.INPUTS]):
        coordinate = program[row[lay.LISTS] + i]
        if coordinate != lay.ONES:
            _add(g[coordinate * n :], g_x[i * n :], n)


@_kernel("PPAAAAAAAii")
def _conditioned(program, row, w, constants, state, z, log_det, own, scratch, dim, n):
    """A network reads some coordinates and gives the parameters that map some."""
    inputs, mapped, parameters = row[lay.INPUTS], row[lay.MAPPED], row[lay.PARAMETERS]
    theta = own[(row[lay.HIDDEN] + inputs) * n :]
    kept = theta[mapped * parameters * n :]
    _parameters(program, row, w, state, own, n)
    _copy(z, state, dim * n)
    for i in range(mapped):
        at = program[row[lay.LISTS] + inputs + i] * n
        _transform(
            row[lay.TRANSFORMER],
            row[lay.PIECES],
            constants[row[lay.CONSTANTS]],
            state[at:],
            theta[i * parameters * n :],
            z[at:],
            log_det,
            kept[i * row[lay.KEPT] * n :],
            scratch,
            n,
        )


@_kernel("PPAAAAAAAAAii")
def _conditioned_back(
    program, row, w, constants, state, z, own, g, g_log_det, g_w, scratch, dim, n
):
    inputs, mapped, parameters = row[lay.INPUTS], row[lay.MAPPED], row[lay.PARAMETERS]
    theta = own[(row[lay.HIDDEN] + inputs) * n :]
    kept = theta[mapped * parameters * n :]
    for i in range(mapped):
        at = program[row[lay.LISTS] + inputs + i] * n
        _transform_back(
            row[lay.TRANSFORMER],
            row[lay.PIECES],
            constants[row[lay.CONSTANTS]],
            state[at:],
            z[at:],
            theta[i * parameters * n :],
            kept[i * row[lay.KEPT] * n :],
            g_log_det,
            g[at:],
            scratch,
            n,
        )
    g_x = scratch[2 * row[lay.WIDTH] * n :]
    _inputs_back(row, w, own, theta, g_x, scratch, n)
    _own_weights_back(row, own, theta, scratch, g_w, n)
    _add_to_read(program, row, g, g_x, n)


# Residual blocks of two coordinates: z = x + g(x), with W2 scaled so that g is a contraction.
# Weights are W1 [width, 2], b1, W2 [2, width], b2. In `fixed` lie the scaled W2 [2, width], the
# products E [4, width] by which slopes become the Jacobian, the gradients of both, and the sizes
# that balance the norms of W1 and W2.


@_kernel("fffA -> f", {"contract"})
def _largest_eigenvalue(a, b, d, vector):
    """Return that of the symmetric matrix [[a, b], [b, d]], and write its eigenvector."""
    half = _HALF * (a - d)
    # Squares could be too large for float32.
    most = abs(half) if abs(half) > abs(b) or half != half else abs(b)
    per = _ONE / most if most > _ZERO else _ZERO
    radius = most * np.sqrt((half * per) * (half * per) + (b * per) * (b * per))
    first = per * (half + radius if half >= _ZERO else b)
    second = per * (b if half >= _ZERO else radius - half)
    size = np.sqrt(first * first + second * second)
    vector[0] = first / size if size > _ZERO else _ONE
    vector[1] = second / size if size > _ZERO else _ZERO
    return _HALF * (a + d) + radius


@_kernel("AAAi -> f")
def _lipschitz(w1, w2, fixed, width):
    r"""Return the bound of g's Lipschitz constant; write what `_lipschitz_back` needs.

    It is half the norm of W2 W1, and a factor times those of W2 over T and of T W1.
    """
    balance, kept = fixed[12 * width :], fixed[13 * width :]
    p00 = p01 = p10 = p11 = _ZERO
    a00 = a01 = a11 = b00 = b01 = b11 = _ZERO
    for j in range(width):
        x, y = w1[2 * j], w1[2 * j + 1]
        u, v = w2[j], w2[width + j]
        p00, p01, p10, p11 = p00 + u * x, p01 + u * y, p10 + v * x, p11 + v * y
        sizes = np.sqrt(u * u + v * v) + _NO_UNIT, np.sqrt(x * x + y * y) + _NO_UNIT
        square = sizes[0] / sizes[1]
        balance[j] = np.sqrt(square)
        a00, a01, a11 = a00 + u * u / square, a01 + u * v / square, a11 + v * v / square
        b00, b01, b11 = b00 + x * x * square, b01 + x * y * square, b11 + y * y * square
    kept[0], kept[1], kept[2], kept[3] = p00, p01, p10, p11
    whole = _largest_eigenvalue(
        p00 * p00 + p01 * p01, p00 * p10 + p01 * p11, p10 * p10 + p11 * p11, kept[4:]
    )
    outer = _largest_eigenvalue(a00, a01, a11, kept[6:])
    inner = _largest_eigenvalue(b00, b01, b11, kept[8:])
    kept[10] = np.sqrt(whole if whole > _NO_UNIT or whole != whole else _NO_UNIT)
    kept[11] = np.sqrt(outer if outer > _NO_UNIT or outer != outer else _NO_UNIT)
    kept[12] = np.sqrt(inner if inner > _NO_UNIT or inner != inner else _NO_UNIT)
    return _HALF * kept[10] + _SLOPE_RADIUS * kept[11] * kept[12]


@_kernel("AAAAAfi")
def _lipschitz_back(w1, w2, fixed, g_w1, g_w2, g, width):
    """Add the gradients of W1 and W2 where g is that of the bound."""
    balance, kept = fixed[12 * width :], fixed[13 * width :]
    u0, u1, a0, a1, b0, b1 = kept[4], kept[5], kept[6], kept[7], kept[8], kept[9]
    whole = _HALF * g / kept[10]
    outer = _SLOPE_RADIUS * g * kept[12] / kept[11]
    inner = _SLOPE_RADIUS * g * kept[11] / kept[12]
    v0, v1 = u0 * kept[0] + u1 * kept[2], u0 * kept[1] + u1 * kept[3]
    for j in range(width):
        x, y, u, v = w1[2 * j], w1[2 * j + 1], w2[j], w2[width + j]
        t = balance[j]
        along_a, along_b = (a0 * u + a1 * v) / t, (b0 * x + b1 * y) * t
        size_2, size_1 = np.sqrt(u * u + v * v), np.sqrt(x * x + y * y)
        # Both norms through t, of whose logarithm half each is that of a size.
        g_log_t = inner * along_b * along_b - outer * along_a * along_a
        per_2 = _HALF * g_log_t / (size_2 * (size_2 + _NO_UNIT)) if size_2 > _ZERO else _ZERO
        per_1 = -_HALF * g_log_t / (size_1 * (size_1 + _NO_UNIT)) if size_1 > _ZERO else _ZERO
        through = whole * (x * v0 + y * v1)
        g_w2[j] += through * u0 + outer * along_a * a0 / t + per_2 * u
        g_w2[width + j] += through * u1 + outer * along_a * a1 / t + per_2 * v
        back = whole * (u * u0 + v * u1)
        g_w1[2 * j] += back * v0 + inner * along_b * b0 * t + per_1 * x
        g_w1[2 * j + 1] += back * v1 + inner * along_b * b1 * t + per_1 * y


@_kernel("AAAi")
def _silu_and_slopes(h, slope, bend, size):
    """Replace h by SiLU(h), and write its first and second derivative."""
    for j in range(size):
        a = h[j]
        sigmoid = _ONE / _logistic_denominator(a)
        value = a * sigmoid
        rest = _ONE - sigmoid
        h[j] = value
        slope[j] = sigmoid + value * rest
        bend[j] = sigmoid * rest * (_TWO + a - _TWO * value)


@_kernel("AAAAAi")
def _log_det_of_two(j00, j01, j10, j11, log_det, n):
    """Add the log of the determinant of I + J, which of a contraction is positive."""
    for j in range(n):
        log_det[j] += _log((_ONE + j00[j]) * (_ONE + j11[j]) - j01[j] * j10[j])


@_kernel("AAAAAi")
def _log_det_of_two_back(j00, j01, j10, j11, g_log_det, n):
    """Replace J by its gradient."""
    for j in range(n):
        first, last, above, below = _ONE + j00[j], _ONE + j11[j], j01[j], j10[j]
        g = g_log_det[j] / (first * last - above * below)
        j00[j], j11[j] = g * last, g * first
        j01[j], j10[j] = -g * below, -g * above


@_kernel("f -> f")
def _scale_of(bound):
    scale = _ONE if bound < _LIPSCHITZ else _LIPSCHITZ / bound
    # An infinite bound is a broken number, not a block without effect.
    return scale if bound < _INFINITE else _NAN


@_kernel("AAAAi -> f")
def _contract(w1, w2, fixed, products, width):
    """Write the scaled W2 and the products E; return the bound of the Lipschitz constant."""
    bound = _lipschitz(w1, w2, fixed, width)
    scale = _scale_of(bound)
    for j in range(2 * width):
        fixed[j] = scale * w2[j]
    for i in range(2):
        for k in range(2):
            for j in range(width):
                products[(2 * i + k) * width + j] = fixed[i * width + j] * w1[2 * j + k]
    return bound


@_kernel("PAAAAAAii")
def _residual(row, w, fixed, x, z, log_det, own, bends, n):
    """z = x + g(x), with the exact log-determinant."""
    width = row[lay.WIDTH]
    layer = width * n
    w2, products = w[3 * width :], fixed[2 * width :]
    _contract(w, w2, fixed, products, width)
    h, slope, jacobian = own, own[layer:], own[3 * layer :]
    _fill_rows(h, w[2 * width :], width, n)
    _multiply(h, w, x, width, 2, n, 2, 1)
    if bends:
        _silu_and_slopes(h, slope, own[2 * layer :], layer)
    else:
        _silu_and_slope(h, slope, layer)
        jacobian = own[2 * layer :]
    _copy(z, x, 2 * n)
    _add_number(z, w[5 * width], n)
    _add_number(z[n:], w[5 * width + 1], n)
    _multiply(z, fixed, h, 2, width, n, width, 1)
    _clear(jacobian, 4 * n)
    _multiply(jacobian, products, slope, 4, width, n, width, 1)
    _log_det_of_two(jacobian, jacobian[n:], jacobian[2 * n :], jacobian[3 * n :], log_det, n)


@_kernel("PAAAAAAAAi")
def _residual_back(row, w, fixed, x, own, g, g_log_det, g_w, scratch, n):
    """Replace g, the gradient of the result, by that of x; add those of the weights."""
    width = row[lay.WIDTH]
    layer = width * n
    w2, products = w[3 * width :], fixed[2 * width :]
    g_products, g_scaled = fixed[6 * width :], fixed[10 * width :]
    h, slope, bend, jacobian = own, own[layer:], own[2 * layer :], own[3 * layer :]
    bound = _contract(w, w2, fixed, products, width)
    _log_det_of_two_back(jacobian, jacobian[n:], jacobian[2 * n :], jacobian[3 * n :], g_log_det, n)
    # Of the sums before the activation: through its value, and through its slope.
    g_sum, g_slope = scratch, scratch[layer:]
    _clear(g_sum, layer)
    _multiply(g_sum, fixed, g, width, 2, n, 1, width)
    _clear(g_slope, layer)
    _multiply(g_slope, products, jacobian, width, 4, n, 1, width)
    for j in range(layer):
        g_sum[j] = g_sum[j] * slope[j] + g_slope[j] * bend[j]
    _clear(g_products, 6 * width)
    _multiply_transposed(g_products, jacobian, slope, 4, width, n)
    _multiply_transposed(g_scaled, g, h, 2, width, n)
    _add_rows(g_w[5 * width :], g, 2, n)
    _multiply_transposed(g_w, g_sum, x, width, 2, n)
    _add_rows(g_w[2 * width :], g_sum, width, n)
    _multiply(g, w, g_sum, 2, width, n, 1, 2)
    scale, g_scale = _scale_of(bound), _ZERO
    for i in range(2):
        for j in range(width):
            for k in range(2):
                of_product = g_products[(2 * i + k) * width + j]
                g_scaled[i * width + j] += of_product * w[2 * j + k]
                g_w[2 * j + k] += of_product * fixed[i * width + j]
            g_scale += g_scaled[i * width + j] * w2[i * width + j]
            g_w[(3 + i) * width + j] += scale * g_scaled[i * width + j]
    if not bound < _LIPSCHITZ:
        _lipschitz_back(w, w2, fixed, g_w, g_w[3 * width :], -g_scale * scale / bound, width)


# A continuous flow: x' = f(x, t), by Runge-Kutta steps of order four (the 3/8 rule), with the exact
# divergence of f, a network with two hidden layers. Weights are W1 [width, dim], b1, that of time,
# W2 [width, width], b2, W3 [dim, width], b3. The divergence is d2^T M d1 with slopes d of the
# hidden units. In `fixed` lie M [width, width] and its gradient.


@_kernel("AAAAii")
def _mixing(w1, w2, w3, mixing, width, dim):
    """Write M, W2 times the transpose of W1 W3, number by number."""
    for i in range(width):
        for j in range(width):
            both = _ZERO
            for k in range(dim):
                both += w3[k * width + i] * w1[j * dim + k]
            mixing[i * width + j] = w2[i * width + j] * both


@_kernel("AAAAAAii")
def _mixing_back(w1, w2, w3, g, g_w1, g_rest, width, dim):
    """Add the gradients of W1, W2 and W3 where g is that of M."""
    g_w3 = g_rest[width * width + width :]
    for i in range(width):
        for j in range(width):
            both, of_both = _ZERO, g[i * width + j] * w2[i * width + j]
            for k in range(dim):
                both += w3[k * width + i] * w1[j * dim + k]
                g_w3[k * width + i] += of_both * w1[j * dim + k]
                g_w1[j * dim + k] += of_both * w3[k * width + i]
            g_rest[i * width + j] += g[i * width + j] * both


@_kernel("AAAi")
def _add_product(total, a, b, n):
    for j in range(n):
        total[j] += a[j] * b[j]


@_kernel("AAAii", inline=True)
def _activate_bending(h, slope, bend, bends, size):
    if bends:
        _silu_and_slopes(h, slope, bend, size)
    else:
        _silu_and_slope(h, slope, size)


@_kernel("AAfAAAAiiii")
def _field(w, mixing, t, x, own, f, divergence, bends, width, dim, n):
    """Write f(x, t), its divergence, and into `own` the hidden units and their derivatives.

    There are two of each unit, or without `bends` only the first.
    """
    bias, layer = w[width * dim :], width * n
    rest = w[width * (dim + 2) :]
    h1, d1, e1 = own, own[layer:], own[2 * layer :]
    h2, d2, e2, q = own[3 * layer :], own[4 * layer :], own[5 * layer :], own[6 * layer :]
    for i in range(width):
        _fill(h1[i * n :], bias[i] + t * bias[width + i], n)
    _multiply(h1, w, x, width, dim, n, dim, 1)
    _activate_bending(h1, d1, e1, bends, layer)
    _fill_rows(h2, rest[width * width :], width, n)
    _multiply(h2, rest, h1, width, width, n, width, 1)
    _activate_bending(h2, d2, e2, bends, layer)
    last = rest[width * width + width :]
    _fill_rows(f, last[dim * width :], dim, n)
    _multiply(f, last, h2, dim, width, n, width, 1)
    _clear(q, layer)
    _multiply(q, mixing, d1, width, width, n, width, 1)
    _clear(divergence, n)
    for i in range(width):
        _add_product(divergence, d2[i * n :], q[i * n :], n)


@_kernel("AAAAAi")
def _field_slopes_back(g_sum, q, d, e, g_divergence, n):
    """Replace g of the second hidden values by that of their sums, and q by its gradient."""
    for j in range(n):
        g_sum[j] = g_sum[j] * d[j] + q[j] * g_divergence[j] * e[j]
        q[j] = d[j] * g_divergence[j]


@_kernel("AAfAAAAAAAAiii")
def _field_back(
    w, mixing, t, x, own, g_f, g_divergence, g_w, g_mixing, g_x, scratch, width, dim, n
):
    """Write the gradient of x, and add those of the weights and of M, after `_field`."""
    layer = width * n
    rest, g_rest = w[width * (dim + 2) :], g_w[width * (dim + 2) :]
    last, g_last = rest[width * width + width :], g_rest[width * width + width :]
    h1, d1, e1 = own, own[layer:], own[2 * layer :]
    h2, d2, e2, q = own[3 * layer :], own[4 * layer :], own[5 * layer :], own[6 * layer :]
    g2, g1, g_d1 = scratch, scratch[layer:], scratch[2 * layer :]
    _clear(g2, layer)
    _multiply(g2, last, g_f, width, dim, n, 1, width)
    for i in range(width):
        o = i * n
        _field_slopes_back(g2[o:], q[o:], d2[o:], e2[o:], g_divergence, n)
    _multiply_transposed(g_last, g_f, h2, dim, width, n)
    _add_rows(g_last[dim * width :], g_f, dim, n)
    _multiply_transposed(g_rest, g2, h1, width, width, n)
    _add_rows(g_rest[width * width :], g2, width, n)
    _multiply_transposed(g_mixing, q, d1, width, width, n)
    _clear(g_d1, layer)
    _multiply(g_d1, mixing, q, width, width, n, 1, width)
    _clear(g1, layer)
    _multiply(g1, rest, g2, width, width, n, 1, width)
    for j in range(layer):
        g1[j] = g1[j] * d1[j] + g_d1[j] * e1[j]
    _multiply_transposed(g_w, g1, x, width, dim, n)
    for i in range(width):
        total = _total(g1[i * n :], n)
        g_w[width * dim + i] += total
        g_w[width * (dim + 1) + i] += t * total
    _clear(g_x, dim * n)
    _multiply(g_x, w, g1, dim, width, n, 1, dim)


@_kernel("AfAi")
def _set_to_times(c, p, b, n):
    for j in range(n):
        c[j] = p * b[j]


@_kernel("i -> f", inline=True)
def _rule_weight(stage):
    """What a slope counts for, in the 3/8 rule."""
    return _EIGHTH if stage == 0 or stage == 3 else f32(3) * _EIGHTH


@_kernel("i -> f", inline=True)
def _third_difference(stage):
    """What a slope counts for in the third difference of a step's four."""
    size = _ONE if stage == 0 or stage == 3 else f32(3)
    return size if stage == 0 or stage == 2 else -size


@_kernel("PAAAAAAAii")
def _follow(row, w, constants, fixed, x, z, log_det, own, dim, n):
    """Follow the field from one time to another; `own` begins with where it was evaluated."""
    width, steps, size = row[lay.WIDTH], row[lay.PIECES], dim * n
    start, end = constants[row[lay.CONSTANTS]], constants[row[lay.CONSTANTS] + 1]
    step = (end - start) / f32(steps)
    rest = w[width * (dim + 2) :]
    _mixing(w, rest, rest[width * width + width :], fixed, width, dim)
    # Of each step where the field was evaluated, and the third differences of its slopes and of its
    # divergence, which are large where a step is too coarse.
    differences, units = own[4 * steps * size :], own[steps * (5 * size + n) :]
    slopes = units[7 * width * n :]
    divergence = slopes[4 * size :]
    _copy(z, x, size)
    _clear(differences, steps * (size + n))
    for s in range(steps):
        for stage in range(4):
            at = own[(4 * s + stage) * size :]
            _copy(at, z, size)
            if stage == 1:
                _add_times(at, step * _THIRD, slopes, size)
            elif stage == 2:
                _add_times(at, -step * _THIRD, slopes, size)
                _add_times(at, step, slopes[size:], size)
            elif stage == 3:
                _add_times(at, step, slopes, size)
                _add_times(at, -step, slopes[size:], size)
                _add_times(at, step, slopes[2 * size :], size)
            t = start + step * (f32(s) + f32(stage) * _THIRD)
            _field(w, fixed, t, at, units, slopes[stage * size :], divergence, 0, width, dim, n)
            weight = step * _rule_weight(stage)
            _add_times(log_det, weight, divergence, n)
            difference = differences[s * (size + n) :]
            _add_times(difference, _third_difference(stage), slopes[stage * size :], size)
            _add_times(difference[size:], _third_difference(stage), divergence, n)
        for stage in range(4):
            weight = step * _rule_weight(stage)
            _add_times(z, weight, slopes[stage * size :], size)


@_kernel("AfAAii")
def _smooth(g, factor, g_log_det, difference, rows, n):
    """Add the gradient of a squared difference that is taken from the log-determinant."""
    for i in range(rows):
        for j in range(n):
            g[i * n + j] += factor * g_log_det[j] * difference[i * n + j]


@_kernel("PAAAAAAAAii")
def _follow_back(row, w, constants, fixed, own, g, g_log_det, g_w, scratch, dim, n):
    """Replace g, the gradient of the result, by that of where it began."""
    width, steps, size = row[lay.WIDTH], row[lay.PIECES], dim * n
    start, end = constants[row[lay.CONSTANTS]], constants[row[lay.CONSTANTS] + 1]
    rough = constants[row[lay.CONSTANTS] + 2]
    step = (end - start) / f32(steps)
    rest, g_mixing = w[width * (dim + 2) :], fixed[width * width :]
    w3 = rest[width * width + width :]
    _mixing(w, rest, w3, fixed, width, dim)
    _clear(g_mixing, width * width)
    differences, units = own[4 * steps * size :], own[steps * (5 * size + n) :]
    g_slopes = units[7 * width * n :]
    g_divergence, g_x, f = g_slopes[4 * size :], g_slopes[4 * size + n :], g_slopes[5 * size + n :]
    for back in range(steps):
        s = steps - 1 - back
        for stage in range(4):
            weight = step * _rule_weight(stage)
            _set_to_times(g_slopes[stage * size :], weight, g, size)
        for stage in range(3, -1, -1):
            at = own[(4 * s + stage) * size :]
            t = start + step * (f32(s) + f32(stage) * _THIRD)
            weight = step * _rule_weight(stage)
            # Hidden units are computed again: there is no room for those of all steps.
            _field(w, fixed, t, at, units, f, g_divergence, 1, width, dim, n)
            _set_to_times(g_divergence, weight, g_log_det, n)
            g_f = g_slopes[stage * size :]
            difference = differences[s * (size + n) :]
            factor = -_TWO * rough * abs(step) * _third_difference(stage)
            _smooth(g_f, factor, g_log_det, difference, dim, n)
            _smooth(g_divergence, factor, g_log_det, difference[size:], 1, n)
            _field_back(
                w,
                fixed,
                t,
                at,
                units,
                g_f,
                g_divergence,
                g_w,
                g_mixing,
                g_x,
                scratch,
                width,
                dim,
                n,
            )
            _add(g, g_x, size)
            if stage == 3:
                _add_times(g_slopes, step, g_x, size)
                _add_times(g_slopes[size:], -step, g_x, size)
                _add_times(g_slopes[2 * size :], step, g_x, size)
            elif stage == 2:
                _add_times(g_slopes, -step * _THIRD, g_x, size)
                _add_times(g_slopes[size:], step, g_x, size)
            elif stage == 1:
                _add_times(g_slopes, step * _THIRD, g_x, size)
    _mixing_back(w, rest, w3, g_mixing, g_w, g_w[width * (dim + 2) :], width, dim)


# The method of Dormand and Prince: what slopes count for in the points of each stage, the last of
# which is the result; when the stages are; and the difference to a result of order four.
_STAGES = tuple(
    f32(number)
    for row in (
        (1 / 5, 0, 0, 0, 0, 0),
        (3 / 40, 9 / 40, 0, 0, 0, 0),
        (44 / 45, -56 / 15, 32 / 9, 0, 0, 0),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0, 0),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0),
        (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
    )
    for number in row
)
_STAGE_TIMES = tuple(f32(number) for number in (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1))
_ERRORS = tuple(
    f32(number)
    for number in (
        71 / 57600,
        0,
        -71 / 16695,
        71 / 1920,
        -17253 / 339200,
        22 / 525,
        -1 / 40,
    )
)


@_kernel("AAAfi -> f")
def _error_ratio(error, before, after, tolerance, size):
    """Return the mean square of a step's errors, each divided by what the tolerance allows."""
    total = _ZERO
    for j in range(size):
        share = error[j] / (tolerance * (_ONE + max(abs(before[j]), abs(after[j]))))
        total += share * share
    return total / f32(size)


@_kernel("PAAAAAii -> f")
def _solve(row, w, times, fixed, state, rows, dim, n):
    """Follow the field by adaptive steps of Dormand and Prince; return how often it was evaluated.

    `state` is the points and, below them, their log-determinants; `times` are the first, the last,
    and the error allowed in a step. Where no step is small enough, the state is broken.
    """
    width, size, all_size = row[lay.WIDTH], dim * n, (dim + 1) * n
    start, end, tolerance = times[0], times[1], times[2]
    rest = w[width * (dim + 2) :]
    _mixing(w, rest, rest[width * width + width :], fixed, width, dim)
    units = rows[row[lay.OWN] * n :]
    slopes = units[7 * width * n :]
    after, error = slopes[7 * all_size :], slopes[8 * all_size :]
    t, step, evaluations = start, (end - start) * _EIGHTH, _ONE
    _field(w, fixed, t, state, units, slopes, slopes[size:], 0, width, dim, n)
    while t != end:
        last = abs(end - t) <= abs(step)
        if last:
            step = end - t
        for stage in range(6):
            _copy(after, state, all_size)
            for k in range(stage + 1):
                weight = step * _STAGES[6 * stage + k]
                _add_times(after, weight, slopes[k * all_size :], all_size)
            slope = slopes[(stage + 1) * all_size :]
            at = t + step * _STAGE_TIMES[stage]
            _field(w, fixed, at, after, units, slope, slope[size:], 0, width, dim, n)
        evaluations += f32(6)
        _clear(error, all_size)
        for k in range(7):
            _add_times(error, step * _ERRORS[k], slopes[k * all_size :], all_size)
        of_points = _error_ratio(error, state, after, tolerance, size)
        ratio = _error_ratio(error[size:], state[size:], after[size:], tolerance, n)
        # One that is NaN stays; the built-in maximum would swallow it.
        ratio = of_points if of_points > ratio or of_points != of_points else ratio
        if ratio <= _ONE:
            t = end if last else t + step
            _copy(state, after, all_size)
            _copy(slopes, slopes[6 * all_size :], all_size)
            # An order of five: the error grows with the fifth power of the step.
            step *= min(f32(10), f32(0.9) * _exp(f32(-0.1) * _log(max(ratio, _TINY))))
        elif ratio < _INFINITE:
            step *= max(f32(0.2), f32(0.9) * _exp(f32(-0.1) * _log(ratio)))
        else:
            step *= f32(0.2)
        if t != end and (
            abs(step) < f32(1e-6) * abs(end - start) or evaluations > _MOST_EVALUATIONS
        ):
            _fill(state, _NAN, all_size)
            break
    return evaluations


# Layers from z to x.


@_kernel("PAAAAAii")
def _generate_scaling(row, weights, constants, z, x, log_det, dim, n):
    """x = z / factor + shift for each coordinate."""
    w, c, learned = row[lay.WEIGHTS], row[lay.CONSTANTS], row[lay.LEARNED]
    total = _ZERO
    for i in range(dim):
        shift = _ZERO
        if learned:
            log_scale = weights[w + i]
            scale = _exp(log_scale)
            if learned == 2:
                shift = weights[w + dim + i]
        else:
            shift, scale = constants[c + i], constants[c + dim + i]
            log_scale = _log(scale)
        _copy(x[i * n :], z[i * n :], n)
        _times_number(x[i * n :], scale, n)
        _add_number(x[i * n :], shift, n)
        total += log_scale
    _add_number(log_det, total, n)


@_kernel("PPAAAAAAii")
def _generate_linear(program, row, weights, constants, z, x, log_det, matrices, dim, n):
    """Solve z = P L U x, first for U x, then for x."""
    w = row[lay.WEIGHTS]
    size = dim * dim
    _linear_matrices(weights[w:], constants[row[lay.CONSTANTS] :], matrices, matrices[size:], dim)
    total = _ZERO
    for i in range(dim):
        total += weights[w + 2 * size + i]
        _copy(x[program[row[lay.LISTS] + i] * n :], z[i * n :], n)
    for i in range(dim):
        for k in range(i):
            _add_times(x[i * n :], -weights[w + i * dim + k], x[k * n :], n)
    for back in range(dim):
        i = dim - 1 - back
        for k in range(i + 1, dim):
            _add_times(x[i * n :], -matrices[i * dim + k], x[k * n :], n)
        _times_number(x[i * n :], _ONE / matrices[i * dim + i], n)
    _add_number(log_det, -total, n)


@_kernel("PPAAAAAAAAii")
def _generate_conditioned(
    program, row, w, constants, z, x, log_det, no_log_det, own, scratch, dim, n
):
    """Undo `_conditioned`: the network reads x, of which each pass knows a coordinate more."""
    inputs, mapped, parameters = row[lay.INPUTS], row[lay.MAPPED], row[lay.PARAMETERS]
    before, outputs = row[lay.HIDDEN] + inputs, mapped * parameters
    passes = row[lay.PASSES]
    theta = own[before * n :]
    kept = theta[outputs * n :]
    _copy(x, z, dim * n)
    for made in range(passes):
        # What the first of several passes is for depends on no coordinate: one point will do, whose
        # parameters lie before those of all. Not one of the batch: that may be broken.
        if made == 0 and passes > 1 and outputs <= before * (n - 1):
            _clear(scratch, dim)
            _parameters(program, row, w, scratch, own, 1)
            _fill_rows(theta, own[before:], outputs, n)
        else:
            _parameters(program, row, w, x, own, n)
        for i in range(mapped):
            at = program[row[lay.LISTS] + inputs + i] * n
            _generate_map(
                row[lay.TRANSFORMER],
                row[lay.PIECES],
                constants[row[lay.CONSTANTS]],
                z[at:],
                theta[i * parameters * n :],
                x[at:],
                log_det if made == passes - 1 else no_log_det,
                kept[i * row[lay.KEPT] * n :],
                scratch,
                n,
            )


@_kernel("PPAAAAAAAAii")
def _turned_back(program, row, w, state, z, own, g, g_log_det, g_w, scratch, dim, n):
    r"""Go back through `_generate_conditioned` of an affine map, whose result z the network read.

    The gradient of the result is :math:`G = g + N G`, where N goes from it to the parameters and
    back through the network. The parameters of a coordinate depend on those before it, so N is
    nilpotent: of as many terms as there are passes the sum is exact.
    """
    inputs, mapped, parameters = row[lay.INPUTS], row[lay.MAPPED], row[lay.PARAMETERS]
    theta = own[(row[lay.HIDDEN] + inputs) * n :]
    g_x = scratch[2 * row[lay.WIDTH] * n :]
    g_theta = g_x[inputs * n :]
    whole = g_theta[mapped * parameters * n :]
    for made in range(row[lay.PASSES]):
        _copy(whole, g, dim * n)
        if made > 0:
            _add_to_read(program, row, whole, g_x, n)
        for i in range(mapped):
            at, first = program[row[lay.LISTS] + inputs + i] * n, i * parameters * n
            if row[lay.TRANSFORMER] == lay.AFFINE:
                _generate_affine_back(
                    z[at:],
                    theta[first:],
                    theta[first + n :],
                    whole[at:],
                    g_log_det,
                    g_theta[first:],
                    n,
                )
            else:
                _copy(g_theta[first:], whole[at:], n)
        _inputs_back(row, w, own, g_theta, g_x, scratch, n)
    _own_weights_back(row, own, g_theta, scratch, g_w, n)
    _copy(g, whole, dim * n)
    if row[lay.TRANSFORMER] == lay.AFFINE:
        for i in range(mapped):
            at = program[row[lay.LISTS] + inputs + i] * n
            _grow(g[at:], theta[i * parameters * n :], n)


@_kernel("iPAAAAAAii")
def _forward(layers, program, weights, constants, fixed, rows, log_det, no_log_det, dim, n):
    """Take the points in the first rows through all layers; add up the log-determinants.

    `fixed` is space for masked weights and for matrices. `rows` begins with the scratch.
    """
    for layer in range(layers):
        row = program[layer * lay.COLUMNS :]
        x, z, own = rows[row[lay.X] * n :], rows[row[lay.Z] * n :], rows[row[lay.OWN] * n :]
        if row[lay.KIND] == lay.SCALING:
            _scaling(row, weights, constants, x, z, log_det, dim, n)
        elif row[lay.KIND] == lay.LINEAR:
            _linear(program, row, weights, constants, x, z, log_det, fixed, dim, n)
        elif row[lay.KIND] == lay.RESIDUAL:
            w, bends = weights[row[lay.WEIGHTS] :], row[lay.HIDDEN] > 2 * row[lay.WIDTH]
            _residual(row, w, fixed, x, z, log_det, own, bends, n)
        elif row[lay.KIND] == lay.FIELD:
            w = weights[row[lay.WEIGHTS] :]
            _follow(row, w, constants, fixed, x, z, log_det, own, dim, n)
        else:
            w = weights[row[lay.WEIGHTS] :]
            if row[lay.MASKED]:
                _product(fixed, w, constants[row[lay.CONSTANTS] + 1 :], row[lay.MASKED])
                w = fixed
            if row[lay.TURNED]:
                _generate_conditioned(
                    program, row, w, constants, x, z, log_det, no_log_det, own, rows, dim, n
                )
            else:
                _conditioned(program, row, w, constants, x, z, log_det, own, rows, dim, n)


@_kernel("iPAAAAAAii")
def _generate(layers, program, weights, constants, fixed, rows, log_det, no_log_det, dim, n):
    """Take the points in the last rows through all layers from z to x."""
    for back in range(layers):
        row = program[(layers - 1 - back) * lay.COLUMNS :]
        x, z, own = rows[row[lay.X] * n :], rows[row[lay.Z] * n :], rows[row[lay.OWN] * n :]
        if row[lay.KIND] == lay.SCALING:
            _generate_scaling(row, weights, constants, z, x, log_det, dim, n)
        elif row[lay.KIND] == lay.LINEAR:
            _generate_linear(program, row, weights, constants, z, x, log_det, fixed, dim, n)
        else:
            w = weights[row[lay.WEIGHTS] :]
            if row[lay.MASKED]:
                _product(fixed, w, constants[row[lay.CONSTANTS] + 1 :], row[lay.MASKED])
                w = fixed
            if row[lay.TURNED]:
                _conditioned(program, row, w, constants, z, x, log_det, own, rows, dim, n)
            else:
                _generate_conditioned(
                    program, row, w, constants, z, x, log_det, no_log_det, own, rows, dim, n
                )


@_kernel("iPAAAAAAAii")
def _backward(layers, program, weights, constants, fixed, rows, g, g_log_det, g_weights, dim, n):
    """Replace g, the gradient of the result, by that of the points; add that of the weights."""
    for back in range(layers):
        layer = layers - 1 - back
        row = program[layer * lay.COLUMNS :]
        x, z, own = rows[row[lay.X] * n :], rows[row[lay.Z] * n :], rows[row[lay.OWN] * n :]
        if row[lay.KIND] == lay.SCALING:
            _scaling_back(row, weights, constants, z, g, g_log_det, g_weights, dim, n)
        elif row[lay.KIND] == lay.LINEAR:
            _linear_back(
                program, row, weights, constants, x, g, g_log_det, g_weights, rows, fixed, dim, n
            )
        elif row[lay.KIND] == lay.RESIDUAL:
            w, g_w = weights[row[lay.WEIGHTS] :], g_weights[row[lay.WEIGHTS] :]
            _residual_back(row, w, fixed, x, own, g, g_log_det, g_w, rows, n)
        elif row[lay.KIND] == lay.FIELD:
            w, g_w = weights[row[lay.WEIGHTS] :], g_weights[row[lay.WEIGHTS] :]
            _follow_back(row, w, constants, fixed, own, g, g_log_det, g_w, rows, dim, n)
        else:
            w, size = weights[row[lay.WEIGHTS] :], row[lay.MASKED]
            g_w = g_weights[row[lay.WEIGHTS] :]
            if size:
                masks = constants[row[lay.CONSTANTS] + 1 :]
                _product(fixed, w, masks, size)
                w = fixed
                g_w = fixed[size:]
                _clear(g_w, size)
            if row[lay.TURNED]:
                _turned_back(program, row, w, x, z, own, g, g_log_det, g_w, rows, dim, n)
            else:
                _conditioned_back(
                    program, row, w, constants, x, z, own, g, g_log_det, g_w, rows, dim, n
                )
            if size:
                _scale_by(g_w, masks, size)
                _add(g_weights[row[lay.WEIGHTS] :], g_w, size)


@_kernel("AAiii")
def _to_rows(rows, points, start, dim, n):
    for j in range(n):
        for i in range(dim):
            rows[i * n + j] = points[(start + j) * dim + i]


@_kernel("AAiii")
def _to_points(points, rows, start, dim, n):
    for j in range(n):
        for i in range(dim):
            points[(start + j) * dim + i] = rows[i * n + j]


@_kernel("PAAAAAifii -> f")
def _regress(program, w, rows, x, targets, g_w, start, share, dim, n):
    """Add the gradient of a network's squared error, times `share`; return the error's sum."""
    row = program
    state, own = rows[row[lay.X] * n :], rows[row[lay.OWN] * n :]
    inputs, outputs = row[lay.INPUTS], row[lay.MAPPED]
    theta = own[(row[lay.HIDDEN] + inputs) * n :]
    _to_rows(state, x, start, dim, n)
    _parameters(program, row, w, state, own, n)
    total = _ZERO
    for i in range(outputs):
        for j in range(n):
            error = theta[i * n + j] - targets[(start + j) * outputs + i]
            total += error * error
            theta[i * n + j] = _TWO * share * error
    _inputs_back(row, w, own, theta, rows[2 * row[lay.WIDTH] * n :], rows, n)
    _own_weights_back(row, own, theta, rows, g_w, n)
    return total


#: Arrays come as pointers; nothing asks for their lengths.
_ANY = 2**40

_FLOATS, _INTS, _LONG = types.CPointer(types.float32), types.CPointer(types.int32), types.int64


@numba.cfunc(types.void(*6 * [_LONG], _INTS, *10 * [_FLOATS]), fastmath=_FAST, error_model="numpy")
def run_chain(
    mode,
    layers,
    dim,
    count,
    block,
    fixed_size,
    program_,
    weights_,
    constants_,
    work_,
    x_,
    z_,
    log_det_,
    g_z_,
    g_log_det_,
    g_x_,
    g_weights_,
):
    """Take x [count, dim] through a chain, a block of points at a time, and gradients back.

    Where it generates, what comes in is z and what goes out is x.

    The modes of `layout` say what is read and what is written; see `flows.compiled`.
    """
    program, weights, constants = (
        carray(program_, (_ANY,)),
        carray(weights_, (_ANY,)),
        carray(constants_, (_ANY,)),
    )
    work, x, z = carray(work_, (_ANY,)), carray(x_, (_ANY,)), carray(z_, (_ANY,))
    log_dets, g_z = carray(log_det_, (_ANY,)), carray(g_z_, (_ANY,))
    g_log_dets, g_x = carray(g_log_det_, (_ANY,)), carray(g_x_, (_ANY,))
    g_weights = carray(g_weights_, (_ANY,))
    rows = work[fixed_size:]
    first, last = program[lay.X], program[(layers - 1) * lay.COLUMNS + lay.Z]
    share = _ONE / f32(count)
    total = 0.0
    start = 0
    while start < count:
        n = min(block, count - start)
        if mode == lay.REGRESS:
            total += _regress(program, weights, rows, x, z, g_weights, start, share, dim, n)
            start += n
            continue
        if mode == lay.SOLVE:
            state = rows[first * n :]
            _to_rows(state, x, start, dim, n)
            _clear(state[dim * n :], n)
            total += f32(n) * _solve(program, weights, g_z, work, state, rows, dim, n)
            _to_points(z, state, start, dim, n)
            _copy(log_dets[start:], state[dim * n :], n)
            start += n
            continue
        enter, leave = (last, first) if mode == lay.GENERATE else (first, last)
        _to_rows(rows[enter * n :], x, start, dim, n)
        # Before the first state: the log-determinants, their gradient, and that of the result.
        log_det, g_log_det = rows[(first - dim - 2) * n :], rows[(first - dim - 1) * n :]
        g = rows[(first - dim) * n :]
        _fill(log_det, _ZERO, n)
        if mode == lay.GENERATE:
            _generate(layers, program, weights, constants, work, rows, log_det, g_log_det, dim, n)
        else:
            _forward(layers, program, weights, constants, work, rows, log_det, g_log_det, dim, n)
        if mode == lay.NORMALIZE or mode == lay.GENERATE:
            _to_points(z, rows[leave * n :], start, dim, n)
            _copy(log_dets[start:], log_det, n)
        else:
            if mode == lay.LIKELIHOOD:
                state = rows[last * n :]
                total += _HALF * _inner_product(state, state, dim * n) - _total(log_det, n)
                _copy(g, state, dim * n)
                _times_number(g, share, dim * n)
                _fill(g_log_det, -share, n)
            else:
                _to_rows(g, g_z, start, dim, n)
                _copy(g_log_det, g_log_dets[start:], n)
            _backward(
                layers, program, weights, constants, work, rows, g, g_log_det, g_weights, dim, n
            )
            if mode == lay.DIFFERENTIATE:
                _to_points(g_x, g, start, dim, n)
        start += n
    if mode == lay.LIKELIHOOD or mode == lay.REGRESS:
        log_dets[0] = f32(total) * share
    elif mode == lay.SOLVE:
        g_x[0] = f32(total) * share
