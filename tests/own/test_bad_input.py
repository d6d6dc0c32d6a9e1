"""Files that are no data: a folder of real cases, and what hypothesis makes of good ones.

CI reads a part; `FLOWPLAY_HOSTILE=10` reads all 3,000.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from hostile import TIMES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from flowplay.reading import UnreadableError
from flowplay.reading.ink import inked
from flowplay.reading.picture import read_picture, write_name
from flowplay.reading.process import read
from flowplay.reading.scored import read_rows
from flowplay.reading.table import read_table
from flowplay.wire import Drawing, Shades, Table

CASES = Path(__file__).parent / "cases"
ABOUT = json.loads((CASES / "about.json").read_text())

#: Bytes by which the process of a page may grow.
MOST_GROWTH = 50 * 2**20


def hostile(part: int) -> settings:
    """Return settings for this many of the 300 inputs of a tenth."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    return settings(max_examples=part * TIMES, deadline=None, suppress_health_check=slow)


def judged(act: Callable[[], Table | Drawing]) -> None:
    """Hold that what is read is sound, or that one sentence says why it is not."""
    refusal = "."
    try:
        found = act()
    except UnreadableError as error:
        refusal = str(error)
    else:
        values = found.rows if isinstance(found, Table) else found.weights
        assert np.isfinite(values).all()
        assert values.any()
    assert refusal.endswith(".")
    assert "\n" not in refusal
    assert len(refusal) < 1_000
    assert "Traceback" not in refusal


CELL = st.one_of(
    st.floats(width=32).map(str),
    st.integers(-(10**30), 10**30).map(str),
    st.sampled_from(["", " ", "nan", "inf", "-inf", "1e999", "1,5", "1.234,5", "0x1F", "١٢", "−3"]),
    st.sampled_from(['"', '"a,b"', "\ufeff", "\x00", "=1+1", "<b>", "NULL", "?", "1_000", "12:30"]),
    st.text(max_size=6),
)


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252"]


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Draw something like a table, in some encoding, perhaps cut off."""
    columns = draw(st.integers(1, 6))
    cells = st.lists(CELL, min_size=columns, max_size=columns)
    rows = draw(st.lists(st.one_of(cells, st.lists(CELL, max_size=8)), max_size=14))
    separator = draw(st.sampled_from([",", ";", "\t", "|", " ", "  "]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n"]))
    text = end.join(separator.join(row) for row in rows) * draw(st.integers(1, 3))
    encoding = draw(
        st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252", "utf-32"])
    )
    data = text.encode(encoding, "replace")
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


@hostile(110)
@given(tables())
def test_what_looks_like_a_table(data: bytes) -> None:
    judged(lambda: read_table(data).table)


@functools.cache
def good_files() -> list[bytes]:
    """Return pictures and a Parquet file that can be read."""
    found = []
    image = Image.fromarray(np.add.outer(np.arange(40), np.arange(30)).astype(np.uint8) * 3)
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        file = io.BytesIO()
        image.save(file, kind)
        found.append(file.getvalue())
    frame = __import__("pandas").DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) ** 2})
    file = io.BytesIO()
    frame.to_parquet(file)
    return [*found, file.getvalue()]


@st.composite
def damaged(draw: st.DrawFn, which: slice) -> bytes:
    """Draw a good file with some bytes changed, put in or left out, or its end cut off."""
    data = bytearray(draw(st.sampled_from(good_files()[which])))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data) - 1))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(data[: draw(st.integers(1, len(data)))] if draw(st.booleans()) else data)


@hostile(80)
@given(damaged(slice(0, -1)), st.sampled_from(["auto", "dark", "bright"]), st.floats(0, 0.95))
def test_damaged_pictures(data: bytes, ink: str, threshold: float) -> None:
    judged(lambda: read_picture(data, ink=ink, threshold=threshold))  # type: ignore[arg-type]


@hostile(40)
@given(damaged(slice(-1, None)))
def test_damaged_parquet(data: bytes) -> None:
    judged(lambda: read_table(data).table)


@hostile(40)
@given(st.text(max_size=40))
def test_names(text: str) -> None:
    judged(lambda: write_name(text))


@hostile(30)
@given(tables(), st.lists(st.text(max_size=5), min_size=1, max_size=3), st.text(max_size=5))
def test_rows_to_score(data: bytes, columns: list[str], label: str) -> None:
    def act() -> Drawing:
        read_rows(data, columns, label or None)
        return write_name("ok")

    judged(act)


def test_the_folder_and_its_list_agree() -> None:
    assert sorted(ABOUT) == sorted(p.name for p in CASES.iterdir() if p.name != "about.json")


@pytest.mark.parametrize("name", sorted(ABOUT))
def test_real_cases(name: str) -> None:
    case, data = ABOUT[name], (CASES / name).read_bytes()
    if "refused" in case:
        with pytest.raises(UnreadableError, match=case["refused"]) as refused:
            read_table(data) if case["as"] == "table" else read_picture(data)
        assert str(refused.value).endswith(".")
        assert "\n" not in str(refused.value)
    elif case["as"] == "table":
        found = read_table(data)
        assert [len(found.table.rows), found.table.columns] == case["read"]
        assert found.dropped == case.get("dropped", 0)
    else:
        assert list(read_picture(data).weights.shape) == case["read"]


def _read_as_a_page(kind: str, data: bytes) -> None:
    if kind == "picture":
        inked(Shades.from_bytes(read("shades", data).content))
    else:
        read(kind, data)


def test_the_process_of_a_page_does_not_grow() -> None:
    """Read as a page does: in another process."""
    chosen = [name for name, case in sorted(ABOUT.items()) if "refused" in case]
    chosen = chosen if TIMES > 1 else chosen[::8]
    bad = [(ABOUT[name]["as"], (CASES / name).read_bytes()) for name in chosen]
    bad += [("table", b"," * 4_900_000 + b"\n1\n"), ("picture", bytes(4_900_000))]
    before = psutil.Process().memory_info().rss
    for kind, data in bad:
        with pytest.raises(UnreadableError):
            _read_as_a_page(kind, data)
    grown = psutil.Process().memory_info().rss - before
    assert grown < MOST_GROWTH, f"{grown / 2**20:.1f} MB"
