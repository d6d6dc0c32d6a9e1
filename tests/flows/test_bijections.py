"""One battery over the registry: what every family must keep, judged by autograd and integrals."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from flowplay.catalog import ARCHITECTURES, FLOW_FAMILIES, Choice
from flowplay.flows import (
    FAMILIES,
    Flow,
    Standardization,
    build_flow,
    standard_normal_log_prob,
)

DIMS = (2, 5)

#: Every family, with its defaults and with every other choice of each of its options.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in FAMILIES} | {
    f"{name}-{option.name}={choice}": (name, {option.name: choice})
    for name in FAMILIES
    for option in ARCHITECTURES[name].options
    if isinstance(option, Choice)
    for choice in option.choices
    if choice != option.default
}
#: Those whose densities differ: a solver or an estimator for training is not a density of its own.
DENSITIES = [v for v in VARIANTS if not re.search("solver|trace|log_det", v)]
CASES = [pytest.param(v, dim, id=f"{v}-{dim}d") for v in VARIANTS for dim in DIMS]


def random_flow(
    variant: str,
    dim: int,
    *,
    depth: int = 4,
    dtype: torch.dtype = torch.float64,
    spread: float = 0.1,
) -> Flow:
    """Build a flow far from the identity, standardization included, in evaluation mode."""
    name, options = VARIANTS[variant]
    torch.manual_seed(1)
    standardization = Standardization(torch.linspace(-1, 2, dim), torch.linspace(0.5, 3, dim))
    flow = build_flow(
        name, dim, depth=depth, width=16, seed=0, standardization=standardization, **options
    )
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(spread * torch.randn_like(p))
    return flow.to(dtype).eval()


def base_points(n: int, dim: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return 1.5 * torch.randn(n, dim, generator=torch.Generator().manual_seed(2), dtype=dtype)


def plane(mean: Sequence[float] = (-1, 2), std: Sequence[float] = (0.5, 3)) -> tuple[Tensor, float]:
    """Return cell centres [n, 2], seven spreads of `random_flow` wide, and the area of a cell."""
    sides = [torch.linspace(m - 7 * s, m + 7 * s, 401) for m, s in zip(mean, std, strict=True)]
    return torch.cartesian_prod(*sides), math.prod(float(side[1] - side[0]) for side in sides)


def jacobian(y: Tensor, x: Tensor) -> Tensor:
    """Return dy/dx [B, D, D] of a map that treats every row by itself."""
    rows = [torch.autograd.grad(y[:, i].sum(), x, retain_graph=True)[0] for i in range(y.shape[1])]
    return torch.stack(rows, 1)


def test_catalog_and_registry_name_the_same_families() -> None:
    assert set(FAMILIES) == set(FLOW_FAMILIES)


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_round_trip(name: str, dim: int) -> None:
    flow = random_flow(name, dim)
    z = base_points(500, dim)
    x, log_det = flow(z)
    back, log_det_back = flow.inverse(x)
    assert (x - z).abs().max() > 0.1, "the flow under test is the identity"
    assert (back - z).abs().max() <= flow.tolerance
    assert (log_det + log_det_back).abs().max() <= flow.tolerance


@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.parametrize(("name", "dim"), CASES)
def test_log_det_is_that_of_the_autograd_jacobian(name: str, dim: int, direction: str) -> None:
    flow = random_flow(name, dim)
    points = base_points(200, dim)
    if direction == "inverse":
        points = flow(points)[0].detach()
    points.requires_grad_()
    image, log_det = flow(points) if direction == "forward" else flow.inverse(points)
    expected = torch.linalg.slogdet(jacobian(image, points))[1]
    torch.testing.assert_close(log_det, expected, rtol=0, atol=flow.tolerance)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.parametrize(("name", "dim"), CASES)
def test_each_layer_s_log_det(name: str, dim: int, direction: str) -> None:
    flow = random_flow(name, dim)
    for bijection in flow.bijections:
        points = base_points(50, dim).requires_grad_()
        image, log_det = bijection(points) if direction == "forward" else bijection.inverse(points)
        expected = torch.linalg.slogdet(jacobian(image, points))[1]
        torch.testing.assert_close(log_det, expected, rtol=0, atol=bijection.tolerance)


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_starts_as_the_base_in_standardized_units(name: str, dim: int) -> None:
    """The first picture is the base: rotated or reordered at most. A mixture is only about it."""
    family, options = VARIANTS[name]
    flow = build_flow(family, dim, depth=3, width=16, seed=3, **options).double().eval()
    x = base_points(100, dim)
    tolerance = 1.0 * dim if family == "flowpp" else 1e-5
    torch.testing.assert_close(
        flow.log_prob(x), standard_normal_log_prob(x), rtol=0, atol=tolerance
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_parameter_gradients_against_finite_differences(name: str) -> None:
    flow = random_flow(name, 2, depth=2)
    x = flow(base_points(20, 2))[0].detach()
    parameters = list(flow.parameters())
    gradients = torch.autograd.grad(flow.log_prob(x).mean(), parameters)
    # An adaptive solver's own error must stay small beside the difference.
    step, tolerance = (1e-4, 1e-2) if flow.tolerance > 1e-8 else (1e-6, 1e-5)
    for p, gradient in zip(parameters, gradients, strict=True):
        direction = torch.randn_like(p)
        with torch.no_grad():
            p.add_(step * direction)
            above = flow.log_prob(x).mean()
            p.sub_(2 * step * direction)
            below = flow.log_prob(x).mean()
            p.add_(step * direction)
        measured = (above - below) / (2 * step)
        torch.testing.assert_close(
            (gradient * direction).sum(), measured, rtol=tolerance, atol=tolerance / 100
        )


@pytest.mark.parametrize("name", VARIANTS)
def test_gradients_of_the_generating_direction(name: str) -> None:
    flow = random_flow(name, 2, depth=2)
    z = base_points(20, 2)
    for p in flow.parameters():
        (gradient,) = torch.autograd.grad(flow(z)[0].square().mean(), p)
        direction, step = torch.randn_like(p), 1e-6
        with torch.no_grad():
            p.add_(step * direction)
            above = flow(z)[0].square().mean()
            p.sub_(2 * step * direction)
            below = flow(z)[0].square().mean()
            p.add_(step * direction)
        measured = (above - below) / (2 * step)
        torch.testing.assert_close((gradient * direction).sum(), measured, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_far_away_inputs_give_finite_values_and_gradients(name: str, dim: int) -> None:
    flow = random_flow(name, dim, dtype=torch.float32)
    corners = itertools.islice(itertools.product((-1e3, 1e3), repeat=dim), 8)
    x = torch.tensor(list(corners), requires_grad=True)
    log_prob = flow.log_prob(x)
    log_prob.mean().backward()
    assert torch.isfinite(log_prob).all()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in flow.parameters() if p.grad is not None)
    assert torch.isfinite(flow(x.detach())[0]).all()


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_states_and_layer_densities_are_consistent(name: str, dim: int) -> None:
    flow = random_flow(name, dim)
    z = base_points(100, dim)
    states, log_dets = flow.forward_states(z)
    x, log_det = flow(z)
    # All pieces of an ODE are solved at once where states are not asked for.
    torch.testing.assert_close(states[-1], x, rtol=1e-7, atol=flow.tolerance)
    torch.testing.assert_close(log_dets.sum(0), log_det, rtol=1e-7, atol=flow.tolerance)
    back, back_log_dets = flow.inverse_states(x)
    torch.testing.assert_close(back, states, rtol=0, atol=flow.tolerance)
    torch.testing.assert_close(back_log_dets, -log_dets, rtol=0, atol=flow.tolerance)
    for k, y in enumerate(states):
        expected = flow.layer_log_prob(0, z) - log_dets[:k].sum(0)
        torch.testing.assert_close(flow.layer_log_prob(k, y), expected, rtol=0, atol=flow.tolerance)
    torch.testing.assert_close(flow.layer_log_prob(len(states) - 1, x), flow.log_prob(x))
    with pytest.raises(ValueError, match="k must be between"):
        flow.layer_log_prob(len(states), x)


@pytest.mark.parametrize("name", DENSITIES)
def test_every_layer_s_density_integrates_to_one(name: str) -> None:
    # No ridge thinner than the grid.
    flow = random_flow(name, 2, spread=0.03, dtype=torch.float32)
    last = len(flow.bijections)
    with torch.inference_mode():
        for k, (grid, cell) in ((1, plane((0, 0), (1.5, 1.5))), (last, plane())):
            blocks = [flow.layer_log_prob(k, g).double() for g in grid.split(10_000)]
            mass = float(torch.cat(blocks).exp().sum())
            assert mass * cell == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("name", DENSITIES)
def test_samples_follow_the_density(name: str) -> None:
    """The share of samples in a half-plane is the density's integral over it."""
    flow = random_flow(name, 2, spread=0.03, dtype=torch.float32)
    n = 20_000
    x = flow.sample(n, generator=torch.Generator().manual_seed(0))
    grid, cell = plane()
    with torch.inference_mode():
        density = torch.cat([flow.log_prob(g).double() for g in grid.split(10_000)]).exp()
    for normal in torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]]):
        offset = float((x @ normal).median()) + 0.5
        expected = float(density[grid @ normal > offset].sum()) * cell
        share = float((x @ normal > offset).double().mean())
        assert abs(share - expected) < 4 * math.sqrt(0.25 / n) + 2e-3


