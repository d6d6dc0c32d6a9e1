"""The house colours, and the one colormap in which every density is drawn.

Blue is what is fixed (base, target, floor); orange is what moves and learns (model, samples, loss).
"""

from __future__ import annotations

from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

BLUE: Final = "#3079c6"
ORANGE: Final = "#e8720c"

#: Lines of the contestants of a race: colour, and dashes in pixels (none for a solid line), so that
#: they are told apart without colours too. None is like `BLUE`, which is the floor's.
RACERS: Final = (
    (ORANGE, ()),
    ("#8b62d6", (7, 3)),
    ("#1a9a78", (2, 3)),
    ("#c9408c", (9, 3, 2, 3)),
)

#: Dots of `ORANGE` get this thin outline, so that they stand out from cream as well as from navy.
DOT_OUTLINE: Final = "rgba(43, 18, 0, 0.75)"

#: Greys that carry on a white and on a dark page alike, for what no theme reaches.
GRID: Final = "rgba(128, 136, 150, 0.28)"
MUTED: Final = "#808896"

#: Control points (lightness, chroma, hue in degrees; OKLCH): indigo, blue, teal, green, cream.
_CONTROL_POINTS: Final = (
    (0.19, 0.05, 285.0),
    (0.33, 0.16, 272.0),
    (0.50, 0.16, 258.0),
    (0.70, 0.14, 200.0),
    (0.86, 0.12, 150.0),
    (0.97, 0.05, 98.0),
)

# Björn Ottosson, "A perceptual color space for image processing", 2020.
_OKLAB_TO_LMS_ROOT: Final = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_LMS_TO_LINEAR_SRGB: Final = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def oklab_path(n: int = 256) -> NDArray[np.float64]:
    """Return the colormap [n, 3] as (L, a, b) in OKLab, in steps of equal perceived size.

    A Bézier curve through colour space, walked at constant speed. Its lightness rises throughout,
    since that of the control points does.

    Args:
        n: colours.
    """
    lightness, chroma, hue = np.array(_CONTROL_POINTS).T
    radians = np.radians(hue)
    control = np.stack([lightness, chroma * np.cos(radians), chroma * np.sin(radians)], axis=1)
    fine = np.linspace(0, 1, 16 * n)
    steps = np.linalg.norm(np.diff(_bezier(control, fine), axis=0), axis=1)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    return _bezier(control, np.interp(np.linspace(0, length[-1], n), length, fine))


def oklab_to_srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert OKLab colours [n, 3] to sRGB [n, 3], in 0..1 where the screen can show them."""
    linear = np.power(lab @ _OKLAB_TO_LMS_ROOT.T, 3) @ _LMS_TO_LINEAR_SRGB.T
    gamma = 1.055 * np.power(np.maximum(linear, 0.0031308), 1 / 2.4) - 0.055
    srgb: NDArray[np.float64] = np.where(linear <= 0.0031308, 12.92 * linear, gamma)
    return srgb


def _bezier(control: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
    degree = len(control) - 1
    k = np.arange(degree + 1)
    binomial = np.array([comb(degree, i) for i in k])
    weights: NDArray[np.float64] = binomial * t[:, None] ** k * (1 - t[:, None]) ** (degree - k)
    points: NDArray[np.float64] = weights @ control
    return points


def _palette() -> NDArray[np.uint8]:
    palette = np.rint(255 * np.clip(oklab_to_srgb(oklab_path()), 0, 1)).astype(np.uint8)
    palette.flags.writeable = False
    return palette


#: Colour [256, 3] (red, green, blue) of each code of `flowplay.codes.encode_density`.
PALETTE: Final[NDArray[np.uint8]] = _palette()


#: Ends of the diverging map in OKLCH, squeezed and stretched, and the lightness of its middle.
_SQUEEZED: Final = (0.45, 0.12, 258.0)
_STRETCHED: Final = (0.45, 0.12, 45.0)
_NEUTRAL: Final = 0.92


def diverging_path() -> NDArray[np.float64]:
    """Return the diverging colormap [255, 3] as (L, a, b) in OKLab, in steps of equal size.

    Two straight lines from a neutral middle: blue for less, orange-brown for more, equally far
    and equally dark, so that neither sign looks larger than it is.
    """
    away = np.abs(np.linspace(-1, 1, 255))[:, None]
    middle = np.array([_NEUTRAL, 0.0, 0.0])
    ends = np.array(
        [
            [lightness, chroma * np.cos(h), chroma * np.sin(h)]
            for lightness, chroma, h in (
                (*_SQUEEZED[:2], np.radians(_SQUEEZED[2])),
                (*_STRETCHED[:2], np.radians(_STRETCHED[2])),
            )
        ]
    )
    end = np.where(np.arange(255)[:, None] < 127, ends[0], ends[1])
    path: NDArray[np.float64] = middle + away * (end - middle)
    return path


def _diverging() -> NDArray[np.uint8]:
    palette = np.rint(255 * np.clip(oklab_to_srgb(diverging_path()), 0, 1)).astype(np.uint8)
    palette.flags.writeable = False
    return palette


#: Colour [255, 3] of each code -127 … 127 of `flowplay.codes.encode_signed`.
DIVERGING: Final[NDArray[np.uint8]] = _diverging()


def plotly_colorscale() -> list[tuple[float, str]]:
    """Return the colormap for a *linear* density in Plotly.

    Colours are even in the square root of the density, so colour i of n stands at (i / n)^2: a
    Plotly heatmap of p gets the same colours as `PALETTE[encode_density(p)]`.
    """
    last = len(PALETTE) - 1
    return [((i / last) ** 2, f"rgb({r},{g},{b})") for i, (r, g, b) in enumerate(PALETTE.tolist())]
