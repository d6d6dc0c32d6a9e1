"""Densities pushed along the line: whole, right at the edges, the same in steps and at once."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import differentiate, stats

from flowplay.onedim import (
    BASES,
    FIRST_KNOTS,
    FIRST_STACK,
    KINDS,
    SPLINE,
    Affine,
    Base,
    Logistic,
    Logit,
    MonotoneMap,
    PushForward,
    Spline,
    Step,
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
        name = draw(st.sampled_from([*KINDS, SPLINE]))
        values = {}
        if name in KINDS:
            values = {p.name: draw(st.floats(p.minimum, p.maximum)) for p in KINDS[name].parameters}
        if name == "affine":
            values["a"] = math.copysign(max(abs(values["a"]), 0.1), values["a"])
        try:
            maps = PushForward(base, (*maps, Step(name, values).build(FIRST_KNOTS))).maps
        except ValueError:
            continue
    return PushForward(base, maps or (Affine(2.0, 0.0),))


@given(stacks(), st.floats(0.05, 0.95))
@settings(max_examples=150, deadline=None)
def test_the_sum_of_log_slopes_is_the_one_of_the_whole(law: PushForward, p: float) -> None:
    z = law.base.quantile([p])
    states, slopes = law.states(z)
    # Where a map rounds values together, the next one's slope is that of another point; and a
    # slope may be too small for a number.
    apart = np.allclose(law.inverse(states[-1]), z, rtol=0, atol=1e-8)
    if not apart or abs(slopes.sum()) > 600:
        return
    np.testing.assert_allclose(law.one_shot_log_slope(z), slopes.sum(0), rtol=0, atol=1e-5)
    further = law.forward(z + 1e-3 * np.array([-1, 1]))
    assert (further[1] > further[0]) == law.increasing


def test_the_whole_s_slope_is_right_to_the_last_digits() -> None:
    law = PushForward(BASES["normal"], tuple(step.build(FIRST_KNOTS) for step in FIRST_STACK))
    z = np.linspace(-3.5, 3.5, 29)
    whole = law.one_shot_log_slope(z)
    np.testing.assert_allclose(whole, law.states(z)[1].sum(0), atol=1e-12)
    # Differences know neither complex numbers nor slopes; away from knots they are exact enough.
    smooth = np.abs(z[:, None] - np.array(FIRST_KNOTS)[:, 0]).min(1) > 0.04
    found = differentiate.derivative(law.forward, z[smooth], initial_step=0.03)
    np.testing.assert_allclose(whole[smooth], np.log(np.abs(found.df)), atol=1e-6)


def test_however_flat_the_sum_is_the_one_of_the_whole() -> None:
    flat = (Affine(0.1, 0.0), Affine(0.1, 3.0), Logistic(3.0), Logistic(1.0), Logistic(0.25))
    law = PushForward(BASES["uniform"], flat)
    z = np.linspace(0.01, 0.99, 9)
    np.testing.assert_allclose(
        law.one_shot_log_slope(z), law.states(z)[1].sum(0), rtol=0, atol=1e-10
    )


@given(arrays(float, (len(FIRST_KNOTS), 2), elements=st.floats(-4, 4)))
@settings(max_examples=60, deadline=None)
def test_under_any_dragged_curve_the_density_is_whole(points: np.ndarray) -> None:
    curve = Spline(repair_knots(points.tolist(), FIRST_KNOTS)[0])
    for base in BASES.values():
        assert PushForward(base, (curve,)).integral() == pytest.approx(1.0, abs=1e-4)
