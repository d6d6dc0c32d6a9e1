"""Rows of a table as points in 2 to 16 dimensions; their density is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flowplay import shelf
from flowplay.catalog import DataName, Real
from flowplay.problems.base import DataProblem, FloatArray, Window
from flowplay.problems.own.drawing import Own

if TYPE_CHECKING:
    from flowplay.wire.own_data import Table

#: The share of the rows that is held out.
HELD_OUT_SHARE: Final = 0.2

#: Built-in tables: name -> what they are called.
BUILT_IN: Mapping[str, str] = {
    "iris": "Iris flowers",
    "wine": "Wines",
    "breast_cancer": "Breast cancer",
    "breast_cancer_benign": "Breast cancer, benign only",
    "diabetes": "Diabetes",
}

_SPLIT_STREAM = 0x5917


class Split(NamedTuple):
    """The parts of a table, as indices of rows; equal rows are in the same part.

    Attributes:
        train: to train on.
        held_out: all others.
        calibration: the half of the held-out rows from which thresholds are taken.
        test: the other half, which verdicts can be tested on.
    """

    train: NDArray[np.intp]
    held_out: NDArray[np.intp]
    calibration: NDArray[np.intp]
    test: NDArray[np.intp]


class Scaling(NamedTuple):
    """Location [D] and scale [D] of the training rows."""

    mean: FloatArray
    std: FloatArray

    def apply(self, rows: FloatArray) -> FloatArray:
        """Return rows [n, D] in standard deviations from the mean."""
        return (rows - self.mean) / self.std

    def undo(self, points: FloatArray) -> FloatArray:
        """Return rows [n, D] in the units of the table."""
        return self.mean + self.std * points


@dataclass(frozen=True)
class Tabular(Own, DataProblem):
    """The rows of a table; a point is a row in standard deviations from the mean.

    Mean and standard deviation are those of the training rows, so that nothing of a held-out row
    is in what a run learns from. The seed decides which rows are held out. Rows that are equal are
    in the same part.

    Args:
        data: name of a built-in table, or digest of a `Table`.
        jitter: standard deviation of the noise on training points. With it there are as many
            points as are asked for: a row and noise each, draws of a kernel density.

    Raises:
        MissingDataError: by whatever needs the data, if they are not here.

    Example:
        >>> from flowplay.problems import make_problem
        >>> iris = make_problem("table")
        >>> iris.dim, iris.training_points(1000, 0).shape, iris.held_out_points(1000, 0).shape
        (4, (120, 4), (30, 4))
    """

    name = "table"
    label = "Table"
    summary = "The rows of a table with 2 to 16 columns of numbers; their density is not known."
    density = None
    options = (
        DataName("data", "Data", "A built-in table, or digest of own data.", "iris", BUILT_IN),
        Real(
            "jitter",
            "Jitter",
            "Standard deviation of noise that is added to the rows to train on, in standard "
            "deviations of the columns. It keeps a model from overfitting a small table.",
            0.0,
            0.0,
            1.0,
        ),
    )

    data: str = "iris"
    jitter: float = 0.0

    @cached_property
    def table(self) -> Table:
        """The rows with the names of their columns."""
        from flowplay.wire.own_data import Table

        if self.data in BUILT_IN:
            return built_in(self.data)
        return Table.from_bytes(shelf.get(self.data))

    @property
    def title(self) -> str:
        """What the table is called."""
        return self.table.title

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self.table.columns

    @property
    def dim(self) -> int:
        """The number of columns."""
        return len(self.columns)

    @cached_property
    def window(self) -> Window | None:
        """Of two columns: a square that shows nearly all rows, in standard deviations."""
        if self.dim != 2:
            return None
        rows = self.scaling(0).apply(self.table.rows)
        reach = float(np.quantile(np.abs(rows).max(1), 0.995))
        half = 0.5 * np.ceil(2 * min(max(1.15 * reach, 2.0), 12.0))
        return -half, half, -half, half

    @cached_property
    def duplicates(self) -> int:
        """How many rows are the same as an earlier one."""
        return len(self._groups) - int(self._groups.max()) - 1

    def split(self, seed: int) -> Split:
        """Return which rows are trained on, and which are held out for what."""
        groups = self._groups
        different = int(groups.max()) + 1
        order = np.random.default_rng([_SPLIT_STREAM, seed]).permutation(different)
        held_out = order[: max(1, round(HELD_OUT_SHARE * different))]
        is_held_out = np.isin(groups, held_out)
        is_calibration = np.isin(groups, held_out[: (len(held_out) + 1) // 2])
        shuffle = np.random.default_rng([_SPLIT_STREAM + 1, seed]).permutation(len(groups))
        kept = shuffle[is_held_out[shuffle]]
        return Split(
            train=shuffle[~is_held_out[shuffle]],
            held_out=kept,
            calibration=kept[is_calibration[kept]],
            test=kept[~is_calibration[kept]],
        )

    def scaling(self, seed: int, n: int | None = None) -> Scaling:
        """Return location and scale of the first n training rows of a seed, of all if None.

        A column that is constant in these rows has a scale of 1.
        """
        rows = self.table.rows[self.split(seed).train[:n]]
        std = rows.std(0)
        return Scaling(rows.mean(0), np.where(std > 0, std, 1.0))

    def training_points(self, n: int, seed: int) -> FloatArray:
        """Return at most n training rows [m, D], standardized; n points where there is jitter."""
        rows = self.scaling(seed).apply(self.table.rows[self.split(seed).train[:n]])
        if not self.jitter:
            return rows
        rng = np.random.default_rng([_SPLIT_STREAM + 2, seed])
        chosen = rows[rng.integers(len(rows), size=n)]
        points: FloatArray = chosen + self.jitter * rng.normal(size=chosen.shape)
        return points

    def held_out_points(self, n: int, seed: int) -> FloatArray:
        """Return at most n rows [m, D] that are not trained on, standardized by those that are."""
        return self.scaling(seed).apply(self.table.rows[self.split(seed).held_out[:n]])

    def calibration_points(self, seed: int) -> FloatArray:
        """Return the rows [m, D] from which thresholds are taken, standardized."""
        return self.scaling(seed).apply(self.table.rows[self.split(seed).calibration])

    def test_points(self, seed: int) -> FloatArray:
        """Return the rows [m, D] that neither a run nor a threshold has seen, standardized."""
        return self.scaling(seed).apply(self.table.rows[self.split(seed).test])

    @cached_property
    def _groups(self) -> NDArray[np.intp]:
        """For each row [n] which of the different rows it is."""
        _, groups = np.unique(self.table.rows, axis=0, return_inverse=True)
        found: NDArray[np.intp] = groups.reshape(-1)
        return found


@lru_cache(maxsize=8)
def built_in(name: str) -> Table:
    """Return a built-in table; of breast cancer 16 of its 30 columns, see `cancer_columns`."""
    from sklearn import datasets

    from flowplay.wire.own_data import Table

    loaded = getattr(datasets, f"load_{name.removesuffix('_benign')}")()
    rows, columns = loaded.data, [str(column) for column in loaded.feature_names]
    if name.endswith("_benign"):
        rows = rows[loaded.target == 1]
    chosen = cancer_columns(columns) if name.startswith("breast_cancer") else range(len(columns))
    rows = np.ascontiguousarray(rows[:, list(chosen)], dtype=np.float64)
    return Table(BUILT_IN[name], [columns[k] for k in chosen], rows)


def cancer_columns(names: Sequence[str]) -> list[int]:
    """Return which columns of breast cancer the built-in tables have, as indices.

    The mean and the worst value of each measure but perimeter and area, which follow from the
    radius. The rule looks at no row, so at no label either.

    Example:
        >>> cancer_columns(["mean radius", "mean area", "radius error", "worst radius"])
        [0, 3]
    """
    return [
        k
        for k, name in enumerate(names)
        if name.startswith(("mean", "worst")) and not name.endswith(("perimeter", "area"))
    ]


def malignant() -> FloatArray:
    """Return the malignant rows [212, 16] of the table of breast cancer."""
    from sklearn.datasets import load_breast_cancer

    loaded = load_breast_cancer()
    columns = cancer_columns([str(column) for column in loaded.feature_names])
    rows = loaded.data[loaded.target == 0]
    return np.ascontiguousarray(rows[:, columns], dtype=np.float64)
