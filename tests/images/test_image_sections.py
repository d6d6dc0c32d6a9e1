"""What the page Images shows of a trained run, judged by what must hold whatever was learned."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch

from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.models.images import DequantizedFlow
from flowplay.problems import ImageProblem, make_problem
from flowplay.problems.images.digits import Digits
from flowplay.training import new_run, train_slice, worker
from flowplay.training.images.anomalies import auc
from flowplay.training.images.subject import bits_of
from flowplay.training.live_run import LiveRun
from flowplay.wire import (
    AnomaliesView,
    ArrowsView,
    BetweenView,
    DrawnView,
    LabelsView,
    NoiseView,
    RunState,
    ScalesView,
    WalkView,
)

Trained = Callable[..., bytes]


@pytest.fixture(scope="module")
def trained() -> Trained:
    known: dict[str, bytes] = {}

    def train(target: str = "digits", architecture: str = "glow", **settings: object) -> bytes:
        flat = {"target": target, "architecture": architecture, "depth": 1, "width": 8}
        config = RunConfig.from_flat(flat | settings)
        key = config.model_dump_json()
        if key not in known:
            known[key] = train_slice(new_run(config), steps=12)[0].to_bytes()
        return known[key]

    return train


@pytest.mark.parametrize(
    ("target", "scales", "label"),
    [("digits", 2, "none"), ("digits", 3, "given"), ("patches", 2, "none")],
)
def test_z_gives_the_image_again_and_each_scale_is_drawn_alone(
    trained: Trained, target: str, scales: int, label: str
) -> None:
    state = trained(target, scales=scales, label=label)
    found = ScalesView.from_bytes(worker.image_scales(state, 3, 0, 1.0))
    assert np.array_equal(found.image, found.back)
    assert len(found.again) == scales
    assert len(found.stages) == len(found.states) == 3 * scales - 1
    assert all(moved > 0 for moved in found.moved)
    # Without temperature nothing is random: all draws are the same.
    still = ScalesView.from_bytes(worker.image_scales(state, 3, 1, 0.0)).again
    assert (still == still[:, :1]).all()
    dim = found.image.size
    assert sum(s["rows"] - s["first"] for s in found.scales) == dim
    # The last state is z, which the base gives its density.
    split = found.scales[0]["first"]
    assert np.array_equal(found.states[2][split:], found.states[-1][split:])


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [
        ("glow", {}),
        ("glow", {"label": "given", "scales": 3}),
        ("glow", {"target": "patches"}),
        ("maf", {}),
        ("realnvp", {}),
        ("nsf", {}),
    ],
)
def test_maps_sum_to_the_log_dets_and_the_walk_ends_at_the_bits(
    trained: Trained, architecture: str, settings: dict[str, object]
) -> None:
    state = trained(architecture=architecture, **settings)
    found = WalkView.from_bytes(worker.image_walk(state, 2))
    np.testing.assert_allclose(found.maps.sum((1, 2)), found.log_dets, rtol=2e-3, atol=2e-3)
    live = LiveRun(RunState.from_bytes(state))
    problem, model = live.config.problem(), live.model
    assert isinstance(problem, ImageProblem)
    assert isinstance(model, DequantizedFlow)
    x = torch.from_numpy(problem.points("validation", 0)[2:3]).float()
    if model.classes:
        labels = problem.images("validation", 0).labels
        assert labels is not None
        x = torch.cat((x, torch.tensor([[float(labels[2])]])), 1)
    many = x.repeat(problem.dim, 1)
    with torch.no_grad(), model.dequantized(many) as (y, log_q):
        whole = -(model.flow.log_prob(y) - log_q)[0] / (problem.dim * np.log(2))
    assert found.bits[-1] == pytest.approx(float(whole), rel=1e-3)
    if problem.levels == 17:
        assert np.array_equal(np.floor(found.states[0]), found.image)


def test_the_way_ends_at_the_images(trained: Trained) -> None:
    found = BetweenView.from_bytes(worker.images_between(trained(), 0, 7))
    images = make_problem("digits").images("validation", 0).levels  # type: ignore[attr-defined]
    for row in found.images:
        assert np.array_equal(row[0], images[0])
        assert np.array_equal(row[-1], images[7])
    assert found.bits.shape == (2, 9)


def test_changed_labels_keep_the_source_among_them(trained: Trained) -> None:
    state = trained(label="given")
    found = LabelsView.from_bytes(worker.image_labels(state))
    for source, changed, label in zip(found.sources, found.changed, found.labels, strict=True):
        assert np.array_equal(changed[label], source)
    assert found.judged_right > 0.9
    arrows = ArrowsView.from_bytes(worker.image_arrows(state, 3, 8))
    assert arrows.kinds == ["z", "pixels", "label"] == list(arrows.success)
    told = json.loads(worker.image_accuracy(state))
    assert told["images"] == 360
    assert 0 <= told["accuracy"] <= 1


def test_arrows_of_pixels_reach_their_class(trained: Trained) -> None:
    found = ArrowsView.from_bytes(worker.image_arrows(trained(), 3, 8))
    assert found.kinds == ["z", "pixels"]
    assert found.success["pixels"] > 0.6
    with pytest.raises(RefusedError, match="not given labels"):
        worker.image_labels(trained())


def test_a_training_image_is_its_own_neighbour(trained: Trained) -> None:
    train = make_problem("digits").images("train", 0)  # type: ignore[attr-defined]
    levels = train.levels[5].reshape(-1).tolist()
    for settings in ({}, {"label": "given"}, {"architecture": "idf"}):
        found = DrawnView.from_bytes(worker.drawn_image(trained(**settings), levels))
        assert found.distances[0] == 0
        assert found.labels[0] == train.labels[5]
        if settings.get("label"):
            assert found.posterior is not None
            assert sum(found.posterior) == pytest.approx(1)
        else:
            assert found.posterior is None
    for bad in ([0] * 63, [17] * 64, [-1] * 64):
        with pytest.raises(RefusedError, match="no image"):
            worker.drawn_image(trained(), bad)


@pytest.mark.parametrize("noise", ["uniform", "variational"])
def test_the_steps_of_a_pixel_are_probabilities(trained: Trained, noise: str) -> None:
    found = NoiseView.from_bytes(worker.pixel_noise(trained(dequantization=noise), 3, 27))
    assert found.levels.sum() == pytest.approx(1, abs=1e-4)
    assert found.noise.mean() == pytest.approx(1, abs=1e-6)
    assert found.bounds["iw64"] < found.bounds["iw8"] < found.bounds["own"]
    if noise == "uniform":
        assert found.bounds["own"] == pytest.approx(found.bounds["uniform"], abs=0.02)
    at = int(found.at.searchsorted(found.level))
    assert found.density[at : at + len(found.at) // 17].mean() == pytest.approx(
        found.levels[found.level], rel=1e-4
    )


def test_anomalies_are_scored_by_the_run_and_by_neighbours(trained: Trained) -> None:
    state = trained(without="1")
    found = AnomaliesView.from_bytes(worker.image_anomalies(state, "none"))
    assert found.kinds[1] == "the digit 1, left out"
    assert found.auc[0] == found.auc_nearest[0] == 0.5
    assert len(found.scores) == sum(found.counts)
    by_kind = dict(zip(found.kinds, found.auc_nearest, strict=True))
    assert by_kind["inverted"] == 1
    less = AnomaliesView.from_bytes(worker.image_anomalies(state, "zlib"))
    assert (less.scores < found.scores).all()
    png = AnomaliesView.from_bytes(worker.image_anomalies(state, "png"))
    assert (png.scores < less.scores).all()


def test_auc_counts_ties_half() -> None:
    normal = np.array([1.0, 2.0])
    assert auc(normal, np.array([2.0])) == 0.75
    assert auc(normal, normal) == 0.5


def test_a_digit_that_is_left_out_is_in_no_part() -> None:
    whole, less = make_problem("digits"), make_problem("digits", without="4")
    assert isinstance(whole, Digits)
    assert isinstance(less, Digits)
    for part in ("train", "validation", "test"):
        labels = less.images(part, 3).labels
        everything = whole.images(part, 3).labels
        assert labels is not None
        assert everything is not None
        assert 4 not in labels
        assert len(labels) == (everything != 4).sum()
    gone = less.left_out(3).labels
    assert gone is not None
    assert (gone == 4).all()
    assert not len(whole.left_out(3).levels)


@pytest.mark.parametrize("target", ["digits", "patches"])
def test_references_are_what_codes_take(target: str) -> None:
    config = RunConfig(target=target, architecture="idf")
    told = json.loads(worker.image_references(config.model_dump_json()))
    assert told["uniform"] == pytest.approx(np.log2(config.problem().levels))  # type: ignore[attr-defined]
    assert told["png"] < told["uniform"]
    assert told["lzma"] < told["uniform"]
    if target == "digits":
        assert told["pixels"] == pytest.approx(2.43, abs=0.02)


def test_bits_of_an_integer_flow_are_exact(trained: Trained) -> None:
    live = LiveRun(RunState.from_bytes(trained(architecture="idf")))
    images = live.config.problem().images("validation", 0).levels[:9]  # type: ignore[attr-defined]
    x = torch.from_numpy(images.reshape(9, -1)).float()
    assert live.likelihood is not None
    with torch.no_grad():
        exact = -live.likelihood.log_prob(x).numpy() / (64 * np.log(2))
    np.testing.assert_allclose(bits_of(live, images), exact, rtol=1e-5)


def test_flat_vectors_have_no_scales_and_integer_flows_no_z(trained: Trained) -> None:
    with pytest.raises(RefusedError, match="no scales"):
        worker.image_scales(trained(architecture="maf"), 0, 0, 1.0)
    with pytest.raises(RefusedError, match="no z"):
        worker.image_walk(trained(architecture="idf"), 0)
