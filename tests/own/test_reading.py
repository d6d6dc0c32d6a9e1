"""Files that people bring: what is read of them, and a sentence for each that cannot be read."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from flowplay.reading import UnreadableError
from flowplay.reading.picture import read_picture, write_name
from flowplay.reading.process import read
from flowplay.reading.scored import read_rows
from flowplay.reading.table import read_frame, read_table
from flowplay.wire import Drawing, Table

ROWS = np.random.default_rng(0).normal(size=(30, 2)).round(3)


def written(separator: str = ",", header: str | None = "a,b", comma: bool = False) -> str:
    lines = [separator.join(f"{x}" for x in row) for row in ROWS]
    if comma:
        lines = [line.replace(".", ",") for line in lines]
    head = [] if header is None else [header.replace(",", separator)]
    return "\n".join([*head, *lines])


@pytest.mark.parametrize(
    "data",
    [
        written().encode(),
        written("\t").encode(),
        written(";").encode(),
        written("|").encode(),
        written(" ").encode(),
        written(";", comma=True).encode(),
        b"\xef\xbb\xbf" + written().encode(),
        written().encode("utf-16"),
        written().replace("\n", "\r\n").encode(),
        written(header="Größe,Maß").encode("latin-1"),
        written(header=None).encode(),
        (written() + "\n,\n1,\ninf,2\nnan,3\n").encode(),
    ],
    ids=[
        *("comma", "tab", "semicolon", "bar", "blank", "decimal comma", "BOM", "utf-16"),
        *("crlf", "latin-1", "no header", "gaps"),
    ],
)
def test_tables_are_read(data: bytes) -> None:
    found = read_table(data)
    assert found.table.rows == pytest.approx(ROWS)
    assert len(found.table.columns) == 2


def test_gaps_text_and_constants() -> None:
    lines = ["name,a,b,same"] + [f"x{i},{x},{y},1" for i, (x, y) in enumerate(ROWS)]
    lines[3] = "x,,5,1"
    data = "\n".join(lines).encode()
    found = read_table(data)
    assert found.table.columns == ["a", "b"]
    assert (found.dropped, len(found.table.rows)) == (1, 29)
    with pytest.raises(UnreadableError, match="“name” cannot be learned: it holds text"):
        read_table(data, ["a", "name"])
    with pytest.raises(UnreadableError, match="“same” cannot be learned: all its values"):
        read_table(data, ["a", "same"])
    with pytest.raises(UnreadableError, match="no column “z”"):
        read_table(data, ["a", "z"])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"a,b\n", "no rows"),
        (b"a,b\n1,2\n", "same|differ|different"),
        (b"a,b\n" + b"1,2\n" * 100, "differ"),
        (b"," * 4_000_000 + b"\n1,2\n", "columns; at most"),
        (b"PAR1 but not really", "cannot be read"),
        (b"\x00\x01\x02" * 50, "no text"),
        (b"a,b\n" + b"9" * 4_000_000, "differ|cannot|empty|no rows"),
        (b'a,b\n"1,2\n', "."),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(data: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=why) as refused:
        read_table(data)
    assert str(refused.value).rstrip().endswith(".")


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda s: s.encode())))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    rows, refusal = ROWS, "."
    try:
        rows = read_table(data).table.rows
    except UnreadableError as error:
        refusal = str(error)
    assert np.isfinite(rows).all()
    assert "\n" not in refusal
    assert refusal.endswith(".")


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_refused(data: bytes) -> None:
    with pytest.raises(UnreadableError, match=r"no PNG"):
        read_picture(data)


def picture(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def spot(size: tuple[int, int] = (60, 40), ink: int = 0, page: int = 255) -> Image.Image:
    image = Image.new("L", size, page)
    image.paste(ink, (0, 0, size[0] // 4, size[1] // 4))
    return image


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_pictures_are_read_and_ink_is_found(form: str) -> None:
    for ink, page in ((0, 255), (255, 0)):
        weights = read_picture(picture(spot(ink=ink, page=page), form)).weights
        assert max(weights.shape) == 192
        assert weights[:20, :20].mean() > 200
        assert weights[80:, 80:].mean() < 5


def test_a_photo_that_lies_on_its_side_is_turned() -> None:
    about = Image.Exif()
    about[0x0112] = 6  # turn by 90° to the right
    weights = read_picture(picture(spot(), "JPEG", exif=about)).weights
    assert weights.shape == (192, 128)
    assert weights[:20, -20:].mean() > 200


def bomb(width: int, height: int) -> bytes:
    """Return a PNG whose header promises many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(100_000))
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (bomb(100_000, 100_000), "megapixels"),
        (bomb(6000, 6000), "megapixels"),
        (picture(Image.new("L", (1, 5000))), "long and narrow"),
        (picture(Image.new("L", (50, 50), 7)), "one brightness"),
        (picture(Image.new("RGBA", (50, 50), (0, 0, 0, 0))), "one brightness"),
        (picture(spot())[:60], "no PNG"),
        (picture(spot(), "GIF"), "no PNG"),
        (b"PK\x03\x04 a zip", "no PNG"),
        (bytes(5_000_001), "5 MB"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(data: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        read_picture(data)


def test_names_are_drawn_or_refused() -> None:
    flow = write_name("flow")
    assert flow.weights.shape[1] == 192
    assert 0.05 < (flow.weights > 0).mean() < 0.6
    for bad in ("", "   ", "x" * 25):
        with pytest.raises(UnreadableError):
            write_name(bad)


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=24))
def test_any_name_is_drawn_or_refused(text: str) -> None:
    drawn, refusal = write_name("x"), "."
    try:
        drawn = write_name(text)
    except UnreadableError as error:
        refusal = str(error)
    assert drawn.weights.any()
    assert refusal.endswith(".")


def test_another_process_reads_the_same() -> None:
    found = read("table", written().encode(), title="rows")
    table = Table.from_bytes(found.content)
    assert table.rows == pytest.approx(ROWS)
    assert (table.title, found.about["dropped"]) == ("rows", 0)
    named = Drawing.from_bytes(read("name", b"", text="flow").content)
    assert np.array_equal(named.weights, write_name("flow").weights)
    assert read("columns", written().encode()).about["columns"] == [["a", ""], ["b", ""]]
    with pytest.raises(UnreadableError, match="megapixels"):
        read("shades", bomb(100_000, 100_000))


def test_reading_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowplay.reading.process.WAIT_SECONDS", 0.01)
    with pytest.raises(UnreadableError, match="was stopped"):
        read("table", written().encode())


def test_parquet_is_read() -> None:
    file = io.BytesIO()
    read_frame(written().encode()).astype(float).to_parquet(file)
    assert read_table(file.getvalue()).table.rows == pytest.approx(ROWS)


def test_rows_to_score_keep_gaps_and_labels() -> None:
    data = b"b,kind,a\n1,good,2\n,bad,4\n5,good,6\n7,,8\n"
    found = read_rows(data, ["a", "b"], "kind")
    assert found.rows[:, 0].tolist() == [2, 4, 6, 8]
    assert np.isnan(found.rows[1, 1])
    assert found.labels.tolist() == [0, 1, 0, -1]
    assert found.label_name == ["kind", "bad"]
    with pytest.raises(UnreadableError, match="lacks “c”"):
        read_rows(data, ["a", "c"])
    with pytest.raises(UnreadableError, match="labels have two"):
        read_rows(data, ["a"], "b")
