"""The VAE of images: its probabilities, its bounds, and what the command line says of it."""

from __future__ import annotations

import itertools
import json
import math

import pytest
import torch
from torch import Tensor

from flowplay.__main__ import main
from flowplay.models.image_vae import ImageVAE
from flowplay.models.vae import latent_nodes

LEVELS = 3


@pytest.fixture
def toy() -> ImageVAE:
    """A model of two pixels with three levels and one latent axis, far from its start."""
    torch.manual_seed(0)
    model = ImageVAE(2, LEVELS, latent=1, width=8, components=2)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.5 * torch.randn_like(p))
    return model.double().eval()


def images() -> Tensor:
    return torch.tensor(list(itertools.product(range(LEVELS), repeat=2))).double()


@torch.no_grad()
def log_probs(model: ImageVAE, x: Tensor) -> Tensor:
    """Return log P(x) by quadrature over z."""
    z, log_weight = latent_nodes(1, 2001, 7.0, x)
    given = torch.stack([model._given(one.expand(len(z), -1), z) for one in x])
    return (given + log_weight).logsumexp(1)


def test_probabilities_of_all_images_sum_to_one_and_bounds_lie_below(toy: ImageVAE) -> None:
    x = images()
    exact = log_probs(toy, x)
    assert float(exact.exp().sum()) == pytest.approx(1.0, abs=1e-9)
    with torch.no_grad():
        bound, eight, many = (
            toy.bound(x, 4000),
            toy.importance_bound(x, 8),
            toy.importance_bound(x, 4000),
        )
    assert bool((bound < exact + 0.02).all())
    assert float(bound.mean()) < float(eight.mean()) + 0.1
    torch.testing.assert_close(many, exact, rtol=0, atol=0.1)


def test_the_loss_is_the_bound_that_is_told(toy: ImageVAE) -> None:
    x = images()
    torch.manual_seed(1)
    with torch.no_grad():
        losses = torch.stack([toy.loss(x) for _ in range(3000)])
        bound = -toy.bound(x, 3000).mean()
    assert float(losses.mean()) == pytest.approx(float(bound), rel=1e-2)
    # Its factor is in the gradient alone.
    other = ImageVAE(2, LEVELS, latent=1, width=8, beta=3.0, components=2).double().eval()
    other.load_state_dict(toy.state_dict())
    found = []
    for model in (toy, other):
        torch.manual_seed(2)
        found.append(model.loss_and_gradient(x))
    assert found[0][0] == found[1][0]
    assert not torch.equal(found[0][1][0], found[1][1][0])


def test_samples_come_as_often_as_the_model_says(toy: ImageVAE) -> None:
    drawn = toy.sample(40_000, generator=torch.Generator().manual_seed(0))
    share = torch.bincount((drawn[:, 0] * LEVELS + drawn[:, 1]).long(), minlength=LEVELS**2)
    told = log_probs(toy, images()).exp()
    torch.testing.assert_close(share / len(drawn), told.float(), rtol=0, atol=0.015)


def test_the_command_line_tells_a_bound(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "--target", "digits", "--architecture", "vae", "--steps", "150", "--json"]
    assert main([*command, "--width", "64"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bits_per_dim_kind"] == "bound"
    assert told["nll"] is None
    assert told["bits_per_dim"] == pytest.approx(told["bound"] / (64 * math.log(2)))
    assert told["bits_per_dim_iw"] < told["bits_per_dim_iw8"] < told["bits_per_dim"]
    assert told["bits_per_dim"] < math.log2(17) - 1