@pytest.mark.parametrize("name", VARIANTS)
def test_sampling_is_repeatable_and_temperature_scales_the_base(name: str) -> None:
    flow = random_flow(name, 2)

    def draw(temperature: float) -> Tensor:
        return flow.sample(200, temperature, torch.Generator().manual_seed(5))

    torch.testing.assert_close(draw(1.0), draw(1.0))
    cold = flow.sample(50, temperature=0.0)
    torch.testing.assert_close(cold, cold[:1].expand(50, 2))
    assert not torch.allclose(draw(1.0), draw(0.5))


@pytest.mark.parametrize("name", VARIANTS)
def test_save_and_load(name: str) -> None:
    flow, other = random_flow(name, 2), random_flow(name, 2)
    x = base_points(50, 2)
    with torch.no_grad():
        for p in other.parameters():
            p.zero_()
    other.load_state_dict(flow.state_dict())
    torch.testing.assert_close(other.log_prob(x), flow.log_prob(x), rtol=0, atol=0)


@pytest.mark.parametrize("name", VARIANTS)
def test_seed_fixes_the_initialization_and_leaves_torch_s_alone(name: str) -> None:
    torch.manual_seed(9)
    before = torch.get_rng_state()
    family, options = VARIANTS[name]
    flows = [build_flow(family, depth=2, width=8, seed=s, **options) for s in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    vectors = [torch.nn.utils.parameters_to_vector(f.parameters()) for f in flows]
    assert torch.equal(vectors[0], vectors[1])
    assert not torch.equal(vectors[0], vectors[2])


@pytest.mark.parametrize("name", VARIANTS)
def test_float32_round_trip_is_reported(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    """Not a bound but a table, at the end of the run: what float32 costs each family."""
    flow = random_flow(name, 2, depth=8, dtype=torch.float32)
    z = base_points(1000, 2, torch.float32)
    with torch.no_grad():
        error = (flow.inverse(flow(z)[0])[0] - z).abs()
    assert torch.isfinite(error).all()
    record_property(
        "float32 round trip", f"{name:32} median {error.median():.1e}, largest {error.max():.1e}"
    )


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="Unknown architecture"):
        build_flow("nope")
    with pytest.raises(ValueError, match="has no option bins"):
        build_flow("realnvp", bins=4)
    with pytest.raises(ValueError, match="at least 2 dimensions"):
        build_flow("realnvp", dim=1)
