"""Rows of a table as points in 2 to 16 dimensions; their density is not known."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Rows to train on and held-out rows, as indices; equal rows are in the same part."""

    train: NDArray[np.intp]
    held_out: NDArray[np.intp]


class Scaling(NamedTuple):
    """Location [D] and scale [D] of the training rows."""

    mean: FloatArray
    std: FloatArray

    def apply(self, rows: FloatArray) -> FloatArray:
        """Return rows [n, D] in standard deviations from the mean."""
        return (rows - self.mean) / self.std


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
        """Return which rows are held out."""
        groups = self._groups
        different = int(groups.max()) + 1
        order = np.random.default_rng([_SPLIT_STREAM, seed]).permutation(different)
        held_out = order[: max(1, round(HELD_OUT_SHARE * different))]
        is_held_out = np.isin(groups, held_out)
        shuffle = np.random.default_rng([_SPLIT_STREAM + 1, seed]).permutation(len(groups))
        return Split(shuffle[~is_held_out[shuffle]], shuffle[is_held_out[shuffle]])

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

    @cached_property
    def _groups(self) -> NDArray[np.intp]:
        """For each row [n] which of the different rows it is."""
        _, groups = np.unique(self.table.rows, axis=0, return_inverse=True)
        found: NDArray[np.intp] = groups.reshape(-1)
        return found


@lru_cache(maxsize=8)
def built_in(name: str) -> Table:
    """Return a built-in table. Of breast cancer these are the means, 10 of its 30 columns."""
    from sklearn import datasets

    from flowplay.wire.own_data import Table

    loaded = getattr(datasets, f"load_{name.removesuffix('_benign')}")()
    rows, columns = loaded.data, [str(column) for column in loaded.feature_names]
    if name.endswith("_benign"):
        rows = rows[loaded.target == 1]
    most = 10 if name.startswith("breast_cancer") else len(columns)
    rows = np.ascontiguousarray(rows[:, :most], dtype=np.float64)
    return Table(BUILT_IN[name], columns[:most], rows)


def malignant() -> FloatArray:
    """Return the malignant rows [212, 10] of the table of breast cancer."""
    from sklearn.datasets import load_breast_cancer

    loaded = load_breast_cancer()
    return np.ascontiguousarray(loaded.data[loaded.target == 0][:, :10], dtype=np.float64)
