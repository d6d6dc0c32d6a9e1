"""Tables: CSV, TSV, Parquet or pasted cells become columns of numbers."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flowplay.reading.errors import UnreadableError
from flowplay.reading.limits import MOST_BYTES, MOST_FILE_COLUMNS
from flowplay.wire.own_data import LEAST_COLUMNS, MOST_COLUMNS, MOST_ROWS, Table

_NOT_A_TABLE: Final = "This cannot be read as a table of rows and columns."
_DELIMITERS: Final = "\t;,|"
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+(?:[eE][+-]?\d+)?\s*\Z")
_NUMERIC_SHARE: Final = 0.5  # of the filled cells of a column that are numbers
_LONGEST_NAME: Final = 40


class Column(NamedTuple):
    """A column of a file.

    Attributes:
        name: what it is called.
        values: [n] float64, NaN for a gap and for what is no number; None for a column of text.
        why_not: why it cannot be learned, in a few words; empty if it can.
    """

    name: str
    values: NDArray[np.float64] | None
    why_not: str


class Read(NamedTuple):
    """A table, and what was left out of it.

    Attributes:
        table: what can be learned.
        dropped: rows with gaps, which were left out.
        duplicates: rows of the rest that are the same as an earlier one.
    """

    table: Table
    dropped: int
    duplicates: int


def read_frame(data: bytes) -> pd.DataFrame:
    """Read bytes as a table of text cells, or of typed columns from Parquet.

    Raises:
        UnreadableError: if they are none, too large, or empty.
    """
    if len(data) > MOST_BYTES:
        raise UnreadableError(f"This file has more than {MOST_BYTES // 10**6} MB.")
    try:
        frame = _parquet(data) if data[:4] == b"PAR1" else _cells(_text(data))
    except UnreadableError:
        raise
    except MemoryError:
        raise UnreadableError("Reading this table takes too much memory.") from None
    except Exception:
        # Whatever a parser stumbles over.
        raise UnreadableError(_NOT_A_TABLE) from None
    if frame.shape[1] > MOST_FILE_COLUMNS:
        raise UnreadableError(_too_wide(frame.shape[1]))
    if frame.empty:
        raise UnreadableError("This table has no rows.")
    if len(frame) > MOST_ROWS:
        raise UnreadableError(
            f"This table has more than {MOST_ROWS:,} rows, which is the most that is read."
        )
    frame.columns = _names(list(frame.columns))
    return frame


def columns_of(frame: pd.DataFrame) -> list[Column]:
    """Return the columns with their numbers, and say which cannot be learned."""
    return [_column(str(name), frame[name]) for name in frame.columns]


def read_table(data: bytes, chosen: Sequence[str] | None = None, title: str = "Table") -> Read:
    """Read the chosen columns of a table; by default all of numbers, the first 16 of them.

    Raises:
        UnreadableError: if the bytes are no table, or a chosen column cannot be learned.
    """
    known = {column.name: column for column in columns_of(read_frame(data))}
    if chosen is None:
        chosen = [c.name for c in known.values() if not c.why_not][:MOST_COLUMNS]
        if len(chosen) < LEAST_COLUMNS:
            raise UnreadableError(
                f"This table has {len(chosen)} column{'s' * (len(chosen) != 1)} of numbers that "
                f"differ; at least {LEAST_COLUMNS} are needed."
            )
    for name in chosen:
        if name not in known:
            raise UnreadableError(
                f"The table has no column {_shown(name)}; it has {_listed(list(known))}."
            )
        if why_not := known[name].why_not:
            raise UnreadableError(f"The column {_shown(name)} cannot be learned: {why_not}.")
    values = [known[name].values for name in chosen]
    rows = np.column_stack([v for v in values if v is not None]) if values else np.zeros((0, 0))
    complete = np.isfinite(rows).all(1)
    try:
        table = Table(title[:80] or "Table", list(chosen), np.ascontiguousarray(rows[complete]))
    except ValueError as error:
        dropped = int((~complete).sum())
        gaps = f" {dropped:,} rows with gaps were left out." if dropped else ""
        raise UnreadableError(f"{error}{gaps}") from None
    different = len(np.unique(table.rows, axis=0))
    return Read(table, int((~complete).sum()), len(table.rows) - different)


def _parquet(data: bytes) -> pd.DataFrame:
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    about = pq.ParquetFile(io.BytesIO(data)).metadata
    if about.num_columns > MOST_FILE_COLUMNS:
        raise UnreadableError(_too_wide(about.num_columns))
    if about.num_rows > MOST_ROWS:
        raise UnreadableError(
            f"This table has {about.num_rows:,} rows; at most {MOST_ROWS:,} are read."
        )
    return pd.read_parquet(io.BytesIO(data))


def _text(data: bytes) -> str:
    """Decode text: UTF-8, UTF-16 if it says so, else Western European."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise UnreadableError("This file is no text and no Parquet.")
    return text


