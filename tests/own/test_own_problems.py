"""Own data as problems: densities, splits, and what names them."""

from __future__ import annotations

import numpy as np
import pytest

from flowplay import shelf
from flowplay.config import RunConfig
from flowplay.errors import MissingDataError
from flowplay.problems import Tabular, make_problem
from flowplay.problems.own.drawing import Painted, Pictured
from flowplay.problems.own.table import BUILT_IN
from flowplay.problems.targets.base import expand
from flowplay.problems.targets.mixture import mixture_log_prob
from flowplay.reading.picture import write_name
from flowplay.training import new_run, train_slice
from flowplay.training.data import held_out_points, training_points
from flowplay.wire import Drawing, RunState, SavedRun, Table

RNG = np.random.default_rng(0)
SPOTS = Drawing("spots", (RNG.random((40, 90)) ** 6 * 255).astype(np.uint16))


@pytest.fixture(params=["smiley", "heart", "name", "spots"])
def drawing(request: pytest.FixtureRequest) -> Painted | Pictured:
    if request.param == "smiley":
        return Painted(0.08, "smiley")
    if request.param == "heart":
        return Pictured(0.05, "heart")
    content = write_name("flow") if request.param == "name" else SPOTS
    return Pictured(0.05, shelf.put(content.to_bytes()))


def test_a_drawn_density_integrates_to_one(drawing: Painted | Pictured) -> None:
    x_min, x_max, y_min, y_max = expand(drawing.window, 0.5)
    step = 0.5 * drawing.noise
    xx, yy = np.meshgrid(np.arange(x_min, x_max, step), np.arange(y_min, y_max, step))
    density = np.exp(drawing.log_prob(np.column_stack([xx.ravel(), yy.ravel()])))
    assert density.sum() * step**2 == pytest.approx(1, abs=1e-3)


def test_its_entropy_agrees_with_monte_carlo(drawing: Painted | Pictured) -> None:
    nll = -drawing.log_prob(drawing.sample(40_000, seed=3))
    error = nll.std() / np.sqrt(len(nll))
    assert abs(nll.mean() - drawing.entropy) < 4 * error


def test_its_density_is_the_mixture_of_its_cells(drawing: Painted | Pictured) -> None:
    near = RNG.uniform(-2.5, 2.5, (200, 2))
    far = np.array([[9.0, 0.0], [-40.0, 70.0], [1e5, 0.0]])
    points = np.concatenate([near, far])
    centres, weights = drawing._components
    expected = mixture_log_prob(points, centres, weights, drawing.noise)
    assert drawing.log_prob(points) == pytest.approx(expected, rel=1e-7, abs=1e-7)


def test_a_picture_stands_upright() -> None:
    weights = np.zeros((10, 20), np.uint16)
    weights[0, 0] = 1  # the corner at the top left
    problem = Pictured(0.03, shelf.put(Drawing("corner", weights).to_bytes()))
    x, y = problem.sample(100, 0).mean(0)
    assert (x, y) == pytest.approx((-1.9, 0.9), abs=0.03)


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("seed", [0, 7])
def test_no_held_out_row_is_in_training_or_scaling(name: str, seed: int) -> None:
    problem = make_problem("table", data=name)
    assert isinstance(problem, Tabular)
    split = problem.split(seed)
    rows = problem.table.rows
    assert sorted([*split.train, *split.held_out]) == list(range(len(rows)))
    train, held_out = rows[split.train], rows[split.held_out]
    # No row is equal to one of the other part either.
    assert not {tuple(row) for row in train} & {tuple(row) for row in held_out}
    assert problem.scaling(seed).mean == pytest.approx(train.mean(0))
    assert problem.training_points(10**6, seed).mean(0) == pytest.approx(0, abs=1e-9)
    assert problem.training_points(10**6, seed).std(0) == pytest.approx(1)
    # Other held-out rows change nothing of what is learned from.
    changed = rows.copy()
    changed[split.held_out] = changed[split.held_out] * 1.5 + 1e-3
    digest = shelf.put(Table("changed", problem.columns, changed).to_bytes())
    other = Tabular(digest)
    if np.array_equal(other.split(seed).held_out, split.held_out):
        assert np.array_equal(
            other.training_points(10**6, seed), problem.training_points(10**6, seed)
        )


