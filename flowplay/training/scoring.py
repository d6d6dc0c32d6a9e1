"""Scores of points by a run's model: -log p, in nats."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from flowplay.anomalies.detectors import detected
from flowplay.anomalies.judging import judged
from flowplay.errors import RefusedError
from flowplay.problems import DataProblem, Tabular
from flowplay.problems.own.table import malignant
from flowplay.training.data import held_out_points, training_points
from flowplay.training.live_run import LiveRun
from flowplay.training.objectives import BLOCK
from flowplay.wire import RunState
from flowplay.wire.scored import Scored, TestRows

#: Held-out points behind thresholds and percentiles.
HELD_OUT = 10_000


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


def held_out_scores(live: LiveRun) -> NDArray[np.float64]:
    """Return -log p [m] of held-out points, ascending."""
    return np.sort(scores(live, held_out_points(live.config, HELD_OUT).double().numpy()))


def score_rows(live: LiveRun, state: RunState, rows: TestRows) -> Scored:
    """Score rows in the units of their file, and judge the scores by the labels, if there are any.

    Raises:
        RefusedError: if the model has no likelihood, or the rows have another number of columns.
    """
    problem = live.config.problem()
    if rows.rows.ndim != 2 or rows.rows.shape[1] != problem.dim:
        raise RefusedError(f"The run has learned {problem.dim} columns.")
    points = rows.rows
    if isinstance(problem, Tabular):
        points = problem.scaling(live.config.seed).apply(points)
    found = scores(live, points)
    told = judged(found, rows.labels)
    return Scored(
        step=state.step,
        scores=found,
        held_out=held_out_scores(live),
        judged={} if told is None else told[0],
        curves=np.zeros((0, 4)) if told is None else np.column_stack(told[1]),
    )


def benign_example(seed: int) -> TestRows:
    """Return the test rows of the built-in example: held-out benign rows, and malignant ones."""
    from flowplay.problems import make_problem

    problem = make_problem("table", data="breast_cancer_benign")
    assert isinstance(problem, Tabular)
    benign = problem.table.rows[problem.split(seed).held_out]
    others = malignant()
    labels = np.repeat(np.array([0, 1], np.int8), [len(benign), len(others)])
    return TestRows(problem.columns, np.concatenate([benign, others]), labels, ["malignant", "1"])


def compared(live: LiveRun, rows: TestRows) -> list[dict[str, Any]]:
    """Return what five other methods make of labelled rows, trained on the run's training rows."""
    problem = live.config.problem()
    assert isinstance(problem, DataProblem)
    points = rows.rows
    if isinstance(problem, Tabular):
        points = problem.scaling(live.config.seed).apply(points)
    known = np.isfinite(points).all(1) & (rows.labels >= 0)
    config = live.config
    if "jitter" in config.target_options:
        # The noise is a setting of the model that learns; others have settings of their own.
        config = config.model_copy(
            update={"target_options": {**config.target_options, "jitter": 0.0}}
        )
    train = training_points(config).double().numpy()
    found = detected(train, points[known], rows.labels[known], live.config.seed)
    return [one._asdict() for one in found]


def tighter_example(live: LiveRun, n: int = 2000) -> dict[str, float]:
    """Return how a tighter Gaussian inside the data scores: likelihood calls it more typical.

    Points are drawn around the held-out point of the lowest score, with a twentieth of the spread.
    """
    points = held_out_points(live.config, HELD_OUT).double().numpy()
    own = scores(live, points)
    centre = points[int(np.argmin(own))]
    rng = np.random.default_rng(live.config.seed)
    tight = centre + 0.05 * points.std(0) * rng.normal(size=(n, points.shape[1]))
    return {"held_out": float(own.mean()), "tighter": float(scores(live, tight).mean())}


def to_json(value: object) -> bytes:
    """Return JSON bytes."""
    return json.dumps(value).encode()
