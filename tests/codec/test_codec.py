"""The codec: lossless for whatever is given, the same everywhere, and no file read in error."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from flowplay.__main__ import main
from flowplay.codec import CodecError, ImageCodec, codec_of, coder, container, fixed, tables
from flowplay.codec.fixed import FixedNetwork
from flowplay.codec.npy import read_images
from flowplay.codec.others import other_sizes
from flowplay.codec.report import report, sentence
from flowplay.config import RunConfig
from flowplay.models import build_model
from flowplay.models.idf import IntegerFlow
from flowplay.problems import make_problem
from flowplay.problems.images import ImageProblem
from flowplay.training import new_run, train_slice
from flowplay.training.live_run import LiveRun
from flowplay.wire.compressed import OTHERS

Bytes = NDArray[np.uint8]


def _restless(
    shape: tuple[int, int, int] = (8, 8, 1), levels: int = 17, *, smooth: bool = False
) -> IntegerFlow:
    """Return a flow whose couplings move about half of all values."""
    torch.manual_seed(1)
    flow = IntegerFlow(shape, levels, couplings=4, width=24, smooth=smooth)
    for coupling in flow.layers:
        torch.nn.init.normal_(coupling.network.last.weight, std=2)
    return flow.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def flow() -> IntegerFlow:
    return _restless()


@pytest.fixture(scope="module")
def codec(flow: IntegerFlow) -> ImageCodec:
    return ImageCodec(flow)


@pytest.fixture(scope="module")
def digits() -> Bytes:
    problem = make_problem("digits")
    assert isinstance(problem, ImageProblem)
    return problem.images("test", 0).levels[..., 0]


def _images(name: str) -> Bytes:
    random = np.random.default_rng(0)
    made = {
        "1,000 random images": random.integers(0, 17, (1000, 8, 8)),
        "no image": np.zeros((0, 8, 8)),
        "one image": random.integers(0, 17, (1, 8, 8)),
        "black": np.zeros((40, 8, 8)),
        "white": np.full((40, 8, 8), 16),
        "as bytes": random.integers(0, 256, (300, 8, 8)),
        "some with a value that is no level": random.integers(0, 18, (100, 8, 8)),
        "white as bytes": np.full((3, 8, 8), 255),
        "checkerboard": np.tile(np.indices((8, 8)).sum(0) % 2 * 16, (5, 1, 1)),
        "with channels": random.integers(0, 17, (4, 8, 8, 1)),
    }
    return made[name].astype(np.uint8)


@pytest.mark.parametrize(
    "name",
    [
        "1,000 random images",
        "no image",
        "one image",
        "black",
        "white",
        "as bytes",
        "some with a value that is no level",
        "white as bytes",
        "checkerboard",
        "with channels",
    ],
)
def test_whatever_is_given_comes_back(codec: ImageCodec, name: str) -> None:
    images = _images(name)
    back = codec.decompress(codec.compress(images))
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, images.reshape(back.shape))
    assert len(back) == len(images)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=64 * 4), st.sampled_from([3, 18, 255]))
def test_any_bytes_come_back(data: bytes, largest: int) -> None:
    codec = _SMALL
    many = len(data) // 4
    images = np.frombuffer(data[: 4 * many], np.uint8).reshape(many, 2, 2) % np.uint8(largest)
    np.testing.assert_array_equal(codec.decompress(codec.compress(images)), images)


_SMALL = ImageCodec(_restless((2, 2, 1), 17))


@pytest.mark.parametrize("smooth", [False, True])
def test_colour_and_256_levels_come_back(smooth: bool) -> None:
    codec = ImageCodec(_restless((8, 8, 3), 256, smooth=smooth))
    images = np.random.default_rng(2).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(codec.decompress(codec.compress(images)), images)


def test_size_is_that_of_the_model_s_own_probability(digits: Bytes) -> None:
    state, _ = train_slice(
        new_run(RunConfig(target="digits", architecture="idf", width=32, budget=60, warmup=5)),
        steps=60,
    )
    model = LiveRun(state).model
    codec = codec_of(model)
    data = codec.compress(digits)
    np.testing.assert_array_equal(codec.decompress(data), digits)
    figures = report(codec, digits, len(data))
    assert figures["ideal_bytes"] < len(data) < 1.01 * figures["ideal_bytes"] + 24
    assert len(data) < figures["others"]["lzma"]
    assert "bytes" in sentence(figures)


def test_a_changed_byte_is_detected_wherever_it_is(codec: ImageCodec, digits: Bytes) -> None:
    data = codec.compress(digits[:3])
    for at in range(len(data)):
        for flip in (1, 128):
            changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
            with pytest.raises(CodecError):
                codec.decompress(changed)


@pytest.mark.parametrize("cut", [0, 2, 5, 11, -1])
def test_a_cut_file_is_refused(codec: ImageCodec, digits: Bytes, cut: int) -> None:
    with pytest.raises(CodecError):
        codec.decompress(codec.compress(digits[:3])[:cut])


def test_another_version_and_another_run_are_refused_by_name(
    codec: ImageCodec, digits: Bytes
) -> None:
    data = codec.compress(digits[:1])
    with pytest.raises(CodecError, match="version 9; expected 1"):
        codec.decompress(data[:3] + b"\x09" + data[4:])
    torch.manual_seed(5)
    other = ImageCodec(IntegerFlow((8, 8, 1), 17, couplings=4, width=24).eval())
    with pytest.raises(CodecError, match="another run"):
        other.decompress(data)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40))
def test_a_file_that_someone_made_up_is_read_or_refused_in_a_sentence(body: bytes) -> None:
    body = _SMALL.fingerprint[:4] + body
    data = b"FPI\x01" + zlib.crc32(body).to_bytes(4, "little") + body
    try:
        images, _ = container._read_number(body, 4)
    except IndexError:
        images = 0
    assume(images < 1000 or images > container.MOST_IMAGES)
    with contextlib.suppress(CodecError):
        assert _SMALL.decompress(data).shape == (images, 2, 2)


@pytest.mark.parametrize("words", [[1, 0], [1, 2, 3]])
def test_a_made_up_stream_is_refused(codec: ImageCodec, words: list[int]) -> None:
    coded = np.array(words, "<u4").tobytes()
    data = container.pack(container.Contents(1, coded, b""), codec.fingerprint)
    with pytest.raises(CodecError):
        codec.decompress(data)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"\x93NUMPY", b"text"])
def test_what_is_no_array_is_refused_in_a_sentence(content: bytes) -> None:
    with pytest.raises(CodecError, match=r"^The images are not an \.npy file"):
        read_images(io.BytesIO(content))


@pytest.mark.parametrize("images", [np.zeros((2, 7, 8), np.uint8), np.zeros((2, 8, 8))])
def test_other_arrays_are_refused(codec: ImageCodec, images: Bytes) -> None:
    with pytest.raises(CodecError, match="Expected images of 8 × 8 × 1"):
        codec.compress(images)


def test_a_model_without_exact_probabilities_is_refused() -> None:
    config = RunConfig(target="digits", architecture="realnvp")
    points = torch.from_numpy(config.problem().points("train", 0)).float()  # type: ignore[attr-defined]
    with pytest.raises(CodecError, match="integer flow"):
        codec_of(build_model(config, points))


def test_networks_in_whole_numbers_do_not_depend_on_the_order_of_sums(flow: IntegerFlow) -> None:
    """Sums in any order, in any batch, are the same numbers, since all are exact."""
    network = FixedNetwork(flow.prior)
    x = np.random.default_rng(3).integers(0, 17, (90, 64))
    whole = network(x)
    np.testing.assert_array_equal(np.concatenate([network(row[None]) for row in x]), whole)
    order = np.random.default_rng(4).permutation(network.first.shape[1])
    network.index, network.first = network.index[:, order], network.first[:, order]
    units = np.random.default_rng(5).permutation(24)
    network.first, network.first_bias = network.first[units], network.first_bias[:, units]
    network.second = network.second[:, units]
    np.testing.assert_array_equal(network(x), whole)


def test_sums_stay_where_float64_holds_whole_numbers() -> None:
    most_seen = 9 * 9 * 3
    first = most_seen * 2 * 256 * fixed.LARGEST_WEIGHT * 2**fixed.FIRST
    unit = fixed.LARGEST_UNIT * 2**fixed.HIDDEN
    later = (512 * unit + 2**fixed.HIDDEN) * fixed.LARGEST_WEIGHT * 2**fixed.WEIGHT
    assert max(first, later) < 2**53


def test_no_table_entry_could_be_rounded_otherwise_elsewhere() -> None:
    """Another machine's exponential function may differ in the last digit or two of float64."""
    for exact in tables.exact_tables().values():
        to_a_tie = np.abs(exact - np.floor(exact) - 0.5)
        assert np.all(to_a_tie > 8 * np.spacing(exact))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(-(2**45), 2**45), min_size=9, max_size=9), st.sampled_from([2, 17, 256])
)
def test_frequencies_are_positive_and_complete_for_any_numbers(
    numbers: list[int], levels: int
) -> None:
    found = tables.frequencies(np.array([numbers]), levels, 3)
    assert found.shape == (1, levels)
    assert found.min() >= 1
    assert found.sum() == 1 << tables.TOTAL