def _cells(text: str) -> pd.DataFrame:
    """Read text as cells, which stay text."""
    lines = [line for line in text[: 2**20].splitlines() if line.strip()][:50]
    if not lines:
        raise UnreadableError("This table is empty.")
    delimiter = _delimiter(lines)
    if delimiter is not None:
        columns = lines[0].count(delimiter) + 1
        if columns > MOST_FILE_COLUMNS:
            raise UnreadableError(_too_wide(columns))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pd.read_csv(
            io.StringIO(text),
            sep=delimiter or r"\s+",
            header=0 if _has_header(lines[0], delimiter) else None,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            on_bad_lines="skip",
            index_col=False,
            nrows=MOST_ROWS + 1,
        )


def _delimiter(lines: Sequence[str]) -> str | None:
    """Return what separates cells: what the most lines have equally often; None for blanks."""
    best, found = 0, None
    for delimiter in _DELIMITERS:
        counts = [line.count(delimiter) for line in lines]
        same = sum(count == counts[0] for count in counts)
        if counts[0] and same > best:
            best, found = same, delimiter
    return found


def _has_header(line: str, delimiter: str | None) -> bool:
    """Tell whether a first line names columns: a table of numbers alone has none."""
    cells = [cell.strip().strip('"') for cell in line.split(delimiter)]
    filled = [cell for cell in cells if cell]
    return not filled or any(_number(cell) is None for cell in filled)


def _number(cell: str) -> float | None:
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return None


def _names(given: list[object]) -> list[str]:
    """Return a short name for each column, no two the same."""
    names: list[str] = []
    for place, name in enumerate(given, 1):
        text = f"column {place}" if isinstance(name, int) else " ".join(str(name).split())
        text = text[:_LONGEST_NAME] or f"column {place}"
        text = f"column {place}" if text.startswith("Unnamed:") else text
        names.append(text if text not in names else f"{text[:30]} ({place})")
    return names


def _column(name: str, series: Any) -> Column:  # noqa: ANN401
    values, filled = _numbers(series)
    numbers = np.isfinite(values)
    if not numbers.any() or numbers.sum() < _NUMERIC_SHARE * filled:
        return Column(name, None, "it holds text" if filled else "it is empty")
    found = values[numbers]
    if found.min() == found.max():
        return Column(name, values, "all its values are the same")
    return Column(name, values, "")


def _numbers(series: Any) -> tuple[NDArray[np.float64], int]:  # noqa: ANN401
    """Return the numbers [n] of a column, NaN where there is none, and how many cells it fills."""
    if pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series):
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return values, int((~np.isnan(values)).sum())
    text = series.astype(str).str.strip()
    filled = ~text.str.lower().isin(["", "na", "nan", "n/a", "null", "none", "-", "?", "<na>"])
    shown = text[filled]
    if len(shown) and shown.map(_DECIMAL_COMMA.match).notna().mean() > _NUMERIC_SHARE:
        text = text.str.replace(",", ".", regex=False)
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    values = np.where(np.isinf(values), np.nan, values)
    return values, int(filled.sum())


def _too_wide(columns: int) -> str:
    return f"This table has {columns:,} columns; at most {MOST_FILE_COLUMNS} are read."


def _shown(name: str) -> str:
    return "“" + re.sub(r"[^\w .,()%/+-]", "·", name[:_LONGEST_NAME]) + "”"


def _listed(names: list[str]) -> str:
    return ", ".join(_shown(name) for name in names[:12]) + (", …" if len(names) > 12 else "")
