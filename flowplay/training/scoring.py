"""Anomaly scores of points by a run's model: -log p, in nats."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from flowplay.anomalies.detectors import detected
from flowplay.anomalies.judging import auc, judged
from flowplay.errors import RefusedError
from flowplay.grids import cell_centres
from flowplay.problems import DataProblem, Problem, Tabular
from flowplay.problems.own.table import malignant
from flowplay.training.data import held_out_points, training_points
from flowplay.training.live_run import LiveRun
from flowplay.training.objectives import BLOCK
from flowplay.wire import PlaneScores, RunState, Scored, SliceView, TestRows, TighterView
from flowplay.wire.scored import CALIBRATED_ON, TRAINED_ON

#: Held-out points behind thresholds and percentiles, where there are as many as one likes.
HELD_OUT: Final = 10_000

#: Cells along each side of a picture.
CELLS: Final = 192

#: Draws of the tighter Gaussian, and its spread as a share of that of the data.
_TIGHTER_POINTS: Final = 500
_TIGHTER: Final = 0.02


@torch.inference_mode()
def scores(live: LiveRun, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return -log p [n] of points [n, D] of the problem; NaN for points that are not finite.

    Raises:
        RefusedError: if the model has no likelihood.
    """
    if live.likelihood is None or live.config.entry.likelihood == "none":
        raise RefusedError(
            f"{live.config.entry.label} gives no likelihood, so it cannot score points."
        )
    found = np.full(len(points), np.nan)
    whole = np.isfinite(points).all(1)
    x = torch.from_numpy(points[whole]).float().to(live.device)
    values = [-live.likelihood.log_prob(block).double() for block in x.split(BLOCK)]
    # What is too far away for numbers belongs least of all.
    found[whole] = torch.nan_to_num(torch.cat(values), nan=np.inf).cpu().numpy() if values else []
    return found


def calibration_points(live: LiveRun) -> NDArray[np.float64]:
    """Return the held-out points [m, D] from which thresholds are taken.

    Of a table they are one half of the held-out rows: the other half can be judged by them. Other
    data have as many held-out points as are asked for, an energy has exact draws.
    """
    problem = live.config.problem()
    if isinstance(problem, Tabular):
        return problem.calibration_points(live.config.seed)
    if isinstance(problem, DataProblem):
        return held_out_points(live.config, HELD_OUT).double().numpy()
    return live.held_out.double().cpu().numpy()


def calibration_scores(live: LiveRun) -> NDArray[np.float64]:
    """Return -log p [m] of the points behind thresholds, ascending."""
    return np.sort(scores(live, calibration_points(live)))


def score_rows(live: LiveRun, state: RunState, rows: TestRows) -> Scored:
    """Score rows in the units of their file, and judge the scores by the labels, if there are any.

    Rows that the run was trained on, or that are behind its thresholds, are scored but not judged.

    Raises:
        RefusedError: if the model has no likelihood, or the rows have another number of columns.
    """
    problem = live.config.problem()
    if rows.rows.ndim != 2 or rows.rows.shape[1] != problem.dim:
        raise RefusedError(f"The run has learned {problem.dim} columns.")
    found = scores(live, _points(problem, live.config.seed, rows.rows))
    seen = seen_rows(problem, live.config.seed, rows.rows)
    told = judged(found[seen == 0], rows.labels[seen == 0]) if len(rows.labels) else None
    return Scored(
        step=state.step,
        scores=found,
        calibration=calibration_scores(live),
        seen=seen,
        judged={} if told is None else told[0],
        curves=np.zeros((0, 4)) if told is None else np.column_stack(told[1]),
    )


