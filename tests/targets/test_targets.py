"""One battery for every target: the samples, the density and the entropy must tell one story."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import chi2, ks_2samp

from flowplay.problems import make_problem
from flowplay.problems.base import FloatArray, Window
from flowplay.problems.targets import base as base_module
from flowplay.problems.targets import curve as curve_module
from flowplay.problems.targets.base import expand
from flowplay.problems.targets.curve import CurveTarget
from flowplay.targets import TARGETS, Target, make_target

N = 20_000
CURVES = [name for name, target in TARGETS.items() if isinstance(target, CurveTarget)]
NOISES = [
    pytest.param(name, noise, id=f"{name}-{noise:g}")
    for name, target in TARGETS.items()
    for noise in sorted({target.noise, *target.noise_range})
]


@pytest.fixture(params=list(TARGETS))
def target(request: pytest.FixtureRequest) -> Target:
    name: str = request.param
    return TARGETS[name]


def grid(window: Window, step: float) -> tuple[FloatArray, float]:
    """Points ``[n, 2]`` of a square grid over the window and the area each stands for."""
    x_min, x_max, y_min, y_max = window
    columns, rows = np.ceil((x_max - x_min) / step), np.ceil((y_max - y_min) / step)
    xs = np.linspace(x_min, x_max, int(columns), endpoint=False)
    ys = np.linspace(y_min, y_max, int(rows), endpoint=False)
    xx, yy = np.meshgrid(xs, ys)
    area = (x_max - x_min) / len(xs) * (y_max - y_min) / len(ys)
    return np.column_stack([xx.ravel(), yy.ravel()]), area


def plane(target: Target) -> tuple[FloatArray, FloatArray]:
    """Points ``[n, 2]`` all over the plane and the mass ``[n]`` that the density puts at each."""
    # The shear of the pinwheel makes its arms narrower than the noise.
    step = 0.4 if target.name == "pinwheel" else 0.9
    points, area = grid(expand(target.window, 4 * target._spread), step * target.noise)
    mass: FloatArray = np.exp(target.log_prob(points)) * area
    return points, mass


def rotate(x: FloatArray, angle: float) -> FloatArray:
    c, s = np.cos(angle), np.sin(angle)
    rotated: FloatArray = x @ np.array([[c, s], [-s, c]])
    return rotated


# --- the interface ------------------------------------------------------------------------------


def test_registry_order_and_names() -> None:
    assert list(TARGETS) == [
        "moons",
        "circles",
        "spiral",
        "eight_gaussians",
        "pinwheel",
        "swiss_roll",
        "rings",
        "checkerboard",
    ]
    assert all(name == target.name for name, target in TARGETS.items())


def test_words_for_the_page(target: Target) -> None:
    assert target.label
    assert target.label[0].isupper()
    assert target.summary[0].isupper()
    assert target.summary.endswith(".")
    assert target.summary.count(". ") == 0
    assert target.noise == target.default_noise


def test_make_target_shares_one_object_per_noise(target: Target) -> None:
    assert make_target(target.name) is target
    assert make_target(target.name, target.noise) is target
    other = make_target(target.name, target.noise_range[1])
    assert other is not target
    assert other.noise == target.noise_range[1]


def test_make_target_refuses_an_unknown_name() -> None:
    with pytest.raises(
        ValueError, match=r"^There is no target 'moon'; choose one of: moons, .*\.$"
    ):
        make_target("moon")


def test_make_target_refuses_a_noise_out_of_range(target: Target) -> None:
    low, high = target.noise_range
    for noise in (low - 1e-3, high + 1e-3, -1.0, 0.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"^noise = .* of '\w+' is .*\.$"):
            make_target(target.name, noise)


def test_a_target_is_a_problem_of_the_plane_with_a_known_density(target: Target) -> None:
    assert make_problem(target.name) is target
    assert (target.dim, target.density) == (2, target)
    (noise,) = target.options
    assert (noise.name, noise.default) == ("noise", target.noise)


def test_held_out_points_come_from_seeds_of_their_own(target: Target) -> None:
    training = target.training_points(500, seed=3)
    held_out = target.held_out_points(500, seed=3)
    np.testing.assert_array_equal(training, target.sample(500, 3))
    np.testing.assert_array_equal(held_out, target.sample(500, 3 + 2**31))
    assert not set(map(tuple, training)) & set(map(tuple, held_out))


def test_targets_are_frozen(target: Target) -> None:
    with pytest.raises(AttributeError):
        target.noise = 0.1  # type: ignore[misc]


def test_import_is_light() -> None:
    heavy = {"torch", "streamlit", "sklearn", "matplotlib", "pandas"}
    code = f"import sys, flowplay.targets; print(sorted({heavy!r} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_import_computes_no_entropy() -> None:
    code = (
        "from flowplay.targets import TARGETS;"
        "print([t.name for t in TARGETS.values() if 'entropy' in vars(t)])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


# --- samples ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 7, 1000])
def test_samples_have_shape_and_type(target: Target, n: int) -> None:
    x = target.sample(n, seed=0)
    assert x.shape == (n, 2)
    assert x.dtype == np.float64
    assert np.isfinite(x).all()


def test_samples_are_a_function_of_the_seed(target: Target) -> None:
    first = target.sample(500, seed=3)
    np.testing.assert_array_equal(first, target.sample(500, seed=3))
    assert not np.isclose(first, target.sample(500, seed=4)).any(axis=1).all()
    assert target.sample(5, seed=2**32 - 1).shape == (5, 2)


def test_samples_refuse_nonsense(target: Target) -> None:
    with pytest.raises(ValueError, match=r"^The number of points must not be negative, got -1\.$"):
        target.sample(-1, seed=0)
    for seed in (-1, 2**32):
        with pytest.raises(
            ValueError, match=r"^The seed must lie in \[0, 2\*\*32 - 1\], got .*\.$"
        ):
            target.sample(1, seed=seed)


def test_a_prefix_is_a_fair_sample(target: Target) -> None:
    x = target.sample(N, seed=5)
    prefix, rest = x[: N // 10], x[N // 10 :]
    for angle in np.arange(4) * np.pi / 4:
        direction = np.array([np.cos(angle), np.sin(angle)])
        assert ks_2samp(prefix @ direction, rest @ direction).pvalue > 1e-4


@pytest.mark.parametrize("name", ["moons", "circles"])
def test_samples_are_those_of_scikit_learn(name: str) -> None:
    from sklearn.datasets import make_circles, make_moons

    expected = {
        "moons": lambda: make_moons(101, noise=0.05, random_state=9)[0],
        "circles": lambda: make_circles(101, noise=0.05, factor=0.5, random_state=9)[0],
    }[name]()
    np.testing.assert_array_equal(TARGETS[name].sample(101, seed=9), expected)


# --- the density --------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "noise"), NOISES)
def test_density_integrates_to_one_and_does_so_within_the_window(name: str, noise: float) -> None:
    target = make_target(name, noise)
    points, mass = plane(target)
    assert mass.sum() == pytest.approx(1, abs=1e-6)
    x_min, x_max, y_min, y_max = target.window
    inside = (points >= [x_min, y_min]).all(axis=1) & (points <= [x_max, y_max]).all(axis=1)
    assert mass[inside].sum() >= 0.9999


CELLS = 40  # a side
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(5)


def cell_probabilities(target: Target) -> FloatArray:
    """Mass ``[CELLS²]`` of the density in each cell of the picture window, by quadrature."""
    x_min, x_max, y_min, _ = target.window
    side = (x_max - x_min) / CELLS
    offsets = ((np.arange(CELLS)[:, None] + (1 + _NODES) / 2) * side).ravel()
    xx, yy = np.meshgrid(x_min + offsets, y_min + offsets, indexing="ij")
    density = np.exp(target.log_prob(np.column_stack([xx.ravel(), yy.ravel()])))
    density = density.reshape(CELLS, len(_NODES), CELLS, len(_NODES))
    weights = _NODE_WEIGHTS * side / 2
    mass: FloatArray = np.einsum("iajb,a,b->ij", density, weights, weights).ravel()
    return mass


def chi_square_p_value(x: FloatArray, target: Target) -> float:
    """P-value of Pearson's test of the samples ``[n, 2]`` against the target's density."""
    window = np.reshape(target.window, (2, 2))
    counts = np.histogram2d(x[:, 0], x[:, 1], bins=CELLS, range=window)[0].ravel()
    expected = len(x) * cell_probabilities(target)
    large = expected >= 5
    observed = np.append(counts[large], len(x) - counts[large].sum())
    expected = np.append(expected[large], len(x) - expected[large].sum())
    statistic = ((observed - expected) ** 2 / np.maximum(expected, 1)).sum()
    return float(chi2.sf(statistic, df=len(expected) - 1))


@pytest.mark.parametrize(("name", "noise"), NOISES)
def test_samples_follow_the_density(name: str, noise: float) -> None:
    target = make_target(name, noise)
    assert chi_square_p_value(target.sample(N, seed=1), target) > 1e-3


def test_the_test_of_samples_has_power(target: Target) -> None:
    """The test above is worth something: it sees a small shift, scale or excess of noise."""
    noisy = make_target(target.name, target.noise_range[1])
    target = make_target(target.name, noisy.noise / 1.3)
    x = target.sample(N, seed=1)
    assert chi_square_p_value(x, target) > 1e-3
    assert chi_square_p_value(x + target.noise / 2, target) < 1e-6
    assert chi_square_p_value(1.05 * x, target) < 1e-6
    assert chi_square_p_value(noisy.sample(N, seed=1), target) < 1e-6


SYMMETRIES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "moons": lambda x: np.array([1.0, 0.5]) - x,
    "circles": lambda x: rotate(x, 1.234),
    "spiral": lambda x: -x,
    "eight_gaussians": lambda x: rotate(x * [1, -1], np.pi / 4),
    "pinwheel": lambda x: rotate(x, 2 * np.pi / 5),
    "rings": lambda x: rotate(x, 1.234),
    "checkerboard": lambda x: -x[:, ::-1],
}


@pytest.mark.parametrize("name", SYMMETRIES)
def test_density_has_the_symmetry_of_its_target(name: str) -> None:
    target = TARGETS[name]
    points, _ = grid(target.window, step=0.13)
    np.testing.assert_allclose(
        target.log_prob(SYMMETRIES[name](points)), target.log_prob(points), rtol=1e-9, atol=1e-5
    )


@pytest.mark.parametrize("name", CURVES)
def test_twice_the_nodes_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, (low, high) = type(TARGETS[name]), TARGETS[name].noise_range
    coarse = [kind(noise) for noise in np.geomspace(low, high, 4).clip(low, high)]
    points = [grid(target.window, step=0.15)[0] for target in coarse]
    expected = [target.log_prob(x) for target, x in zip(coarse, points, strict=True)]
    monkeypatch.setattr(curve_module, "_NODE_SPACING", curve_module._NODE_SPACING / 2)
    for target, x, log_prob in zip(coarse, points, expected, strict=True):
        np.testing.assert_allclose(kind(target.noise).log_prob(x), log_prob, atol=1e-5, rtol=0)


def test_log_prob_far_away_is_finite_and_without_a_warning(target: Target) -> None:
    directions = rotate(np.array([[1.0, 0.0]]), 0.3) * np.array(
        [[1, 1], [-1, 1], [1, -1], [-1, -1]]
    )
    for noise in (*target.noise_range, target.noise):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            values = [
                make_target(target.name, noise).log_prob(r * directions)
                for r in (1e1, 1e3, 1e6, 1e17, 1e100, 1e149)
            ]
        assert np.isfinite(values).all()
        assert (np.diff(values, axis=0) < 0).all()
        # A Gaussian tail: what is left of the distance is at most the extent of the data.
        widest = max(noise, target._spread)
        assert (values[2] <= -((1e6 - 10) ** 2) / (2 * widest**2)).all()


def test_log_prob_where_squares_overflow(target: Target) -> None:
    far = np.array([[1e200, 0.0], [-1e308, 1e308], [np.inf, 0.0], [np.inf, -np.inf]])
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(target.log_prob(far), -np.inf)


def test_log_prob_shapes_and_types(target: Target) -> None:
    assert target.log_prob(np.empty((0, 2))).shape == (0,)
    assert target.log_prob([[0, 1], [1, 0], [2, 2]]).shape == (3,)
    values = target.log_prob(np.zeros((5, 2), dtype=np.float32))
    assert values.dtype == np.float64
    assert values.shape == (5,)


def test_log_prob_does_not_depend_on_the_company(target: Target) -> None:
    x = target.sample(3000, seed=2)
    kept = x.copy()
    together = target.log_prob(x)
    apart = np.concatenate([target.log_prob(point[None]) for point in x[::100]])
    np.testing.assert_allclose(together[::100], apart, rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("shape", [(2,), (4, 3), (4, 1), (2, 2, 2), (0,), ()])
def test_log_prob_refuses_a_wrong_shape(target: Target, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^Points must have shape \[n, 2\], got \[.*\]\.$"):
        target.log_prob(np.zeros(shape))


def test_log_prob_refuses_nan(target: Target) -> None:
    with pytest.raises(ValueError, match=r"^Points must not hold NaN\.$"):
        target.log_prob([[0.0, float("nan")]])


# --- the entropy and the window -----------------------------------------------------------------


@pytest.mark.parametrize(("name", "noise"), NOISES)
def test_entropy_agrees_with_the_samples(name: str, noise: float) -> None:
    target = make_target(name, noise)
    information = -target.log_prob(target.sample(N, seed=7))
    standard_error = information.std() / np.sqrt(N)
    assert abs(information.mean() - target.entropy) < 4 * standard_error


def test_entropy_is_converged(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = target.entropy
    monkeypatch.setattr(base_module, "_ENTROPY_STEP", base_module._ENTROPY_STEP / 2)
    monkeypatch.setattr(base_module, "_ENTROPY_STDS", base_module._ENTROPY_STDS + 2)
    assert type(target)(target.noise).entropy == pytest.approx(expected, abs=1e-6)


def test_entropy_of_separate_pieces_is_the_entropy_of_their_mixture() -> None:
    """Well apart, the eight Gaussians need log 8 nats to tell which, then those of one."""
    std = 0.05
    expected = np.log(8) + 1 + np.log(2 * np.pi * std**2)
    assert make_target("eight_gaussians", std).entropy == pytest.approx(expected, abs=1e-9)


FLOORS = [
    ("moons", 0.05, 0.290, 1.132),
    ("moons", 0.06, 0.480, 1.319),
    ("moons", 0.10, 1.010, 1.832),
    ("circles", 0.05, 0.607, 1.762),
]


@pytest.mark.parametrize(("name", "noise", "raw", "standardized"), FLOORS)
def test_entropy_meets_the_known_floors(
    name: str, noise: float, raw: float, standardized: float
) -> None:
    target = make_target(name, noise)
    points, mass = plane(target)
    variances = mass @ points**2 - (mass @ points) ** 2
    assert target.entropy == pytest.approx(raw, abs=0.01)
    assert target.entropy - 0.5 * np.log(variances).sum() == pytest.approx(standardized, abs=0.01)


@pytest.mark.parametrize(("name", "noise"), NOISES)
def test_window_is_square_and_tight(name: str, noise: float) -> None:
    target = make_target(name, noise)
    x_min, x_max, y_min, y_max = target.window
    assert all(isinstance(bound, float) for bound in target.window)
    assert x_max - x_min == y_max - y_min
    reach = np.abs(target.sample(N, seed=0) - [(x_min + x_max) / 2, (y_min + y_max) / 2]).max()
    assert reach > 0.7 * (x_max - x_min) / 2
