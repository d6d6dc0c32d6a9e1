"""What the pictures of a change of variables show: tables, windows, slices, a histogram."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowplay.grids import cell_centres
from flowplay.onedim.bases import FloatArray, Interval
from flowplay.onedim.plane import PlaneMap
from flowplay.onedim.pushforward import PushForward

#: Slices of equal probability, rows of a table, samples and bars of a histogram.
SLICES = 12
ROWS = 240
SAMPLES = 4000
BARS = 60

#: Cells along each side of a density of the plane.
CELLS = 96

#: A density higher than so many times the base's own highest is cut off in the picture.
TALLEST = 12.0

#: Values of a picture stay below this, and log-densities of its top, in nats.
_FAR = 1e9
_LOG_TALLEST = 700.0

#: Of an image's tails, so much probability on each side may lie outside the window.
TAIL = 0.005

#: An end of the support is shown if it is nearer than this share of what is shown anyway.
_ROOM = 0.35

#: A window is rounded to steps, about so many of which make its width.
_STEPS = 8


@dataclass(frozen=True)
class LinePicture:
    """All that is drawn of one law.

    Attributes:
        z: [n] values of z, within the base's support, rising.
        states: [K + 1, n] z_0 … z_K.
        slopes: [K, n] log-slope of each map at the value that reaches it, in nats.
        log_p: [K + 1, n] log-density of each z_k, in nats.
        edges: rows at which a slice of equal probability begins or ends.
        windows: [K + 1] parts of the axes to show.
        tallest: [K + 1] the highest density to show of each.
    """

    z: FloatArray
    states: FloatArray
    slopes: FloatArray
    log_p: FloatArray
    edges: NDArray[np.intp]
    windows: tuple[Interval, ...]
    tallest: tuple[float, ...]


def line_picture(law: PushForward, box: Interval | None = None) -> LinePicture:
    """Look at a law, and at every step on the way to it.

    Args:
        law: what to draw.
        box: shown of every axis, whatever lies there; windows that suit if not given.

    Raises:
        ValueError: if values leave the range in which numbers can be told apart, or come closer
            together than an axis can tell.
    """
    low, high = law.base.window
    if box is not None:
        low = max(law.base.support[0], min(low, box[0]))
        high = min(law.base.support[1], max(high, box[1]))
    # At the very end of a support a slope may be 0 or endless.
    inset = 1e-4 * (high - low)
    low, high = low + inset, high - inset
    cuts = law.base.quantile(np.linspace(0, 1, SLICES + 1))
    cuts[[0, -1]] = low, high
    z = np.union1d(np.linspace(low, high, ROWS), cuts)
    with np.errstate(all="ignore"):
        states, slopes = law.states(z)
        shown = law.states(law.base.quantile([TAIL, 1 - TAIL]))[0]
    if not np.isfinite(states).all() or not np.isfinite(slopes).all() or abs(states).max() > _FAR:
        raise ValueError(
            "Together these maps give numbers too large to compute with: use weaker maps."
        )
    log_base = law.base.log_prob(z)
    log_p = log_base - np.concatenate([np.zeros((1, len(z))), slopes.cumsum(0)])
    # A density that no number can hold is cut off all the same.
    highest = np.exp(np.minimum(log_p.max(1), _LOG_TALLEST))
    shown[0] = low, high
    windows = tuple(box or window_around(*seen) for seen in zip(shown, law.supports, strict=True))
    if any(end <= start for start, end in windows):
        raise ValueError(
            "Together these maps send all values to nearly one number: use weaker maps."
        )
    return LinePicture(
        z=z,
        states=states,
        slopes=slopes,
        log_p=log_p,
        edges=np.searchsorted(z, cuts),
        windows=windows,
        tallest=tuple(float(h) for h in np.minimum(highest, TALLEST * highest[0])),
    )


def histogram(law: PushForward, window: Interval, seed: int) -> FloatArray:
    """Draw samples of x and count them.

    Args:
        law: what to draw from.
        window: ends of the bars' axis; samples outside count, but are not seen.
        seed: fixes the draw.

    Returns:
        Heights [BARS] as a density: those of all bars, the unseen ones too, hold 1.
    """
    x = law.forward(law.base.sample(SAMPLES, seed))
    counts, edges = np.histogram(x, BARS, window)
    return np.asarray(counts / (SAMPLES * np.diff(edges)), float)


def window_around(shown: FloatArray, support: Interval) -> Interval:
    """Return round ends around what must be seen, so that a small change moves no axis."""
    low, high = sorted(float(end) for end in shown)
    room = _ROOM * (high - low)
    # An edge of the density that is near belongs into the picture.
    low = support[0] if low - room < support[0] else low
    high = support[1] if high + room > support[1] else high
    step = _coarse(max(high - low, 1e-9) / _STEPS)
    ends = step * math.floor(low / step - 0.02), step * math.ceil(high / step + 0.02)
    return round(ends[0], 9), round(ends[1], 9)


def _coarse(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return float(next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= value * 0.999))


def plane_density(drawn: PlaneMap, bounds: tuple[float, float, float, float]) -> FloatArray:
    """Return the density [CELLS, CELLS] of the map's Gaussian over a window; row 0 is lowest."""
    centres = cell_centres(bounds, CELLS).reshape(-1, 2)
    return np.exp(drawn.log_prob(centres)).reshape(CELLS, CELLS)
