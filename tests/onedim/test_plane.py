"""The plane: areas are determinants, and the density says so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from flowplay.onedim.plane import PlaneMap

STRETCH = st.floats(0.05, 2.0) | st.floats(-2.0, -0.05)


@given(STRETCH, STRETCH, st.floats(-2, 2), st.floats(-180, 180))
def test_the_square_s_area_is_the_determinant(
    w: float, h: float, shear: float, turn: float
) -> None:
    tilted = PlaneMap(w, h, shear, turn)
    assert tilted.area == pytest.approx(abs(w * h), rel=1e-9)
    assert tilted.determinant == pytest.approx(w * h, rel=1e-9)


def test_the_pushed_forward_gaussian_is_the_one_of_the_textbook() -> None:
    tilted = PlaneMap(1.5, -0.8, 0.5, 20.0)
    a = tilted.matrix
    x = np.random.default_rng(0).normal(size=(20, 2))
    book = stats.multivariate_normal([0, 0], a @ a.T).logpdf(x)
    np.testing.assert_allclose(tilted.log_prob(x), book)


def test_a_line_of_equal_density_is_one() -> None:
    tilted = PlaneMap(1.5, 0.3, -1.0, 75.0)
    values = tilted.log_prob(tilted.circle(2.0))
    np.testing.assert_allclose(values, values[0])


@pytest.mark.parametrize("stretch", [(0.0, 1.0), (1.0, 0.0)])
def test_a_flat_map_is_refused_with_the_reason(stretch: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="no inverse"):
        PlaneMap(*stretch, 0.0, 0.0)
