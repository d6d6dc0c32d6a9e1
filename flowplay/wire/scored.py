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


@dataclass(frozen=True)
class Scored(Packed):
    """Scores of rows, and of held-out points: -log p in nats, of standardized rows.

    Attributes:
        step: of the run.
        scores: [n] float64; NaN for rows with gaps.
        held_out: [m] float64, ascending: scores of points that were not trained on.
        judged: what the labels tell, by the names of `flowplay.anomalies.judging.judged`; empty
            without labels of both kinds.
        curves: [k, 4] float64, rows of false positive rate, true positive rate, recall, precision.
    """

    KIND: ClassVar[str] = "scores"

    step: int
    scores: NDArray[np.float64]
    held_out: NDArray[np.float64]
    judged: dict[str, Any]
    curves: NDArray[np.float64]
