"""Rows to score: the columns of a run in a file, and labels if it has some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flowplay.reading.errors import UnreadableError
from flowplay.reading.table import Column, _listed, _numbers, _shown, columns_of, read_frame
from flowplay.wire.scored import TestRows

#: Values of a label that say of a row that it is an anomaly, in lower case.
_ANOMALY: Final = ("1", "1.0", "true", "yes", "anomaly", "anomalous", "outlier", "malignant")


def read_rows(data: bytes, columns: Sequence[str], label: str | None = None) -> TestRows:
    """Read the rows of a file that are to be scored.

    Args:
        data: the file, as for a table.
        columns: names of the columns that the run has learned; `x` and `y` are also the first two
            columns of numbers of a file that has no columns of these names.
        label: the column that says which rows are anomalies. It has two values. An anomaly is 1,
            true, yes, anomaly, outlier or malignant, else the rarer value.

    Raises:
        UnreadableError: if it cannot be read, or a column is missing.
    """
    frame = read_frame(data)
    known = {str(name): frame[name] for name in frame.columns}
    missing = [name for name in columns if name not in known]
    chosen = list(columns)
    if missing and list(columns) == ["x", "y"]:
        numeric = [c.name for c in columns_of(frame) if _is_numeric(c) and c.name != label]
        if len(numeric) < 2:
            raise UnreadableError("This table has no two columns of numbers.")
        chosen, missing = numeric[:2], []
    if missing:
        raise UnreadableError(
            f"The table lacks {_listed(missing)}, which the run has learned; it has "
            f"{_listed(list(known))}."
        )
    rows = np.column_stack([_numbers(known[name])[0] for name in chosen])
    labels, name = np.zeros(0, np.int8), []
    if label is not None:
        if label not in known:
            raise UnreadableError(
                f"The table has no column {_shown(label)}; it has {_listed(list(known))}."
            )
        labels, anomaly = _labels(label, known[label])
        name = [label, anomaly]
    return TestRows(chosen, np.ascontiguousarray(rows), labels, name)


def _is_numeric(column: Column) -> bool:
    return column.values is not None


def _labels(name: str, series: pd.Series) -> tuple[NDArray[np.int8], str]:
    text = series.astype(str).str.strip()
    filled = ~text.str.lower().isin(["", "nan", "na", "<na>", "none"])
    counts = text[filled].value_counts()
    if len(counts) != 2:
        raise UnreadableError(
            f"The column {_shown(name)} has {len(counts)} values; labels have two, as 0 and 1."
        )
    values = [str(value) for value in counts.index]
    named = [value for value in values if value.lower() in _ANOMALY]
    # The rarer one stands last.
    anomaly = named[0] if len(named) == 1 else values[-1]
    labels = np.where(text == anomaly, 1, 0).astype(np.int8)
    return np.where(filled, labels, -1).astype(np.int8), anomaly
