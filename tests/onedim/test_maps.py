"""Maps of the line: inverse, slope, and what no map may be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import differentiate

from flowplay.onedim import (
    FIRST_KNOTS,
    KINDS,
    Affine,
    MonotoneMap,
    Spline,
    repair_knots,
    repair_values,
)
from flowplay.onedim.spline import GAP, REACH


def corners() -> list[MonotoneMap]:
    """Return every map at the ends of its parameters' ranges and at its defaults."""
    maps: list[MonotoneMap] = [Spline(FIRST_KNOTS), Affine(-0.05, 1.0), Affine(0.05, -3.0)]
    for kind in KINDS.values():
        choices = [(p.minimum, p.default, p.maximum) for p in kind.parameters]
        maps += [kind.make(*values) for values in zip(*choices, strict=True)]
    return maps


def inside(step: MonotoneMap) -> np.ndarray:
    """Return values well within a map's domain, none of them a knot."""
    low, high = (max(step.domain[0], -4.0), min(step.domain[1], 4.0))
    return np.linspace(low, high, 42)[1:-1]


@pytest.mark.parametrize("step", corners(), ids=str)
def test_the_inverse_leads_back(step: MonotoneMap) -> None:
    z = inside(step)
    np.testing.assert_allclose(step.inverse(step.forward(z)), z, atol=1e-9)


@pytest.mark.parametrize("step", corners(), ids=str)
def test_the_slope_is_the_derivative(step: MonotoneMap) -> None:
    z = inside(step)
    found = differentiate.derivative(step.forward, z, initial_step=1e-2).df
    np.testing.assert_allclose(np.exp(step.log_slope(z)), np.abs(found), rtol=2e-6)
    assert ((found > 0) == step.increasing).all()


@pytest.mark.parametrize("name", ["sinh", "softplus", "cubic", "logistic"])
def test_the_slope_is_what_autograd_says(name: str) -> None:
    torch = pytest.importorskip("torch")
    written = {
        "sinh": lambda z: torch.sinh(0.6 * z) / 0.6,
        "softplus": torch.nn.functional.softplus,
        "cubic": lambda z: z + 0.2 * z**3,
        "logistic": torch.sigmoid,
    }
    z = torch.linspace(-3, 3, 61, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(written[name](z).sum(), z)
    step = KINDS[name].make(**KINDS[name].defaults)
    np.testing.assert_allclose(np.exp(step.log_slope(z.detach().numpy())), slope, rtol=1e-9)


def test_a_map_that_leads_to_one_point_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="every z to the same point"):
        Affine(0.0, 1.0)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)
DRAGGED = arrays(float, (len(FIRST_KNOTS), 2), elements=st.floats(-9, 9)) | arrays(
    float, (len(FIRST_KNOTS), 2), elements=st.sampled_from([-3.0, -0.05, 0.0, 0.05, 3.0, 1e300])
)


@given(DRAGGED)
@settings(max_examples=300, deadline=None)
def test_wherever_knots_are_dragged_the_curve_stays_monotone(points: np.ndarray) -> None:
    knots, sentence = repair_knots(points.tolist(), FIRST_KNOTS)
    kept = np.array(knots)
    assert (np.diff(kept, axis=0) >= GAP - 2e-6).all()
    assert (np.abs(kept) <= REACH).all()
    assert bool(sentence) == (not np.allclose(kept, points, atol=1e-5))
    assert repair_knots(kept.tolist(), FIRST_KNOTS) == (knots, "")
    curve = Spline(knots)
    z = np.linspace(-4, 4, 801)
    x = curve.forward(z)
    assert (np.diff(x) > 0).all()
    assert np.isfinite(curve.log_slope(z)).all()
    np.testing.assert_allclose(curve.inverse(x), z, atol=1e-7)


@given(ANYTHING)
@settings(max_examples=300, deadline=None)
def test_nothing_a_browser_sends_breaks_knots_or_values(sent: object) -> None:
    knots, _ = repair_knots(sent, FIRST_KNOTS)
    Spline(knots)
    for kind in KINDS.values():
        given_values = {p.name: sent for p in kind.parameters}
        for found in (sent, given_values):
            values, refused = repair_values(kind.parameters, found, kind.defaults)
            assert set(values) == set(kind.defaults)
            assert all(p.minimum <= values[p.name] <= p.maximum for p in kind.parameters)
            assert all(sentence.endswith(".") for sentence in refused)


@pytest.mark.parametrize(
    "knots",
    [((0.0, 0.0),), ((0, 0), (0, 1)), ((0, 1), (1, 0)), ((0, 0), (float("nan"), 1))],
)
def test_a_spline_refuses_what_is_no_monotone_curve(knots: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="knot"):
        Spline(knots)
