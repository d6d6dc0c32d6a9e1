"""The pieces under the families: roots, splines, standardization, the conditioner's backward."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowplay.flows import NotConvergedError, Standardization, roots
from flowplay.flows.conditioner import Conditioner
from flowplay.flows.planar import Planar
from flowplay.flows.roots import increasing_root
from flowplay.flows.splines import (
    parameter_count,
    rational_quadratic,
    rational_quadratic_inverse,
)
from flowplay.kernels.layout import MIN_BIN


@given(c=st.floats(-1 + 1e-6, 1e3), target=st.floats(-1e3, 1e3))
@settings(max_examples=200, deadline=None)
def test_root_of_the_planar_equation(c: float, target: float) -> None:
    def excess(a: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(a)
        return a + c * h - target, 1 + c * (1 - h.square())

    middle = torch.tensor([target], dtype=torch.float64)
    root = increasing_root(excess, middle - abs(c) - 1, middle + abs(c) + 1)
    assert abs(float(excess(root)[0])) <= 1e-12 * (1 + abs(target) + abs(c))


def test_root_says_when_it_does_not_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roots, "MAX_ITERATIONS", 2)
    with pytest.raises(NotConvergedError, match="after 2 iterations"):
        increasing_root(lambda a: (a**3 - 8, 3 * a**2), torch.zeros(1), torch.full((1,), 9.0))


def test_planar_stays_invertible_for_any_parameters() -> None:
    torch.manual_seed(0)
    for _ in range(50):
        layer = Planar(2).double()
        with torch.no_grad():
            for p in layer.parameters():
                p.copy_(5 * torch.randn_like(p))
        x = 3 * torch.randn(200, 2, dtype=torch.float64)
        z, log_det = layer.inverse(x)
        assert torch.isfinite(log_det).all()
        assert (layer(z)[0] - x).abs().max() < 1e-8


def _theta(n: int, bins: int, spread: float) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (n, parameter_count(bins))
    return spread * torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("bound", [1.0, 4.0, 64.0])
def test_spline_is_the_identity_at_zero_and_outside(bound: float) -> None:
    x = torch.linspace(-3 * bound, 3 * bound, 301, dtype=torch.float64)
    y, log_derivative = rational_quadratic(x, torch.zeros(301, parameter_count(8)).double(), bound)
    torch.testing.assert_close(y, x, rtol=0, atol=1e-12 * bound)
    torch.testing.assert_close(log_derivative, torch.zeros_like(x), rtol=0, atol=1e-12)
    outside = x.abs() >= bound
    y, log_derivative = rational_quadratic(x, _theta(301, 8, 2.0), bound)
    assert torch.equal(y[outside], x[outside])
    assert (log_derivative[outside] == 0).all()


def test_spline_is_increasing_continuous_and_its_derivative_is_right() -> None:
    theta = _theta(1, 10, 1.0).expand(4001, -1)
    x = torch.linspace(-4.5, 4.5, 4001, dtype=torch.float64, requires_grad=True)
    y, log_derivative = rational_quadratic(x, theta, 4.0)
    assert (y.diff() > 0).all()
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(log_derivative, slope.log(), rtol=0, atol=1e-9)


def test_spline_meets_its_knots() -> None:
    """At a knot the spline takes the knot's value: the running sums of the softmax sizes."""
    theta = _theta(1, 6, 1.0)
    sizes = 8 * (MIN_BIN + (1 - 6 * MIN_BIN) * theta[:, :6].softmax(-1))
    heights = 8 * (MIN_BIN + (1 - 6 * MIN_BIN) * theta[:, 6:12].softmax(-1))
    x = (sizes.cumsum(-1) - 4)[0, :-1]
    y, _ = rational_quadratic(x, theta.expand(5, -1), 4.0)
    torch.testing.assert_close(y, (heights.cumsum(-1) - 4)[0, :-1], rtol=0, atol=1e-10)


def test_spline_inverse() -> None:
    x = torch.linspace(-5, 5, 2000, dtype=torch.float64)
    theta = _theta(2000, 12, 1.0)
    y, log_derivative = rational_quadratic(x, theta, 4.0)
    back, inverse_log_derivative = rational_quadratic_inverse(y, theta, 4.0)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-9)
    torch.testing.assert_close(inverse_log_derivative, -log_derivative, rtol=0, atol=1e-8)


def test_spline_gradients_are_finite_when_all_points_are_in_the_tails() -> None:
    theta = _theta(6, 12, 20.0).float().requires_grad_()
    x = torch.tensor([-1e3, -4.0, 4.0, 1e3, 4.0000005, -1e30], requires_grad=True)
    for spline in (rational_quadratic, rational_quadratic_inverse):
        y, log_derivative = spline(x, theta, 4.0)
        gradients = torch.autograd.grad(y.sum() + log_derivative.sum(), (x, theta))
        assert all(torch.isfinite(g).all() for g in gradients)


def test_conditioner_s_backward() -> None:
    torch.manual_seed(0)
    network = Conditioner(2, 5, 3).double()
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.3 * torch.randn_like(p))
    x = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *_: network(x), (x, *network.parameters()))


def test_conditioner_against_plain_layers() -> None:
    torch.manual_seed(0)
    network = Conditioner(3, 8, 4)
    with torch.no_grad():
        network.last.weight.normal_()
    plain = torch.nn.Sequential(
        network.first, torch.nn.SiLU(), network.second, torch.nn.SiLU(), network.last
    )
    x = torch.randn(10, 3)
    torch.testing.assert_close(network(x), plain(x))


def test_standardization() -> None:
    data = torch.randn(500, 3) * torch.tensor([1.0, 10.0, 0.1]) + 5
    standardization = Standardization.of(data)
    z, log_det = standardization.inverse(data)
    torch.testing.assert_close(z.mean(0), torch.zeros(3), rtol=0, atol=1e-4)
    torch.testing.assert_close(z.std(0, correction=0), torch.ones(3), rtol=0, atol=1e-4)
    assert float(log_det[0]) == pytest.approx(
        -math.log(float(data.std(0, correction=0).prod())), abs=1e-4
    )
    with pytest.raises(ValueError, match="positive, finite spread"):
        Standardization.of(torch.ones(10, 2))
