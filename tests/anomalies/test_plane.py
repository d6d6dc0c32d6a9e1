"""Contours and masses against functions for which both are known."""

from __future__ import annotations

import numpy as np
import pytest

from flowplay.anomalies.plane import contour, mass_outside
from flowplay.grids import cell_centres

WINDOW = (-5.0, 5.0, -5.0, 5.0)
NORMAL = -0.5 * (cell_centres(WINDOW, 192).astype(np.float64) ** 2).sum(-1) - np.log(2 * np.pi)


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.0, 3.5])
def test_the_contour_of_a_gaussian_is_its_circle(radius: float) -> None:
    level = -np.log(2 * np.pi) - radius**2 / 2
    pieces = contour(NORMAL, WINDOW, level)
    assert np.linalg.norm(pieces, axis=-1) == pytest.approx(radius, abs=2e-3)
    length = np.linalg.norm(pieces[:, 1] - pieces[:, 0], axis=-1).sum()
    assert length == pytest.approx(2 * np.pi * radius, rel=2e-3)
    # A closed line: each end is the end of one other piece.
    _, counts = np.unique(pieces.reshape(-1, 2).round(9), axis=0, return_counts=True)
    assert (counts == 2).all()


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.0, 3.5])
def test_the_mass_outside_of_it_is_that_of_the_gaussian(radius: float) -> None:
    found = mass_outside(NORMAL, WINDOW, np.log(2 * np.pi) + radius**2 / 2)
    assert found.outside == pytest.approx(np.exp(-(radius**2) / 2), abs=2e-3)
    assert found.whole


def test_a_line_that_leaves_the_picture_is_told() -> None:
    assert not mass_outside(NORMAL, WINDOW, np.log(2 * np.pi) + 6**2 / 2).whole


def test_saddles_and_what_is_no_number() -> None:
    saddle = np.array([[0.0, 2.0], [2.0, 0.0]])
    low, high = (contour(saddle, (0, 2, 0, 2), level) for level in (0.9, 1.1))
    assert len(low) == len(high) == 2
    assert low.tolist() != high.tolist()
    gone = NORMAL.copy()
    gone[:20] = -np.inf
    gone[30, 30] = np.nan
    assert np.isfinite(contour(gone, WINDOW, -np.log(2 * np.pi) - 2)).all()
    assert contour(np.zeros((4, 4)), WINDOW, 1.0).shape == (0, 2, 2)


def test_four_spots_have_four_lines() -> None:
    x = cell_centres(WINDOW, 192).astype(np.float64)
    spots = [(-2, -2), (2, -2), (-2, 2), (2, 2)]
    density = sum(np.exp(-(((x - spot) ** 2).sum(-1)) / 0.1) for spot in spots)
    pieces = contour(density, WINDOW, 0.5)
    nearest = np.linalg.norm(pieces.mean(1)[:, None] - np.array(spots), axis=-1)
    assert nearest.min(1) == pytest.approx(np.sqrt(0.1 * np.log(2)), abs=5e-3)
    assert set(nearest.argmin(1)) == {0, 1, 2, 3}
