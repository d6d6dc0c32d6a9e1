"""Problems of images: whole levels, parts that never overlap, what can learn them."""

from __future__ import annotations

import numpy as np
import pytest

from flowplay.catalog import IMAGE_ARCHITECTURES, architectures_for
from flowplay.config import RunConfig
from flowplay.problems import PROBLEMS, ImageProblem, bits_per_dim, make_problem

NAMES = [name for name, kind in PROBLEMS.items() if issubclass(kind, ImageProblem)]


@pytest.fixture(params=NAMES)
def problem(request: pytest.FixtureRequest) -> ImageProblem:
    made = make_problem(request.param)
    assert isinstance(made, ImageProblem)
    return made


def test_images_are_whole_levels_of_the_told_shape(problem: ImageProblem) -> None:
    for part in ("train", "validation", "test"):
        images = problem.images(part, 3)
        assert images.levels.dtype == np.uint8
        assert images.levels.shape[1:] == problem.shape
        assert images.levels.max() == problem.levels - 1
        if problem.classes:
            assert images.labels is not None
            assert set(images.labels) == set(range(len(problem.classes)))
    assert problem.training_points(10, 3).shape == (10, problem.dim)


def test_the_seed_decides_the_parts(problem: ImageProblem) -> None:
    first, again, other = (problem.images("train", seed).levels for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_every_digit_is_in_one_part_and_classes_are_in_proportion() -> None:
    digits = make_problem("digits")
    assert isinstance(digits, ImageProblem)
    parts = {part: digits.images(part, 5) for part in ("train", "validation", "test")}
    assert [len(images.levels) for images in parts.values()] == [1337, 100, 360]
    rows = np.concatenate([images.levels.reshape(-1, 64) for images in parts.values()])
    assert len(np.unique(rows, axis=0)) == 1797
    for images in parts.values():
        assert images.labels is not None
        share = np.bincount(images.labels) / len(images.labels)
        np.testing.assert_allclose(share, 0.1, atol=0.02)


def test_bits_of_a_uniform_code() -> None:
    assert bits_per_dim(64 * np.log(17), 64) == pytest.approx(np.log2(17))


@pytest.mark.parametrize("name", NAMES)
def test_architectures_are_those_that_learn_images(name: str) -> None:
    known = architectures_for(PROBLEMS[name].gives)
    assert list(known) == list(IMAGE_ARCHITECTURES)
    for architecture, entry in known.items():
        config = RunConfig(target=name, architecture=architecture)
        assert config.entry is entry
        assert config.options == {option.name: option.default for option in entry.options}
        assert RunConfig.from_flat(config.to_flat()) == config
    config, refused = RunConfig.repair({"target": name, "architecture": "planar"})
    assert config.architecture in IMAGE_ARCHITECTURES
    assert len(refused) == 1
