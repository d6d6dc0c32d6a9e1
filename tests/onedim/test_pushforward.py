"""Densities pushed along the line: whole, right at the edges, the same in steps and at once."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from flowplay.onedim import (
    BASES,
    FIRST_KNOTS,
    KINDS,
    Affine,
    Base,
    Logistic,
    Logit,
    MonotoneMap,
    PushForward,
    Spline,
    repair_knots,
)


def laws() -> list[PushForward]:
    """Return every base under every map that suits it, at the corners of the map's parameters."""
    found = []
    for base in BASES.values():
        maps: list[MonotoneMap] = [Spline(FIRST_KNOTS), Affine(0.05, 0.0), Affine(-0.05, 1.0)]
        for kind in KINDS.values():
            if kind.name != "logit" or base.name == "uniform":
                ranges = [(p.minimum, p.default, p.maximum) for p in kind.parameters]
                maps += [kind.make(*values) for values in product(*ranges)]
        found += [PushForward(base, (step,)) for step in maps]
    return found


def named(law: PushForward) -> str:
    return f"{law.base.name}-{law.maps[0]}"


@pytest.mark.parametrize("law", laws(), ids=named)
def test_every_density_integrates_to_one(law: PushForward) -> None:
    assert law.integral() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("base", BASES.values(), ids=lambda base: base.name)
def test_without_the_slope_it_is_no_density(base: Base) -> None:
    assert PushForward(base, (Affine(-2.5, 1.0),)).integral(naive=True) == pytest.approx(2.5)
    assert PushForward(base, (Affine(1.0, 1.0),)).integral(naive=True) == pytest.approx(1.0)


def test_the_naive_integral_is_the_mean_slope() -> None:
    law = PushForward(BASES["normal"], (KINDS["sinh"].make(0.8),))
    assert law.integral(naive=True) == pytest.approx(math.exp(0.8**2 / 2), abs=1e-6)
    assert PushForward(BASES["uniform"], (Logit(1.0),)).integral(naive=True) == math.inf


def test_a_negative_stretch_mirrors_the_density() -> None:
    law = PushForward(BASES["normal"], (Affine(-2.0, 3.0),))
    x = np.linspace(-6, 12, 50)
    np.testing.assert_allclose(law.log_prob(x), stats.norm(3, 2).logpdf(x))
    assert not law.increasing
    lopsided = PushForward(BASES["two_bumps"], (Affine(-1.0, 0.0),))
    np.testing.assert_allclose(lopsided.log_prob(x), BASES["two_bumps"].log_prob(-x))


@pytest.mark.parametrize("a", [-2.0, 0.5])
def test_the_uniform_base_keeps_its_edges(a: float) -> None:
    law = PushForward(BASES["uniform"], (Affine(a, 1.0),))
    low, high = sorted((1.0, 1.0 + a))
    assert law.supports[-1] == (low, high)
    inside = np.array([low + 1e-9, high - 1e-9])
    np.testing.assert_allclose(law.log_prob(inside), -math.log(abs(a)))
    assert (law.log_prob([low - 1e-9, high + 1e-9]) == -np.inf).all()


def test_uniform_and_logistic_are_one_map_apart() -> None:
    x = np.linspace(-6, 6, 41)
    there = PushForward(BASES["uniform"], (Logit(1.0),))
    np.testing.assert_allclose(there.log_prob(x), BASES["logistic"].log_prob(x), atol=1e-10)
    back = PushForward(BASES["logistic"], (Logistic(1.0),))
    np.testing.assert_allclose(back.log_prob([0.01, 0.5, 0.99]), 0.0, atol=1e-10)


def test_a_map_is_refused_where_it_is_not_defined() -> None:
    with pytest.raises(ValueError, match=r"Map 2 \(logit\) takes values in \(0, 1\)"):
        PushForward(BASES["normal"], (Affine(1.0, 0.0), Logit(1.0)))
    PushForward(BASES["normal"], (Logistic(1.0), Logit(1.0)))


@st.composite
def stacks(draw: st.DrawFn) -> PushForward:
    """Draw a base and up to six maps that suit each other."""
    base = BASES[draw(st.sampled_from(list(BASES)))]
    maps: tuple[MonotoneMap, ...] = ()
    for _ in range(draw(st.integers(1, 6))):
        kind = KINDS[draw(st.sampled_from(list(KINDS)))]
        values = [draw(st.floats(p.minimum, p.maximum)) for p in kind.parameters]
        if kind.name == "affine":
            values[0] = math.copysign(max(abs(values[0]), 0.1), values[0])
        try:
            maps = PushForward(base, (*maps, kind.make(*values))).maps
        except ValueError:
            continue
    return PushForward(base, maps or (Affine(2.0, 0.0),))


@given(stacks(), st.floats(0.05, 0.95))
@settings(max_examples=150, deadline=None)
def test_the_sum_of_log_slopes_is_the_one_of_the_whole(law: PushForward, p: float) -> None:
    z = law.base.quantile([p])
    states, slopes = law.states(z)
    total = slopes.sum(0)
    # Where values leave what numbers can hold apart, there is nothing to compare.
    if abs(states).max() < 1e6 and abs(slopes).max() < 12:
        np.testing.assert_allclose(law.one_shot_log_slope(z), total, atol=5e-7)
    increasing = law.forward(z + 1e-3) > law.forward(z)
    assert bool(increasing[0]) == law.increasing or abs(total).max() > 12


@given(arrays(float, (len(FIRST_KNOTS), 2), elements=st.floats(-4, 4)))
@settings(max_examples=60, deadline=None)
def test_under_any_dragged_curve_the_density_is_whole(points: np.ndarray) -> None:
    curve = Spline(repair_knots(points.tolist(), FIRST_KNOTS)[0])
    for base in BASES.values():
        assert PushForward(base, (curve,)).integral() == pytest.approx(1.0, abs=1e-4)
