"""No row that is judged is in training, in scaling or behind a threshold; and what is judged."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from flowplay import shelf
from flowplay.anomalies import scored_csv, threshold
from flowplay.config import RunConfig
from flowplay.problems import Tabular, make_problem
from flowplay.problems.own.table import BUILT_IN, Split
from flowplay.training import new_run, scoring, train_slice
from flowplay.training.live_run import LiveRun
from flowplay.training.scoring import (
    benign_example,
    calibration_points,
    calibration_scores,
    compared,
    plane_scores,
    score_rows,
    scores,
    slice_view,
    tighter_view,
)
from flowplay.wire import RunState, Table, TestRows
from flowplay.wire.scored import CALIBRATED_ON, TRAINED_ON, UNSEEN

BENIGN = "breast_cancer_benign"


def run_of(data: str, seed: int = 0, steps: int = 10) -> tuple[LiveRun, RunState]:
    config = RunConfig(
        target="table",
        target_options={"data": data},
        depth=2,
        width=8,
        batch_size=32,
        seed=seed,
    )
    state, _ = train_slice(new_run(config), steps=steps)
    return LiveRun(state), state


def table_problem(live: LiveRun) -> Tabular:
    problem = live.config.problem()
    assert isinstance(problem, Tabular)
    return problem


def as_set(rows: NDArray[np.float64]) -> set[bytes]:
    return {row.tobytes() for row in rows}


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("seed", [0, 1, 7, 10])
def test_rows_are_in_one_part_only(name: str, seed: int) -> None:
    problem = make_problem("table", data=name)
    assert isinstance(problem, Tabular)
    split = problem.split(seed)
    rows = problem.table.rows
    assert sorted([*split.train, *split.calibration, *split.test]) == list(range(len(rows)))
    assert sorted([*split.calibration, *split.test]) == sorted(split.held_out)
    parts = [as_set(rows[part]) for part in (split.train, split.calibration, split.test)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not parts[one] & parts[other]
    assert abs(len(split.calibration) - len(split.test)) <= 1 + problem.duplicates
    assert len(split.train) == pytest.approx(0.8 * len(rows), abs=2 + problem.duplicates)


def test_equal_rows_are_in_the_same_part() -> None:
    rows = np.repeat(np.random.default_rng(0).normal(size=(30, 2)), 4, axis=0)
    problem = Tabular(shelf.put(Table("four times", ["a", "b"], rows).to_bytes()))
    for seed in range(5):
        split = problem.split(seed)
        groups = [{i // 4 for i in part} for part in (split.train, split.calibration, split.test)]
        assert [len(g) for g in groups] == [24, 3, 3]
        assert len(set.union(*groups)) == 30


@pytest.mark.parametrize("part", ["test", "calibration"])
def test_whatever_the_judged_rows_are_model_scaling_and_threshold_stay(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other rows in the test part change nothing; in the calibration part only the threshold."""
    before, state = run_of(BENIGN)
    problem = table_problem(before)
    split = problem.split(0)
    changed = problem.table.rows.copy()
    chosen = split.test if part == "test" else split.calibration
    changed[chosen] = changed[chosen] * 3 + 1
    digest = shelf.put(Table("changed", problem.columns, changed).to_bytes())
    # The same rows in the same parts, whatever their values.
    monkeypatch.setattr(Tabular, "split", lambda self, seed: split)
    after, other = run_of(digest)
    assert np.array_equal(state.weights, other.weights)
    assert np.array_equal(problem.scaling(0).mean, table_problem(after).scaling(0).mean)
    assert np.array_equal(problem.scaling(0).std, table_problem(after).scaling(0).std)
    limits = [threshold(calibration_scores(live), 0.05) for live in (before, after)]
    assert (limits[0] == limits[1]) == (part == "test")


def test_the_example_s_rows_are_none_that_a_run_or_its_threshold_has_seen() -> None:
    for seed in range(4):
        rows = benign_example(seed)
        problem = make_problem("table", data=BENIGN)
        assert isinstance(problem, Tabular)
        split = problem.split(seed)
        judged = as_set(rows.rows[rows.labels == 0])
        for part in (split.train, split.calibration):
            assert not judged & as_set(problem.table.rows[part])
        assert not scoring.seen_rows(problem, seed, rows.rows).any()
        assert (rows.labels == 1).sum() == 212


