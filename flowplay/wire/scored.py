"""Rows that are to be scored, and what their scores come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import Packed


@dataclass(frozen=True)
class TestRows(Packed):
    """Rows to score, in the units of the file that they come from.

    Attributes:
        columns: names of the columns.
        rows: [n, D] float64; NaN where there is a gap.
        labels: [n] int8, 1 for an anomaly, 0 for none, -1 where it is not said; empty without
            labels.
        label_name: the column of the labels, with the value that stands for an anomaly, or empty.
    """

    KIND: ClassVar[str] = "test rows"
    __test__: ClassVar[bool] = False  # no test, in spite of its name

    columns: list[str]
    rows: NDArray[np.float64]
    labels: NDArray[np.int8]
    label_name: list[str]


#: What a row that is scored was used for before: for nothing, to train on, for thresholds.
UNSEEN, TRAINED_ON, CALIBRATED_ON = 0, 1, 2


@dataclass(frozen=True)
class Scored(Packed):
    """Scores of rows, and of the points behind thresholds: -log p in nats, of standardized rows.

    Attributes:
        step: of the run.
        scores: [n] float64; NaN for rows with gaps.
        calibration: [m] float64, ascending: scores of held-out points, none of them among the rows
            that are judged.
        seen: [n] uint8: `UNSEEN`, or `TRAINED_ON` or `CALIBRATED_ON` for a row that is equal to
            one that was.
        judged: what the labels of unseen rows tell, by the names of
            `flowplay.anomalies.judging.judged`; empty without labels of both kinds.
        curves: [k, 4] float64, rows of false positive rate, true positive rate, recall, precision.
    """

    KIND: ClassVar[str] = "scores"

    step: int
    scores: NDArray[np.float64]
    calibration: NDArray[np.float64]
    seen: NDArray[np.uint8]
    judged: dict[str, Any]
    curves: NDArray[np.float64]


@dataclass(frozen=True)
class PlaneScores(Packed):
    """The log-density of a run over its window, and the scores behind thresholds.

    Attributes:
        step: of the run.
        window: x_min, x_max, y_min, y_max, in data units.
        log_density: [H, W] float32 in nats at the centres of the cells; row 0 is the lowest y.
        calibration: [m] float64, ascending: scores of held-out points.
        exactness: `exact`, `bound` (the density is at least this) or `estimate`.
    """

    KIND: ClassVar[str] = "scores of the plane"

    step: int
    window: list[float]
    log_density: NDArray[np.float32]
    calibration: NDArray[np.float64]
    exactness: str


@dataclass(frozen=True)
class SliceView(Packed):
    """The log-density along two coordinates through a point, all others fixed.

    Attributes:
        step: of the run.
        across: index of the first coordinate.
        up: index of the second one.
        point: [D] float64, the point, in standard deviations.
        score: of the point.
        window: x_min, x_max, y_min, y_max of the two coordinates.
        log_density: [H, W] float32, in nats at the centres of the cells; row 0 is the lowest y.
        calibration: [m] float64, ascending: scores of held-out points.
        exactness: `exact`, `bound` (the density is at least this) or `estimate`.
    """

    KIND: ClassVar[str] = "slice of a density"

    step: int
    across: int
    up: int
    point: NDArray[np.float64]
    score: float
    window: list[float]
    log_density: NDArray[np.float32]
    calibration: NDArray[np.float64]
    exactness: str


@dataclass(frozen=True)
class TighterView(Packed):
    """Scores of held-out points, and of a tighter Gaussian among them.

    Attributes:
        step: of the run.
        held_out: [m] float64, scores of points of the data.
        tighter: [n] float64, scores of draws of the Gaussian.
        points: [n, D] float32, these draws.
        auc: how often a draw scores higher, so is called more anomalous, than a point of the data.
    """

    KIND: ClassVar[str] = "scores of a tighter Gaussian"

    step: int
    held_out: NDArray[np.float64]
    tighter: NDArray[np.float64]
    points: NDArray[np.float32]
    auc: float