def seen_rows(problem: Problem, seed: int, rows: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Tell of rows [n, D] which ones a run of this seed was trained on or has thresholds from.

    Returns:
        [n] of `UNSEEN`, `TRAINED_ON` and `CALIBRATED_ON`; all unseen if they are of no table.
    """
    seen = np.zeros(len(rows), np.uint8)
    if isinstance(problem, Tabular):
        split = problem.split(seed)
        for part, mark in ((split.train, TRAINED_ON), (split.calibration, CALIBRATED_ON)):
            known = {row.tobytes() for row in problem.table.rows[part] + 0.0}
            seen[[row.tobytes() in known for row in np.ascontiguousarray(rows + 0.0)]] = mark
    return seen


def _points(problem: Problem, seed: int, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows in the units in which a run learns."""
    return problem.scaling(seed).apply(rows) if isinstance(problem, Tabular) else rows


def plane_scores(live: LiveRun, state: RunState) -> PlaneScores:
    """Return the log-density over the window of a run in the plane.

    Raises:
        RefusedError: if the model has no likelihood, or its data do not lie in the plane.
    """
    window = live.config.problem().window
    if window is None:
        raise RefusedError("The data of this run do not lie in the plane.")
    centres = cell_centres(window, CELLS).reshape(-1, 2).astype(np.float64)
    return PlaneScores(
        step=state.step,
        window=list(window),
        log_density=(-scores(live, centres)).reshape(CELLS, CELLS).astype(np.float32),
        calibration=calibration_scores(live),
        exactness=live.exactness,
    )


def slice_view(
    live: LiveRun, state: RunState, across: int, up: int, row: list[float], window: list[float]
) -> SliceView:
    """Return the log-density along two columns of a table, the others fixed at a row.

    Args:
        live: the run.
        state: of the run.
        across: index of the first column.
        up: index of the second one.
        row: [D] in the units of the table.
        window: x_min, x_max, y_min, y_max of the two columns, in standard deviations.

    Raises:
        RefusedError: if the model has no likelihood, or there are no such columns.
    """
    problem = live.config.problem()
    given = np.array([row], np.float64)
    columns = range(problem.dim)
    if given.shape != (1, problem.dim) or across == up or {across, up} - {*columns}:
        raise RefusedError(f"The run has learned {problem.dim} columns, two of them are chosen.")
    point = _points(problem, live.config.seed, given)
    x_min, x_max, y_min, y_max = window
    grid = cell_centres((x_min, x_max, y_min, y_max), CELLS).reshape(-1, 2)
    points = np.repeat(point, len(grid), axis=0)
    points[:, [across, up]] = grid
    return SliceView(
        step=state.step,
        across=across,
        up=up,
        point=point[0],
        score=float(scores(live, point)[0]),
        window=window,
        log_density=(-scores(live, points)).reshape(CELLS, CELLS).astype(np.float32),
        calibration=calibration_scores(live),
        exactness=live.exactness,
    )


def benign_example(seed: int) -> TestRows:
    """Return the test rows of the built-in example: unseen benign rows, and malignant ones."""
    from flowplay.problems import make_problem

    problem = make_problem("table", data="breast_cancer_benign")
    assert isinstance(problem, Tabular)
    benign = problem.table.rows[problem.split(seed).test]
    others = malignant()
    labels = np.repeat(np.array([0, 1], np.int8), [len(benign), len(others)])
    return TestRows(problem.columns, np.concatenate([benign, others]), labels, ["malignant", "1"])


def compared(live: LiveRun, rows: TestRows) -> list[dict[str, Any]]:
    """Return what five other methods make of labelled rows, trained on the run's training rows.

    Rows that the run has seen are left out, as they are where it is judged itself.
    """
    config = live.config
    problem = config.problem()
    assert isinstance(problem, DataProblem)
    points = _points(problem, config.seed, rows.rows)
    unseen = seen_rows(problem, config.seed, rows.rows) == 0
    known = np.isfinite(points).all(1) & (rows.labels >= 0) & unseen
    if "jitter" in config.target_options:
        # The noise is a setting of the model that learns; others have settings of their own.
        config = config.model_copy(
            update={"target_options": {**config.target_options, "jitter": 0.0}}
        )
    train = training_points(config).double().numpy()
    found = detected(train, points[known], rows.labels[known], config.seed)
    return [one._asdict() for one in found]


def tighter_view(live: LiveRun, state: RunState) -> TighterView:
    """Return how a tighter Gaussian inside the data scores: likelihood calls it more typical.

    Points are drawn around the held-out point of the lowest score, with a fiftieth of the spread of
    the held-out points in every direction.
    """
    points = calibration_points(live)
    own = scores(live, points)
    centre = points[int(np.argmin(own))]
    rng = np.random.default_rng(live.config.seed)
    covariance = _TIGHTER**2 * np.cov(points.T)
    tight = rng.multivariate_normal(centre, covariance, _TIGHTER_POINTS, method="eigh")
    found = scores(live, tight)
    labels = np.repeat(np.array([0, 1], np.int8), [len(own), len(found)])
    # Infinite scores are the highest there are.
    both = np.clip(np.concatenate([own, found]), -1e300, 1e300)
    return TighterView(state.step, own, found, tight.astype(np.float32), auc(both, labels))


def to_json(value: object) -> bytes:
    """Return JSON bytes."""
    return json.dumps(value).encode()