def test_a_run_never_sees_held_out_rows_whatever_its_jitter() -> None:
    exact = RunConfig(target="table", seed=3)
    trained = {tuple(row) for row in training_points(exact).numpy()}
    judged = {tuple(row) for row in held_out_points(exact).numpy()}
    assert trained
    assert judged
    assert not trained & judged
    noisy = exact.model_copy(update={"target_options": {"data": "iris", "jitter": 0.3}})
    points = training_points(noisy).numpy()
    assert len(points) == noisy.samples
    assert points.var(0) == pytest.approx(1 + 0.3**2, rel=0.05)


def test_seeds_hold_out_different_rows() -> None:
    iris = make_problem("table")
    assert isinstance(iris, Tabular)
    assert set(iris.split(0).held_out) != set(iris.split(1).held_out)


def test_duplicates_are_counted_and_stay_together() -> None:
    rows = np.repeat(RNG.normal(size=(20, 2)), 3, axis=0)
    problem = Tabular(shelf.put(Table("thrice", ["a", "b"], rows).to_bytes()))
    assert problem.duplicates == 40
    split = problem.split(0)
    assert len(split.held_out) == 12
    assert {i // 3 for i in split.held_out}.isdisjoint({i // 3 for i in split.train})


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (np.zeros((100, 2)), "1 different complete row;"),
        (np.full((100, 2), np.nan), "finite"),
        (np.column_stack([np.arange(99.0), np.zeros(99)]), "constant"),
        (np.arange(400.0).reshape(20, 20), "2 to 16 columns"),
        (np.ones((200_001, 2)), "200,000"),
    ],
)
def test_what_cannot_be_learned_is_refused(rows: np.ndarray, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Table("t", [f"c{k}" for k in range(rows.shape[1])], rows)


def test_a_config_names_its_data_by_digest_and_is_valid_without_them() -> None:
    config = RunConfig(target="table", target_options={"data": "0" * 64})
    assert config.own_data == "0" * 64
    assert RunConfig.from_flat(config.to_flat()) == config
    with pytest.raises(MissingDataError):
        config.problem().dim  # noqa: B018
    assert RunConfig(target="table").own_data is None
    assert RunConfig(target="moons").own_data is None
    repaired, refused = RunConfig.repair({"target": "table", "data": "../../etc"})
    assert repaired.target_options["data"] == "iris"
    assert len(refused) == 1


def test_a_saved_run_has_its_data_with_it() -> None:
    rows = RNG.normal(size=(60, 3))
    content = Table("cloud", ["a", "b", "c"], rows).to_bytes()
    digest = shelf.put(content)
    config = RunConfig(
        target="table", target_options={"data": digest}, depth=2, width=8, batch_size=16
    )
    state, snapshot = train_slice(new_run(config), steps=3)
    saved = SavedRun.of(config, state.to_bytes(), snapshot.to_bytes(), {}).to_bytes()
    shelf._shelf.clear()
    again = SavedRun.from_bytes(saved)
    again.put_data()
    assert again.config.own_data == digest
    assert isinstance(again.state, RunState)
    assert shelf.get(digest) == content


def test_the_references_of_a_table_are_measured_on_held_out_rows() -> None:
    config = RunConfig(target="table", depth=2, width=8)
    _, snapshot = train_slice(new_run(config), steps=2)
    table = config.problem()
    assert isinstance(table, Tabular)
    train, held_out = table.training_points(10**6, 0), table.held_out_points(10**6, 0)
    covariance = np.cov(train.T, bias=True)
    offset = held_out - train.mean(0)
    distance = np.einsum("nd,de,ne->n", offset, np.linalg.inv(covariance), offset)
    nll = 0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1])
    assert snapshot.measurements["gaussian"].value == pytest.approx(nll.mean(), abs=1e-3)
    assert "mixture" in snapshot.measurements
