"""What the pictures of the line show is what the law says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from flowplay.onedim import (
    BASES,
    FIRST_KNOTS,
    KINDS,
    Affine,
    Base,
    Logistic,
    Logit,
    PushForward,
    Spline,
)
from flowplay.onedim.picture import SLICES, histogram, line_picture
from onedim.test_pushforward import stacks


@pytest.mark.parametrize("base", BASES.values(), ids=lambda base: base.name)
def test_rows_are_exact_and_slices_equal(base: Base) -> None:
    law = PushForward(base, (Spline(FIRST_KNOTS), Affine(-2.0, 1.0)))
    picture = line_picture(law)
    assert (np.diff(picture.z) > 0).all()
    np.testing.assert_allclose(law.log_prob(picture.states[-1]), picture.log_p[-1], atol=1e-6)
    cuts = picture.z[picture.edges[1:-1]]
    below = [float(base.distribution.cdf(z)) for z in cuts]
    np.testing.assert_allclose(below, np.arange(1, SLICES) / SLICES, atol=1e-6)


def test_the_histogram_is_of_the_same_density() -> None:
    law = PushForward(BASES["normal"], (Affine(2.0, 1.0),))
    window = (-9.0, 11.0)
    heights = histogram(law, window, seed=3)
    edges = np.linspace(*window, len(heights) + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    assert heights.sum() * (edges[1] - edges[0]) == pytest.approx(1.0)
    np.testing.assert_allclose(heights, np.exp(law.log_prob(centres)), atol=0.03)


def test_edges_of_a_density_are_in_the_picture() -> None:
    low, high = line_picture(PushForward(BASES["uniform"], (Affine(-2.0, 1.0),))).windows[-1]
    assert low < -1.0
    assert high > 1.0


def test_steep_ends_draw_too() -> None:
    for law in (
        PushForward(BASES["uniform"], (Logit(0.25),)),
        PushForward(BASES["logistic"], (Logistic(3.0),)),
    ):
        picture = line_picture(law)
        assert np.isfinite(picture.states).all()
        assert np.isfinite(picture.log_p).all()


@given(stacks())
@settings(max_examples=40, deadline=None)
def test_any_stack_is_drawn_or_refused_with_a_reason(law: PushForward) -> None:
    try:
        picture = line_picture(law)
    except ValueError:
        return  # With the reason that the test below reads.
    assert np.isfinite(picture.states).all()
    assert np.isfinite(picture.log_p).all()
    assert all(np.isfinite(top) and top > 0 for top in picture.tallest)
    assert all(low < high for low, high in picture.windows)


def test_maps_that_stretch_without_end_are_refused_with_the_reason() -> None:
    stretch = (KINDS["sinh"].make(0.8),) * 6
    with pytest.raises(ValueError, match="use weaker maps"):
        line_picture(PushForward(BASES["normal"], stretch))


def test_maps_that_squeeze_all_into_one_number_are_refused_with_the_reason() -> None:
    squeeze = (Affine(0.1, 3.0), KINDS["cubic"].make(1.0), Logistic(1.0))
    with pytest.raises(ValueError, match="to nearly one number"):
        line_picture(PushForward(BASES["normal"], squeeze))
