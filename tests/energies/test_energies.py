"""One battery for every energy: constant, draws, entropy and both libraries must tell one story."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flowplay.catalog import OptionError
from flowplay.grids import exact_density
from flowplay.problems import PROBLEMS, Energy, Posterior, make_problem
from flowplay.problems.base import FloatArray
from flowplay.problems.energies import KINDS, posteriors

N = 20_000
NAMES = [kind.name for kind in KINDS]
EXTREMES = [
    pytest.param(name, {option.name: value}, id=f"{name}-{option.name}-{value}")
    for name in NAMES
    for option in PROBLEMS[name].options
    for value in (getattr(option, "minimum", None), getattr(option, "maximum", None))
    if value is not None and option.name != "annealing"
]


def energy_of(name: str, **options: float | str) -> Energy:
    energy = make_problem(name, **options)
    assert isinstance(energy, Energy)
    return energy


@pytest.fixture(params=NAMES)
def energy(request: pytest.FixtureRequest) -> Energy:
    return energy_of(request.param)


def unnormalized(energy: Energy, x: FloatArray) -> FloatArray:
    value: FloatArray = energy.log_unnormalized(x[:, 0], x[:, 1], np)
    return value


def importance_sampled(energy: Energy, n: int) -> tuple[float, float]:
    """Estimate log Z with a proposal that knows nothing of the quadrature, with its error.

    Draws come from a mixture of Gaussians and of Student's t around some of the energy's own
    points, moved by a walk of Metropolis: no grid takes part.
    """
    rng = np.random.default_rng(0)
    walkers = rng.normal(size=(150, 2)) * energy.start[1] + energy.start[0]
    value = unnormalized(energy, walkers)
    for size in (2.0, 1.0, 0.5, 0.25) * 40:
        moved = walkers + rng.normal(size=walkers.shape) * size
        other = unnormalized(energy, moved)
        accept = np.log(rng.random(len(walkers))) < other - value
        walkers[accept], value[accept] = moved[accept], other[accept]
    scales = np.array([0.25, 0.6, 2.0, 8.0])
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    which = rng.choice(len(scales), n, p=shares)
    noise = rng.normal(size=(n, 2)) / np.sqrt(rng.chisquare(3, n) / 3)[:, None]
    x = walkers[rng.integers(len(walkers), size=n)] + scales[which, None] * noise
    log_q = np.empty(n)
    for rows in np.array_split(np.arange(n), max(1, n // 2000)):
        squares = ((x[rows, None] - walkers) ** 2).sum(-1)[..., None] / scales**2
        # Student's t with three degrees of freedom, in the plane.
        densities = shares / (2 * np.pi * scales**2) * (1 + squares / 3) ** -2.5
        log_q[rows] = np.log(densities.sum(-1).mean(-1))
    log_w = unnormalized(energy, x) - log_q
    w = np.exp(log_w - log_w.max())
    return float(np.log(w.mean()) + log_w.max()), float(w.std() / w.mean() / math.sqrt(n))


def test_the_constant_agrees_with_importance_sampling(energy: Energy) -> None:
    estimate, error = importance_sampled(energy, N)
    assert error < 0.05
    assert abs(energy.log_z - estimate) < 3 * error + 1e-4


@pytest.mark.parametrize(
    ("name", "options", "log_z"),
    [
        ("funnel", {}, math.log(2 * math.pi * 3)),
        ("funnel", {"spread": 0.5}, math.log(2 * math.pi * 0.5)),
        ("banana", {}, math.log(2 * math.pi * 2)),
        ("banana", {"bend": 1.0}, math.log(2 * math.pi * 2)),
    ],
)
def test_known_constants(name: str, options: dict[str, float], log_z: float) -> None:
    assert energy_of(name, **options).log_z == pytest.approx(log_z, abs=1e-4)


@pytest.mark.parametrize(("name", "options"), EXTREMES)
def test_a_finer_quadrature_changes_nothing(
    name: str, options: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = energy_of(name, **options)
    told = before.log_z, before.entropy
    monkeypatch.setattr("flowplay.problems.energies.base._FINE_NODES", 1200)
    again = type(before)(**options)  # type: ignore[arg-type]
    assert (again.log_z, again.entropy) == pytest.approx(told, abs=2e-4)


def test_draws_are_of_the_density(energy: Energy) -> None:
    """Their mean log-density is minus the entropy, and cells hold as many as they should."""
    x = energy.held_out_points(N, seed=1)
    log_prob = energy.log_prob(x)
    error = log_prob.std() / math.sqrt(N)
    assert abs(log_prob.mean() + energy.entropy) < 4 * error
    assert energy.window is not None
    cells = 200
    density = exact_density(energy, cells)
    assert density is not None
    x_min, x_max, y_min, y_max = energy.window
    area = (x_max - x_min) * (y_max - y_min) / cells**2
    expected = density.reshape(10, 20, 10, 20).sum((1, 3)) * area * N
    seen, _, _ = np.histogram2d(x[:, 1], x[:, 0], 10, ((y_min, y_max), (x_min, x_max)))
    enough = expected > 20
    # The cells' centres stand for the cells, which is a little wrong for the narrow ones.
    excess = np.abs(seen - expected)[enough] / (np.sqrt(expected[enough]) + 0.03 * expected[enough])
    assert excess.max() < 5


def test_draws_are_fair_prefixes_of_seeds(energy: Energy) -> None:
    assert np.array_equal(energy.training_points(50, 3), energy.training_points(50, 3))
    assert not np.array_equal(energy.training_points(50, 3), energy.training_points(50, 4))
    assert not np.array_equal(energy.training_points(50, 3), energy.held_out_points(50, 3))
    assert energy.training_points(0, 0).shape == (0, 2)


def test_one_formula_serves_numpy_and_torch(energy: Energy) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 2)) * 3
    tensor = torch.from_numpy(x)
    value = energy.log_unnormalized(tensor[:, 0], tensor[:, 1], torch)
    np.testing.assert_allclose(value.numpy(), unnormalized(energy, x), rtol=1e-12)


def test_its_gradient_is_that_of_finite_differences(energy: Energy) -> None:
    x = torch.from_numpy(energy.held_out_points(50, 0)).requires_grad_()
    value = energy.log_unnormalized(x[:, 0], x[:, 1], torch).sum()
    (gradient,) = torch.autograd.grad(value, x)
    step = 1e-6
    for axis in range(2):
        shift = np.eye(2)[axis] * step
        at = x.detach().numpy()
        up, down = (unnormalized(energy, at + s * shift) for s in (1, -1))
        numeric = (up - down) / (2 * step)
        np.testing.assert_allclose(gradient[:, axis].numpy(), numeric, rtol=1e-4, atol=1e-3)


# Table 1 of the paper, written once more from the paper alone.
def _w1(z: FloatArray) -> FloatArray:
    return np.asarray(np.sin(2 * np.pi * z[:, 0] / 4))


def _w2(z: FloatArray) -> FloatArray:
    return np.asarray(3 * np.exp(-0.5 * ((z[:, 0] - 1) / 0.6) ** 2))


def _w3(z: FloatArray) -> FloatArray:
    return np.asarray(3 / (1 + np.exp(-(z[:, 0] - 1) / 0.3)))


def _u1(z: FloatArray) -> FloatArray:
    norm = np.sqrt(z[:, 0] ** 2 + z[:, 1] ** 2)
    modes = np.exp(-0.5 * ((z[:, 0] - 2) / 0.6) ** 2) + np.exp(-0.5 * ((z[:, 0] + 2) / 0.6) ** 2)
    u: FloatArray = 0.5 * ((norm - 2) / 0.4) ** 2 - np.log(modes)
    return u


def _u2(z: FloatArray) -> FloatArray:
    u: FloatArray = 0.5 * ((z[:, 1] - _w1(z)) / 0.4) ** 2
    return u


def _u3(z: FloatArray) -> FloatArray:
    u: FloatArray = -np.log(
        np.exp(-0.5 * ((z[:, 1] - _w1(z)) / 0.35) ** 2)
        + np.exp(-0.5 * ((z[:, 1] - _w1(z) + _w2(z)) / 0.35) ** 2)
    )
    return u


def _u4(z: FloatArray) -> FloatArray:
    u: FloatArray = -np.log(
        np.exp(-0.5 * ((z[:, 1] - _w1(z)) / 0.4) ** 2)
        + np.exp(-0.5 * ((z[:, 1] - _w1(z) + _w3(z)) / 0.35) ** 2)
    )
    return u


@pytest.mark.parametrize(("name", "formula"), [("u1", _u1), ("u2", _u2), ("u3", _u3), ("u4", _u4)])
def test_within_the_papers_window_energies_are_the_papers(
    name: str, formula: Callable[[FloatArray], FloatArray]
) -> None:
    z = np.random.default_rng(0).uniform(-4, 4, (1000, 2))
    u = formula(z)
    told = -unnormalized(energy_of(name), z)
    near = u < 300  # beyond, the formula as written underflows
    np.testing.assert_allclose(told[near], u[near], rtol=1e-9, atol=1e-9)


def test_far_away_there_is_no_mass_and_no_error(energy: Energy) -> None:
    far = np.array([[1e300, -1e300], [1e150, 1e150], [-1e9, 1e9]])
    log_prob = energy.log_prob(far)
    assert not np.isnan(log_prob).any()
    assert (log_prob < 0).all()


def posterior_of(name: str, **options: str) -> Posterior:
    posterior = energy_of(name, **options)
    assert isinstance(posterior, Posterior)
    return posterior


#: Far from the prior, against each other, and along a narrow ridge.
HARD_PAIRS = [
    ("0 10", 1.0),
    ("0 10, 3 -10", 1.0),
    (", ".join(["1.7 1.1"] * 40), 0.1),
    (", ".join(["10 10", "10 -10"] * 20), 0.1),
]


@pytest.mark.parametrize(
    ("pairs", "noise"), [(posterior_of("posterior_line").pairs, 1.0), *HARD_PAIRS]
)
def test_the_lines_posterior_is_the_gaussian_of_the_closed_form(pairs: str, noise: float) -> None:
    line = energy_of("posterior_line", pairs=pairs, noise=noise)
    assert isinstance(line, Posterior)
    x, y = line.data.T
    design = np.column_stack([np.ones_like(x), x])
    precision = design.T @ design / noise**2 + np.eye(2) / posteriors.PRIOR_STD**2
    covariance = np.linalg.inv(precision)
    mean = covariance @ (design.T @ y) / noise**2
    volume = math.log(2 * math.pi) + 0.5 * math.log(np.linalg.det(covariance))
    assert line.entropy == pytest.approx(1 + volume, abs=1e-4)
    peak = (mean @ precision @ mean - y @ y / noise**2) / 2
    assert line.log_z == pytest.approx(peak + volume, abs=1e-4)
    deviations = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(line.frame.origin, mean, atol=1e-6)
    np.testing.assert_allclose(line.held_out_points(4000, 1).std(0), deviations, rtol=0.05)
    left, right, bottom, top = line.window
    inside = (np.abs(mean) + 2 * deviations <= np.array([right, top]) + 1e-9).all()
    assert inside
    assert (left, bottom) == (-right, -top)
    inputs = np.linspace(-3, 3, 7)
    np.testing.assert_allclose(line.predictive(inputs), mean[0] + mean[1] * inputs, atol=1e-5)


@pytest.mark.parametrize("pairs", ["-3 0, 3 1", ", ".join(["10 1", "10 0"] * 20), "10 1, -10 1"])
def test_a_logistic_posterior_is_integrated_wherever_its_mass_lies(pairs: str) -> None:
    posterior = energy_of("posterior_logistic", pairs=pairs)
    nodes = np.linspace(-18, 18, 3001)
    values = posterior.log_unnormalized(*np.meshgrid(nodes, nodes), np)
    exact = math.log(np.exp(values - values.max()).sum()) + values.max()
    assert posterior.log_z == pytest.approx(exact + 2 * math.log(nodes[1] - nodes[0]), abs=1e-5)


@pytest.mark.parametrize("name", ["posterior_logistic", "posterior_line"])
def test_derivatives_are_those_of_the_log_likelihood(name: str) -> None:
    posterior = energy_of(name)
    assert isinstance(posterior, Posterior)
    at, step, seen = np.linspace(-3, 3, 9), 1e-4, 1.0
    low, middle, high = (
        np.asarray(posterior.log_likelihood(at + k * step, seen, np)) for k in (-1, 0, 1)
    )
    first, second = posterior.derivatives(at, np.full(9, seen))
    np.testing.assert_allclose(first, (high - low) / (2 * step), atol=1e-6)
    np.testing.assert_allclose(second, (high - 2 * middle + low) / step**2, atol=1e-5)


@pytest.mark.parametrize("name", ["posterior_logistic", "posterior_line"])
def test_with_a_point_less_the_posterior_is_wider(name: str) -> None:
    every = posterior_of(name)
    fewer = posterior_of(name, pairs=every.pairs.rpartition(",")[0])
    assert len(fewer.data) == len(every.data) - 1
    assert fewer.entropy > every.entropy + 0.01
    nothing = posterior_of(name, pairs="")
    prior = 1 + math.log(2 * math.pi * posteriors.PRIOR_STD**2)
    assert nothing.entropy == pytest.approx(prior, abs=1e-4)
    assert fewer.window == every.window, "one frame for all data, so that widths can be compared"


@given(text=st.text(max_size=200))
def test_any_text_is_read_as_pairs_or_refused_in_a_sentence(text: str) -> None:
    try:
        read = posteriors.PAIRS.read(text)
    except OptionError as error:
        refused = error
    else:
        assert posteriors.PAIRS.read(read) == read
        return
    assert refused.why
    assert "\n" not in refused.why
    assert posteriors.PAIRS.read(refused.nearest) == refused.nearest


@pytest.mark.parametrize(
    "text", ["1", "a b", "1 2 3", "1 nan", "inf 0", "1 1e9", ", ".join(["0 0"] * 41), "0 0," * 9999]
)
def test_what_are_no_pairs_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        posteriors.PAIRS.read(text)