def test_frequencies_are_the_model_s_probabilities(flow: IntegerFlow) -> None:
    x = np.random.default_rng(6).integers(0, 17, (20, 64))
    numbers = flow.prior(torch.from_numpy(x).float())
    every = torch.arange(17.0).view(17, 1, 1).expand(17, 20, 64)
    probability = flow.mixture.log_prob(numbers, every).exp().permute(1, 2, 0).reshape(-1, 17)
    found = tables.frequencies(FixedNetwork(flow.prior)(x).reshape(20 * 64, -1), 17, 3)
    np.testing.assert_allclose(found / 2**tables.TOTAL, probability, atol=2e-3)


def test_a_file_of_photographs_is_as_long_as_its_probability_says() -> None:
    state, _ = train_slice(
        new_run(RunConfig(target="patches", architecture="idf", width=16, samples=2000)), steps=25
    )
    codec = codec_of(LiveRun(state).model)
    problem = make_problem("patches")
    assert isinstance(problem, ImageProblem)
    images = problem.images("validation", 0).levels[:60]
    data = codec.compress(images)
    np.testing.assert_array_equal(codec.decompress(data), images)
    ideal = report(codec, images, len(data))["ideal_bytes"]
    # The tables give every level some probability, where the model may give it less.
    assert 0.99 * ideal < len(data) < 1.01 * ideal + 24
    # What a value is expected to be is known before anything is learned.
    assert 8 * len(data) / images.size < 6


