"""Own images: what is read of pictures and ZIP files, what is refused, and how they are split."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import TIMES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from flowplay import shelf
from flowplay.__main__ import main
from flowplay.config import RunConfig
from flowplay.errors import MissingDataError
from flowplay.problems import OwnImages
from flowplay.reading import UnreadableError
from flowplay.reading.bundle import bundled
from flowplay.reading.images import read_images, read_levels
from flowplay.reading.limits import MOST_PICTURES
from flowplay.reading.process import read
from flowplay.training import new_run, train_slice
from flowplay.wire import ImageSet, RunState, SavedRun
from flowplay.wire.own_data import LEAST_IMAGES, MOST_IMAGES

RNG = np.random.default_rng(0)


def written(pixels: np.ndarray, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def pictures(count: int, height: int = 20, width: int = 30) -> list[bytes]:
    return [
        written(RNG.integers(256, size=(height, width, 3), dtype=np.uint8)) for _ in range(count)
    ]


def packed(members: Sequence[tuple[str, bytes]], way: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", way) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def named(files: Sequence[bytes], folder: str = "") -> list[tuple[str, bytes]]:
    return [(f"{folder}{k}.png", content) for k, content in enumerate(files)]


#: How pictures become images that a model of the digits can compress.
OF_DIGITS: dict[str, Any] = {"fit": "scale", "side": 8, "colour": False, "levels": 17}

MANY = pictures(30)
GOOD = packed(named(MANY))


@pytest.mark.parametrize(("side", "colour"), [(8, False), (16, False), (8, True), (16, True)])
def test_each_picture_becomes_one_image(side: int, colour: bool) -> None:
    found = read_images(GOOD, side=side, colour=colour, title="noise")
    assert found.images.levels.shape == (30, side, side, 3 if colour else 1)
    assert (found.pictures, found.left_out, found.found) == (30, 0, 30)
    assert not found.images.tiles
    assert found.images.title == "noise"


def test_the_middle_square_is_kept_and_grey_is_ink() -> None:
    pixels = np.full((16, 48, 3), 255, np.uint8)
    pixels[:, 16:24] = 0
    others = named(MANY)
    found = read_images(packed([("first.png", written(pixels)), *others]), side=8)
    ink = found.images.levels[0, ..., 0]
    assert (ink[:, :4] == 255).all()
    assert (ink[:, 4:] == 0).all()
    light = read_images(packed([("first.png", written(pixels)), *others]), side=8, colour=True)
    assert (light.images.levels[0, :, 4:] == 255).all()


def test_what_is_clear_is_paper() -> None:
    clear = np.zeros((16, 16, 4), np.uint8)
    clear[:, :8, 3] = 255
    found = read_images(packed([("first.png", written(clear)), *named(MANY)]), side=8)
    assert (found.images.levels[0, :, :4] == 255).all()
    assert (found.images.levels[0, :, 4:] == 0).all()


def test_a_picture_is_cut_into_tiles() -> None:
    pixels = RNG.integers(256, size=(50, 70, 3), dtype=np.uint8)
    found = read_images(written(pixels), fit="cut", side=8, colour=True)
    assert found.images.tiles
    assert found.images.levels.shape == (6 * 8, 8, 8, 3)
    np.testing.assert_array_equal(found.images.levels[9], pixels[8:16, 8:16])
    large = RNG.integers(256, size=(600, 1024), dtype=np.uint8)
    assert len(read_images(written(large), fit="cut", side=16).images.levels) == 32 * 18


def test_too_many_tiles_are_thinned_evenly() -> None:
    many = [written(RNG.integers(256, size=(512, 512), dtype=np.uint8), "JPEG") for _ in range(3)]
    found = read_images(bundled(many), fit="cut", side=8)
    assert found.found == 3 * 64**2
    assert len(found.images.levels) == MOST_IMAGES


def test_what_is_no_picture_is_left_out_and_told() -> None:
    members = [("notes.txt", b"hello"), ("cut.png", MANY[0][:80]), *named(MANY, "cats/")]
    members += [("__MACOSX/._0.png", b"?"), (".hidden", b"?"), ("cats/", b"")]
    found = read_images(packed(members))
    assert (found.pictures, found.left_out) == (30, 2)
    assert "no PNG" in found.why


def header(width: int, height: int) -> bytes:
    """Return a PNG that promises many pixels."""
    kind = MANY[0].index(b"IHDR")
    body = b"IHDR" + struct.pack(">II", width, height) + MANY[0][kind + 12 : kind + 17]
    return MANY[0][:kind] + body + struct.pack(">I", zlib.crc32(body)) + MANY[0][kind + 21 :]


def encrypted() -> bytes:
    data = bytearray(GOOD)
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data[at + 8] |= 1
        at += 4
    return bytes(data)


HOSTILE = {
    "a picture that promises too much": (header(100_000, 100_000), "megapixels"),
    "pictures that promise too much": (packed(named([header(9000, 9000)] * 30)), "megapixels"),
    "one bomb": (packed([("0.png", bytes(40_000_000))]), "more than 5 MB"),
    "many bombs": (packed(named([b"x" + bytes(4_900_000)] * 12)), "more than 50 MB"),
    "many files": (packed(named([b""] * (MOST_PICTURES + 1))), "more than 2,000 files"),
    "a ZIP in a ZIP": (packed([("in.zip", GOOD), *named(MANY)]), "archive in this archive"),
    "a name that goes up": (packed(named(MANY, "../../")), "leads out"),
    "a name from the root": (packed(named(MANY, "/etc/")), "leads out"),
    "a name with a drive": (packed(named(MANY, "C:\\temp\\")), "leads out"),
    "a name with backslashes": (packed(named(MANY, "..\\")), "leads out"),
    "half a ZIP": (GOOD[: len(GOOD) // 2], "damaged"),
    "only its first bytes": (b"PK\x03\x04", "damaged"),
    "changed bytes": (GOOD[:200] + b"\xff" * 60 + GOOD[260:], "damaged"),
    "encrypted": (encrypted(), "encrypted"),
    "nothing": (b"", "no PNG"),
    "an empty ZIP": (packed([]), "holds no pictures"),
    "text": (b"a,b\n1,2\n", "no PNG"),
    "text in a ZIP": (packed([("a.png", b"text"), ("b.png", b"text")]), "no PNG"),
    "one picture": (MANY[0], "1 different image of 8 × 8"),
    "the same picture": (packed(named(MANY[:1] * 40)), "1 different image of 8 × 8"),
    "too few": (packed(named(MANY[: LEAST_IMAGES - 1])), "19 different images"),
    "too large": (bytes(5_000_001), "5 MB"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_a_sentence(name: str) -> None:
    data, why = HOSTILE[name]
    with pytest.raises(UnreadableError, match=why) as refused:
        read_images(data)
    said = str(refused.value)
    assert said.endswith(".")
    assert "\n" not in said
    assert len(said) < 200


def test_a_picture_that_is_smaller_than_a_tile_is_refused() -> None:
    with pytest.raises(UnreadableError, match="smaller than a tile"):
        read_images(written(np.zeros((9, 9), np.uint8)), fit="cut", side=16)


@settings(max_examples=30 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_zip_is_read_or_refused(data: st.DataObject) -> None:
    changed = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    refusal = "."
    try:
        found = read_images(bytes(changed))
    except UnreadableError as error:
        refusal = str(error)
    else:
        assert found.pictures <= 30
    assert refusal.endswith(".")
    assert "\n" not in refusal


def test_another_process_reads_the_same() -> None:
    found = read("images", GOOD, fit="scale", side=8, colour=False, title="noise")
    np.testing.assert_array_equal(
        ImageSet.from_bytes(found.content).levels, read_images(GOOD).images.levels
    )
    assert found.about == {"pictures": 30, "left_out": 0, "why": "", "found": 30}
    with pytest.raises(UnreadableError, match="damaged"):
        read("images", GOOD[:99])


def test_one_picture_is_enough_where_nothing_is_learned() -> None:
    pixels = RNG.integers(256, size=(16, 24, 3), dtype=np.uint8)
    file = read("levels", written(pixels), fit="cut", side=8, colour=True, levels=256).content
    tiles = np.load(io.BytesIO(file), allow_pickle=False)
    np.testing.assert_array_equal(tiles.reshape(2, 3, 8, 8, 3)[1, 2], pixels[8:, 16:])
    ink = read_levels(written(pixels), **OF_DIGITS)
    digit = np.load(io.BytesIO(ink), allow_pickle=False)
    assert digit.shape == (1, 8, 8)
    assert digit.max() <= 16
    paper = read_levels(written(np.full((9, 9, 3), 255, np.uint8)), **OF_DIGITS)
    assert not np.load(io.BytesIO(paper), allow_pickle=False).any()
    with pytest.raises(UnreadableError):
        read_levels(packed([*named(MANY[:2]), ("a.png", b"no picture")]), **OF_DIGITS)


@pytest.mark.parametrize(
    ("levels", "why"),
    [
        (np.zeros((30, 8, 8, 1), np.int64), "whole levels"),
        (np.zeros((30, 8, 8), np.uint8), "whole levels"),
        (np.zeros((30, 8, 16, 1), np.uint8), "squares"),
        (np.zeros((30, 12, 12, 1), np.uint8), "squares"),
        (np.zeros((30, 8, 8, 2), np.uint8), "squares"),
        (np.zeros((30, 8, 8, 1), np.uint8), "1 different image of"),
        (np.zeros((0, 8, 8, 1), np.uint8), "0 different images"),
        (np.zeros((MOST_IMAGES + 1, 8, 8, 1), np.uint8), "at most 10,000"),
    ],
)
def test_what_is_no_set_of_images_is_refused(levels: np.ndarray, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ImageSet("x", levels, False)


def brought(levels: np.ndarray, *, tiles: bool = False) -> OwnImages:
    problem = RunConfig(target="own_images", target_options={"data": put(levels, tiles)}).problem()
    assert isinstance(problem, OwnImages)
    return problem


def put(levels: np.ndarray, tiles: bool = False) -> str:
    return shelf.put(ImageSet("brought", levels, tiles).to_bytes())


def test_no_image_is_in_two_parts_even_if_it_comes_twice() -> None:
    levels = RNG.integers(256, size=(60, 8, 8, 3), dtype=np.uint8)
    problem = brought(np.concatenate([levels, levels[:25], levels[:5]]))
    for seed in range(5):
        parts = [problem.images(part, seed).levels for part in ("train", "validation", "test")]
        assert sum(map(len, parts)) == 90
        kept = [{image.tobytes() for image in part} for part in parts]
        assert [len(part) for part in kept] == [42, 6, 12]
        assert not kept[0] & kept[1] | kept[0] & kept[2] | kept[1] & kept[2]
    first, other = (problem.images("test", seed).levels for seed in (1, 2))
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_data_that_are_missing_are_told_not_guessed() -> None:
    config = RunConfig(target="own_images", target_options={"data": "0" * 64})
    assert config.own_data == "0" * 64
    with pytest.raises(MissingDataError):
        _ = config.problem().dim


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [("glow", (16, 16, 3)), ("vae", (16, 16, 3)), ("maf", (16, 16, 1)), ("idf", (8, 8, 3))],
)
def test_models_of_images_learn_the_fewest(architecture: str, shape: tuple[int, int, int]) -> None:
    digest = put(RNG.integers(256, size=(LEAST_IMAGES, *shape), dtype=np.uint8))
    flat = {"target": "own_images", "data": digest, "architecture": architecture}
    config = RunConfig.from_flat(flat | {"depth": 1, "width": 8})
    state, snapshot = train_slice(new_run(config), steps=2)
    assert not snapshot.header.failure
    again = RunState.from_bytes(state.to_bytes())
    assert again.config == config
    if architecture == "idf":
        kept = SavedRun.of(config, state.to_bytes(), snapshot.to_bytes(), {})
        assert SavedRun.from_bytes(kept.to_bytes()).config.own_data == digest


def test_the_command_line_learns_a_zip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "noise.zip").write_bytes(GOOD)
    command = ["train", "--images", str(tmp_path / "noise.zip"), "--architecture", "glow"]
    command += ["--depth", "1", "--width", "8", "--steps", "2", "--json"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["config"]["target"] == "own_images"
    assert told["bits_per_dim"] > 0
    for more, why in (
        (["--target", "digits"], "leave --target"),
        (["--picture", "x.png"], "not allowed"),
        (["--side", "12"], "invalid choice"),
    ):
        with pytest.raises(SystemExit) as ended:
            main([*command, *more])
        assert ended.value.code == 2
        assert why in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["train", "--fit", "cut"])
    assert "say what becomes of --images" in capsys.readouterr().err
