"""The colormap is perceptually even, and the same in Plotly as in 8-bit pictures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from flowplay.codes import encode_density
from flowplay.figures.colors import (
    DIVERGING,
    ORANGE,
    PALETTE,
    diverging_path,
    oklab_path,
    oklab_to_srgb,
    plotly_colorscale,
)


def _oklab(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return sRGB bytes [n, 3] in OKLab, by the published forward matrices."""
    s = rgb / 255
    linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    to_lms = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    lab: NDArray[np.float64] = np.cbrt(linear @ np.transpose(to_lms)) @ np.transpose(to_lab)
    return lab


def test_neighbours_are_equally_far_apart() -> None:
    steps = np.linalg.norm(np.diff(oklab_path(), axis=0), axis=1)
    assert steps.max() / steps.min() < 1.01


def test_evenness_survives_rounding_to_bytes() -> None:
    steps = np.linalg.norm(np.diff(_oklab(PALETTE)[::15], axis=0), axis=1)
    assert steps.max() / steps.min() < 1.1


def test_lightness_rises_throughout() -> None:
    assert np.all(np.diff(_oklab(PALETTE)[:, 0]) > 0)


def test_every_colour_is_one_the_screen_can_show() -> None:
    srgb = oklab_to_srgb(oklab_path())
    assert srgb.min() >= 0
    assert srgb.max() <= 1


def test_orange_dots_stand_out_from_every_colour() -> None:
    orange = np.array([[int(ORANGE[i : i + 2], 16) for i in (1, 3, 5)]], np.uint8)
    assert np.linalg.norm(_oklab(PALETTE) - _oklab(orange), axis=1).min() > 0.15


@pytest.mark.parametrize("density", [0.0, 0.003, 0.1, 0.5, 1.0])
def test_plotly_shows_a_linear_density_in_the_same_colour(density: float) -> None:
    stops = plotly_colorscale()
    positions = [stop for stop, _ in stops]
    colors = np.array([[int(v) for v in color[4:-1].split(",")] for _, color in stops])
    shown = [np.interp(density, positions, channel) for channel in colors.T]
    expected = PALETTE[encode_density(np.array(density), 1.0)]
    assert positions[0] == 0
    assert positions[-1] == 1
    np.testing.assert_allclose(shown, expected, atol=3)


def test_the_diverging_map_is_even_and_takes_no_side() -> None:
    steps = np.linalg.norm(np.diff(diverging_path(), axis=0), axis=1)
    assert steps.max() / steps.min() < 1.01
    lab = _oklab(DIVERGING)
    np.testing.assert_allclose(lab[:, 0], lab[::-1, 0], atol=0.01)
    assert np.all(np.diff(lab[:128, 0]) > 0)
    assert np.abs(lab[127, 1:]).max() < 0.01, "the middle is neutral"
    srgb = oklab_to_srgb(diverging_path())
    assert srgb.min() >= 0
    assert srgb.max() <= 1