def test_blocks_of_images_come_back(
    codec: ImageCodec, digits: Bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coder, "BLOCK", 20)
    np.testing.assert_array_equal(codec.decompress(codec.compress(digits[:50])), digits[:50])


def test_others_take_any_number_of_images() -> None:
    for images in (np.zeros((0, 8, 8), np.uint8), np.zeros((5, 8, 8, 3), np.uint8)):
        sizes = other_sizes(images)
        assert all(size is None or size >= 0 for size in sizes.values())


def _in_fresh_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command with other threads than this process has."""
    environment = os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    command = [sys.executable, "-m", "flowplay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_fresh_process_gives_back_what_a_command_compressed(
    tmp_path: Path, digits: Bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    run, images, file, back = (str(tmp_path / n) for n in ("run", "in.npy", "file", "out.npy"))
    np.save(images, digits[:30])
    train = ["train", "--target", "digits", "--architecture", "idf", "--width", "16"]
    assert main([*train, "--steps", "20", "--save", run, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bits_per_dim_kind"] == "exact"
    assert main(["compress", run, images, file, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    data = bytearray(Path(file).read_bytes())
    assert figures["bytes"] == len(data)
    assert set(figures["others"]) == set(OTHERS)
    done = _in_fresh_process("decompress", run, file, back)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(back), digits[:30])

    data[-1] ^= 1
    Path(file).write_bytes(data)
    Path(images).write_bytes(b"no array")
    for command, sentence_part in [
        (["decompress", run, file, back], "checksum is wrong"),
        (["compress", run, images, file], "not an .npy file"),
        (["compress", run, str(tmp_path / "none.npy"), file], "cannot be read"),
    ]:
        with pytest.raises(SystemExit):
            main(command)
        complaint = capsys.readouterr().err
        assert sentence_part in complaint
        assert complaint.count("\n") == 1