def test_rows_that_were_seen_are_scored_but_not_judged() -> None:
    live, state = run_of(BENIGN)
    problem = table_problem(live)
    example = benign_example(0)
    whole = TestRows(
        problem.columns,
        np.concatenate([problem.table.rows, example.rows[example.labels == 1]]),
        np.repeat(np.array([0, 1], np.int8), [len(problem.table.rows), 212]),
        ["malignant", "1"],
    )
    found = score_rows(live, state, whole)
    split = problem.split(0)
    assert (found.seen[split.train] == TRAINED_ON).all()
    assert (found.seen[split.calibration] == CALIBRATED_ON).all()
    assert (found.seen[split.test] == UNSEEN).all()
    assert found.judged["normal"] == len(split.test)
    assert np.isfinite(found.scores).all()
    # The rest of the labels tell the same as the example, whose rows are the same.
    assert found.judged["auc"] == pytest.approx(score_rows(live, state, example).judged["auc"])
    lines = list(csv.DictReader(io.StringIO(scored_csv(whole, found, 0.05).decode())))
    assert {line["seen"] for line in lines} == {"", "training", "threshold"}
    unseen = list(
        csv.DictReader(
            io.StringIO(scored_csv(example, score_rows(live, state, example), 0.05).decode())
        )
    )
    assert "seen" not in unseen[0]


def test_other_methods_learn_the_training_rows_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    live, _ = run_of(BENIGN, seed=2)
    problem = table_problem(live)
    given: list[Any] = []

    def detected(train: Any, test: Any, labels: Any, seed: int) -> list[Any]:  # noqa: ANN401
        given.extend((train, test, labels))
        return []

    monkeypatch.setattr(scoring, "detected", detected)
    rows = benign_example(2)
    compared(live, rows)
    train, test, labels = given
    scaling = problem.scaling(2)
    split = problem.split(2)
    assert train == pytest.approx(scaling.apply(problem.table.rows[split.train]), abs=1e-6)
    assert test == pytest.approx(scaling.apply(rows.rows))
    assert np.array_equal(labels, rows.labels)


def test_a_threshold_is_exceeded_by_its_share_of_the_calibration_rows() -> None:
    live, _ = run_of(BENIGN)
    found = calibration_scores(live)
    assert np.array_equal(found, np.sort(found))
    assert len(found) == len(calibration_points(live))
    for share in (0.1, 0.25, 0.5):
        above = (found > threshold(found, share)).mean()
        assert above == pytest.approx(share, abs=1 / len(found))


def test_the_plane_and_a_slice_are_the_log_density_itself() -> None:
    from flowplay.grids import cell_centres

    moons, _ = train_slice(new_run(RunConfig(depth=2, width=8)), steps=5)
    live = LiveRun(moons)
    plane = plane_scores(live, moons)
    centres = cell_centres(tuple(plane.window), 192)[37, 101]  # type: ignore[arg-type]
    expected = scores(live, centres[None].astype(np.float64))[0]
    assert -plane.log_density[37, 101] == pytest.approx(expected, abs=1e-4)
    live, state = run_of("iris")
    row = table_problem(live).table.rows[11]
    view = slice_view(live, state, 2, 0, row.tolist(), [-3.0, 3.0, -2.0, 2.0])
    point = table_problem(live).scaling(0).apply(row)
    assert view.point == pytest.approx(point)
    point[2], point[0] = -3 + 6 * 20.5 / 192, -2 + 4 * 150.5 / 192
    with torch.inference_mode():
        assert live.likelihood is not None
        exact = live.likelihood.log_prob(torch.from_numpy(point[None]).float())
    assert view.log_density[150, 20] == pytest.approx(float(exact), abs=1e-4)


def test_a_tighter_set_scores_better_than_the_data_in_the_plane_and_in_ten_dimensions() -> None:
    for live, state in (run_of(BENIGN, steps=100), run_of("iris", steps=100)):
        found = tighter_view(live, state)
        assert found.tighter.mean() < found.held_out.mean()
        assert found.auc < 0.5
        assert found.points.shape == (500, table_problem(live).dim)


def test_split_names_its_parts() -> None:
    assert Split._fields == ("train", "held_out", "calibration", "test")
