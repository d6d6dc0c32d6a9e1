"""The axes of a map's pictures: the same whatever its sliders say, so that shapes can be compared.

Axes that follow the sliders would draw every stretch as the same line.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np

from flowplay.onedim.bases import Base, Interval
from flowplay.onedim.kinds import KINDS
from flowplay.onedim.maps import MonotoneMap
from flowplay.onedim.picture import TAIL, LinePicture, line_picture, window_around
from flowplay.onedim.pushforward import PushForward
from flowplay.onedim.spline import FIRST_KNOTS, Spline
from flowplay.onedim.stack import SPLINE

#: Densities are drawn up to so many times the highest one of the first settings. Few settings give
#: higher ones, and with room for those all others would be flat.
HEADROOM = 3.0

#: Settings of each parameter that are tried.
_SETTINGS = 13

#: All axes of the spline's pictures.
BOX: Interval = (-4.0, 4.0)


@dataclass(frozen=True)
class Scales:
    """What the axes of a base and a map show.

    Attributes:
        z: of the base.
        x: of the image.
        tallest: the highest density of z, and that of x, to make room for.
    """

    z: Interval
    x: Interval
    tallest: tuple[float, float]


@functools.cache
def scales_of(base: Base, name: str) -> Scales:
    """Return the axes for a base and a map, wherever the map's sliders or knots stand.

    Args:
        base: where z comes from.
        name: of a map in `KINDS`, or of the spline.

    Raises:
        ValueError: if no setting of the map takes what the base gives.

    Example:
        >>> from flowplay.onedim import BASES
        >>> scales_of(BASES["uniform"], "logistic").x
        (0.4, 1.0)
    """
    if name == SPLINE:
        first = _picture(base, Spline(FIRST_KNOTS), BOX)
        tallest = HEADROOM * max(first.tallest)
        return Scales(first.windows[0], BOX, (first.tallest[0], tallest))
    kind = KINDS[name]
    first = _picture(base, kind.make(**kind.defaults))
    grids = [np.linspace(p.minimum, p.maximum, _SETTINGS) for p in kind.parameters]
    names = [p.name for p in kind.parameters]
    ends = base.quantile([TAIL, 1 - TAIL])
    log_base = base.log_prob(first.z)
    lows, highs = [first.windows[-1][0]], [first.windows[-1][1]]
    tallest = first.tallest[-1]
    for values in itertools.product(*grids):
        try:
            step = kind.make(**dict(zip(names, map(float, values), strict=True)))
        except ValueError:
            continue  # a setting without an inverse
        low, high = window_around(step.forward(ends), step.image(base.support))
        lows.append(low)
        highs.append(high)
        tallest = max(tallest, float(np.exp((log_base - step.log_slope(first.z)).max())))
    tallest = min(tallest, HEADROOM * max(first.tallest))
    return Scales(first.windows[0], (min(lows), max(highs)), (first.tallest[0], tallest))


def _picture(base: Base, step: MonotoneMap, box: Interval | None = None) -> LinePicture:
    return line_picture(PushForward(base, (step,)), box)
