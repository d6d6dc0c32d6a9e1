"""Models of images: bounds that are bounds, units, samples, the command line, the report."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from flowplay.__main__ import main
from flowplay.catalog import IMAGE_ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.flows import Flow, build_flow
from flowplay.flows.base import Bijection
from flowplay.flows.glow import ActNorm, InvertibleLinear
from flowplay.flows.images import Logit, UniformNoise, VariationalNoise, image_glow
from flowplay.flows.images.coupling import ImageCoupling
from flowplay.flows.images.positions import EachPosition, First
from flowplay.flows.transformers import Affine, LogisticMixture
from flowplay.models import BoundModel, build_model
from flowplay.models.average import WeightAverage
from flowplay.models.images import DequantizedFlow
from flowplay.problems import ImageProblem
from flowplay.training import new_run, train_slice
from flowplay.training.data import training_points
from flowplay.training.worker import measure_undequantized
from flowplay.wire import ImagesPicture, SamplesPicture

LEVELS = 3


def two_scales() -> list[Bijection]:
    """Return the layers of a multi-scale Glow of two channels at one position: the least there is.

    A step, a split, and a step of the channel that is left.
    """
    mixture, affine = LogisticMixture(2), Affine()
    in_order: list[Bijection] = [
        EachPosition(ActNorm(2), 1),
        EachPosition(InvertibleLinear(2), 1),
        ImageCoupling(2, 1, 8, mixture),
        ImageCoupling(2, 1, 8, affine),
        First(EachPosition(ActNorm(1), 1), 1),
    ]
    return in_order[::-1]


def toy(name: str) -> DequantizedFlow:
    """Build a model of two pixels with three levels, far from its start."""
    layers = (
        two_scales()
        if name == "glow"
        else build_flow(name, dim=2, depth=2, width=8, seed=0).bijections
    )
    model = DequantizedFlow(Flow([*layers, Logit(LEVELS)], 2), UniformNoise(), (1, 2, 1), LEVELS)
    torch.manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return model.double().eval()


def images(levels: int, dim: int) -> Tensor:
    return torch.tensor(list(itertools.product(range(levels), repeat=dim))).double()


@pytest.mark.parametrize("name", ["realnvp", "maf", "nsf", "glow"])
def test_probabilities_of_all_images_sum_to_one(name: str) -> None:
    """Each P(x) is the integral of the density over the bins of x, by Gauss's rule in pieces.

    The pieces are even on the logit's scale, on which the density is smooth.
    """
    model = toy(name)
    nodes, weights = np.polynomial.legendre.leggauss(6)
    inner = [np.log(k / (LEVELS - k)) for k in range(1, LEVELS)]
    sides = [-14.0, *inner, 14.0]
    by_level = []
    for low, high in itertools.pairwise(sides):
        edges = np.linspace(low, high, 2 + round(3 * (high - low)))
        half = np.diff(edges)[:, None] / 2
        t = torch.from_numpy(((edges[:-1, None] + half) + half * nodes).ravel())
        part = torch.sigmoid(t)
        w = torch.from_numpy((half * weights).ravel())
        by_level.append((LEVELS * part, LEVELS * part * (1 - part) * w))
    probability = []
    with torch.no_grad():
        for (y, w), (other, v) in itertools.product(by_level, repeat=2):
            points = torch.cartesian_prod(y, other)
            probability.append(
                (model.flow.log_prob(points).exp() * torch.outer(w, v).ravel()).sum()
            )
        bound = model.bound(images(LEVELS, 2), 64)
    total = torch.stack(probability)
    # The slope of a spline has kinks, which cost the rule its digits.
    assert float(total.sum()) == pytest.approx(1.0, abs=5e-4)
    assert bool((bound <= total.log() + 0.02).all()), "the bound lies below what it bounds"


def test_more_draws_with_weights_come_closer_from_below() -> None:
    torch.manual_seed(0)
    layers = image_glow((4, 4, 1), scales=1, steps=2, width=8)
    flow = Flow([*layers, Logit(LEVELS)], 16)
    model = DequantizedFlow(flow, VariationalNoise((4, 4, 1), LEVELS, 8), (4, 4, 1), LEVELS)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    model.double().eval()
    x = torch.randint(LEVELS, (50, 16)).double()
    with torch.no_grad():
        bound = float(model.bound(x, 64).mean())
        eight, many = (float(model.importance_bound(x, k).mean()) for k in (8, 64))
    assert bound < eight < many


@pytest.mark.parametrize("noise", ["uniform", "variational"])
def test_the_loss_is_the_bound_that_is_told(noise: str) -> None:
    config = RunConfig(
        target="digits", architecture="glow", depth=1, width=8, options={"dequantization": noise}
    )
    problem = config.problem()
    assert isinstance(problem, ImageProblem)
    x = torch.from_numpy(problem.points("validation", 0)).float()
    model = build_model(config, x)
    assert isinstance(model, BoundModel)
    model.eval()
    with torch.no_grad():
        torch.manual_seed(0)
        losses = torch.stack([model.loss(x) for _ in range(8)])
        bound = -model.bound(x, 8).mean()
    assert float(losses.mean()) == pytest.approx(float(bound), rel=2e-3)


@pytest.mark.parametrize("architecture", IMAGE_ARCHITECTURES)
def test_each_learns_digits_and_draws_levels(architecture: str) -> None:
    state = new_run(RunConfig(target="digits", architecture=architecture, depth=1, width=8))
    _, first = train_slice(state, steps=0)
    _, last = train_slice(state, steps=25)
    assert last.measurements["held_out"].value < first.measurements["held_out"].value
    for shown in (last.measurements["held_out"], last.curves["held_out"], last.curves["train"]):
        assert shown.unit == "bits/dim"
    entry = IMAGE_ARCHITECTURES[architecture]
    assert last.measurements["held_out"].exactness == entry.likelihood
    assert last.picture(SamplesPicture) is None
    picture = last.picture(ImagesPicture)
    assert picture is not None
    assert picture.levels.shape == (64, 8, 8, 1)
    assert picture.levels.max() <= picture.brightest == 16
    again = train_slice(state, steps=25)[1].picture(ImagesPicture)
    assert again is not None
    np.testing.assert_array_equal(picture.levels, again.levels)


def test_without_noise_it_is_refused_in_a_sentence() -> None:
    config = RunConfig(target="digits", architecture="glow", options={"dequantization": "none"})
    with pytest.raises(RefusedError, match=r"^Without noise .* noise\.$"):
        new_run(config)


def test_an_image_that_cannot_be_squeezed_so_often_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be squeezed 3 times"):
        image_glow((12, 12, 1), scales=3, steps=1, width=8)


def test_where_a_run_is_cut_into_slices_changes_nothing() -> None:
    config = RunConfig(target="digits", architecture="glow", depth=1, width=8)
    whole, _ = train_slice(new_run(config), steps=6)
    cut, _ = train_slice(new_run(config), steps=2)
    cut, _ = train_slice(type(cut).from_bytes(cut.to_bytes()), steps=4)
    np.testing.assert_array_equal(whole.weights, cut.weights)
    np.testing.assert_array_equal(whole.buffers, cut.buffers)


def test_the_average_is_shown_and_the_weights_are_kept() -> None:
    weights = [torch.zeros(2), torch.zeros(1)]
    average = WeightAverage(3)
    with average.applied(weights):
        assert float(weights[0][0]) == 0.0
    for value in (1.0, 2.0):
        for w in weights:
            w.fill_(value)
        average.update(weights)
    with average.applied(weights):
        inside = float(weights[1][0])
    assert 1.0 < inside < 2.0
    assert float(weights[1][0]) == 2.0


def test_the_command_line_tells_bits_of_the_test_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, report = tmp_path / "run", tmp_path / "report.html"
    arguments = ["train", "--target", "digits", "--architecture", "glow", "--depth", "1"]
    arguments += ["--width", "8", "--steps", "5", "--json", "--save", str(run)]
    assert main([*arguments, "--html", str(report)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["nll"], told["gap"]) == (None, None), "it is a bound"
    assert told["bits_per_dim"] == pytest.approx(told["bound"] / (64 * np.log(2)))
    assert told["bits_per_dim_kind"] == "variational bound"
    assert told["bits_per_dim_iw"] < told["bits_per_dim_iw8"] < told["bits_per_dim"]
    assert "Images of Digits" in report.read_text("utf-8")
    assert main(["show", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == told
    assert main(["show", str(run)]) == 0
    assert "bits per dimension" in capsys.readouterr().out


def labelled(*, checkpoint: bool = False) -> tuple[DequantizedFlow, Tensor]:
    """Return a model of P(x | y), far from its start, and images with their labels."""
    options = {"label": "given", "dequantization": "variational"}
    config = RunConfig(
        target="digits",
        architecture="glow",
        depth=1,
        width=8,
        options=options,
        checkpoint=checkpoint,
    )
    points = training_points(config)
    model = build_model(config, points)
    assert isinstance(model, DequantizedFlow)
    torch.manual_seed(0)
    with torch.no_grad():
        model.train().initialize_from(points)
        for p in model.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return model, points[:40]


def test_the_label_is_a_coordinate_after_the_image() -> None:
    model, x = labelled()
    model.eval()
    assert x.shape == (40, 65)
    with torch.no_grad():
        own = model.importance_bound(x, 4)
        every = model.class_bounds(x[:, :64], 4)
    torch.testing.assert_close(every.gather(1, x[:, 64:].long())[:, 0], own)
    assert every.std(1).min() > 0, "the label matters"
    assert model.sample(12).shape == (12, 64)


def test_checkpoints_are_told_the_label_again() -> None:
    found = []
    for checkpoint in (False, True):
        model, x = labelled(checkpoint=checkpoint)
        torch.manual_seed(1)
        found.append(model.loss_and_gradient(x))
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)


def test_a_problem_without_labels_gives_none() -> None:
    config = RunConfig(target="patches", architecture="glow", options={"label": "given"})
    with pytest.raises(RefusedError, match="no labels"):
        new_run(config)


def test_bayes_rule_makes_a_classifier(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", "--target", "digits", "--architecture", "glow", "--label", "given"]
    arguments += ["--depth", "1", "--width", "16", "--steps", "60", "--json"]
    assert main([*arguments, "--learning-rate", "0.02", "--dequantization", "uniform"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bits_per_dim_kind"] == "uniform bound, label given"
    assert told["accuracy"] > 0.2, "twice what chance finds"
    assert told["bits_per_dim_marginal"] > told["bits_per_dim_iw8"]


def test_without_noise_a_density_grows_without_end() -> None:
    config = RunConfig(target="digits", architecture="glow")
    told = json.loads(measure_undequantized(config.model_dump_json(), 27))
    half = len(told["without"]) // 2
    # It falls with small jumps, which differ from processor to processor.
    assert told["without"][-1] < max(told["without"][half : half + 50]) - 0.2, "it still falls"
    assert told["without"][-1] < 0, "no number of bits is negative"
    assert np.mean(told["uniform"][half:]) > told["entropy"], "a bound stays above"
    with pytest.raises(RefusedError, match="64 values"):
        measure_undequantized(config.model_dump_json(), 64)
    with pytest.raises(RefusedError, match="no levels"):
        measure_undequantized(RunConfig().model_dump_json(), 0)


def test_half_resolution_enters_the_gradient_with_its_weight() -> None:
    found = []
    for coarse in (0.0, 1.0):
        config = RunConfig(
            target="digits",
            architecture="glow",
            depth=1,
            width=8,
            options={"coarse": coarse, "shift": 0.0, "dropout": 0.0, "dequantization": "uniform"},
        )
        points = training_points(config)
        model = build_model(config, points)
        assert isinstance(model, DequantizedFlow)
        model.train().initialize_from(points)
        half = model._halved(points[:20])
        assert torch.equal(half, model._halved(half))
        torch.manual_seed(0)
        found.append(model.loss_and_gradient(points[:20])[1])
        if not coarse:
            found.append(model.loss_and_gradient(half)[1])  # goes on with the same noise
    whole, low, both = found
    for a, b, c in zip(whole, low, both, strict=True):
        torch.testing.assert_close(a + b, c, rtol=1e-3, atol=1e-3)
