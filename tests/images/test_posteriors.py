"""Flows of a posterior: exact both ways, a density of z, and no better than the true posterior."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.models.image_vae import ImageVAE
from flowplay.models.posteriors import PosteriorFlow, posterior_flow
from flowplay.training import new_run, train_slice, worker
from flowplay.wire import ImagePosteriorView

FLOWS = ["planar", "iaf"]


def flow_of(name: str, latent: int, far: float) -> PosteriorFlow:
    """Return a flow in float64 that is so far from its start."""
    torch.manual_seed(1)
    flow = posterior_flow(name, latent, 3)
    assert flow is not None
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(far * torch.randn_like(p))
    return flow.double()


@pytest.mark.parametrize("latent", [1, 2, 5])
@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_of_a_posterior_is_exact_both_ways(name: str, latent: int) -> None:
    flow = flow_of(name, latent, far=0.3)
    z_0, context = torch.randn(7, latent).double(), 0.5 * torch.randn(7, flow.numbers).double()
    z, log_det = flow(z_0, context)
    back, log_det_back = flow.inverse(z, context)
    torch.testing.assert_close(back, z_0, rtol=0, atol=1e-9)
    torch.testing.assert_close(log_det_back, -log_det, rtol=0, atol=1e-9)

    def one(told: Tensor, point: Tensor) -> Tensor:
        moved: Tensor = flow(point.unsqueeze(0), told.unsqueeze(0))[0]
        return moved.squeeze(0)

    for point, told, expected in zip(z_0, context, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(partial(one, told), point)
        torch.testing.assert_close(jacobian.slogdet()[1], expected, rtol=0, atol=1e-9)
    assert not torch.allclose(flow(z_0, torch.zeros_like(context))[0], z), "it depends on x"


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_starts_as_the_identity(name: str) -> None:
    torch.manual_seed(0)
    flow = posterior_flow(name, 4, 2)
    assert flow is not None
    z = torch.randn(5, 4)
    moved, log_det = flow(z, torch.zeros(5, flow.numbers))
    torch.testing.assert_close(moved, z, rtol=0, atol=1e-5)
    torch.testing.assert_close(log_det, torch.zeros(5), rtol=0, atol=1e-5)
    assert posterior_flow("gaussian", 4, 2) is None


@pytest.mark.parametrize("name", ["gaussian", *FLOWS])
def test_bounds_lie_below_the_likelihood_and_q_is_a_density(name: str) -> None:
    torch.manual_seed(0)
    flow = None if name == "gaussian" else flow_of(name, 2, far=0.1)
    model = ImageVAE(2, 3, latent=2, width=8, components=2, flow=flow)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn_like(p))
    model = model.double().eval()
    x = torch.tensor([[0.0, 2.0]]).double()
    side = (torch.arange(240).double() + 0.5) / 240 * 24 - 12
    z = torch.cartesian_prod(side, side)
    cell = float(side[1] - side[0]) ** 2
    many = x.expand(len(z), -1)
    with torch.no_grad():
        exact = float(model.log_joint(many, z).logsumexp(0)) + math.log(cell)
        log_q = model.log_posterior(many, z)
        assert float(log_q.exp().sum()) * cell == pytest.approx(1.0, abs=1e-3)
        divergence = float((log_q.exp() * (log_q - model.log_joint(many, z) + exact)).sum()) * cell
        bound = float(model.bound(x.expand(8_000, -1), 1).mean())
        assert bound == pytest.approx(exact - divergence, abs=0.1)
        weighted = float(model.importance_bound(x.expand(500, -1), 16).mean())
    assert bound - 0.1 < weighted < exact + 0.1


@pytest.mark.parametrize("name", ["gaussian", *FLOWS])
def test_the_posterior_of_an_image_is_shown_beside_the_true_one(name: str) -> None:
    flat = {"target": "digits", "architecture": "vae", "latent": 2, "posterior": name}
    config = RunConfig.from_flat(flat | {"width": 16, "posterior_layers": 2})
    state = train_slice(new_run(config), steps=40)[0].to_bytes()
    found = ImagePosteriorView.from_bytes(worker.image_posterior(state, 2))
    for log_density, (left, right, bottom, top) in (
        (found.log_true, found.window),
        (found.log_encoder, found.window),
        (found.log_gaussian, found.before),
    ):
        cell = (right - left) * (top - bottom) / log_density.size
        assert np.exp(log_density.astype(float)).sum() * cell == pytest.approx(1.0, abs=0.02)
    assert found.bound < found.log_prob + 0.05
    assert found.bound <= found.importance + 0.05


def test_other_models_have_no_such_posterior() -> None:
    for flat in ({"architecture": "vae", "latent": 3}, {"architecture": "glow", "depth": 1}):
        config = RunConfig.from_flat({"target": "digits", "width": 8, **flat})
        state = train_slice(new_run(config), steps=1)[0].to_bytes()
        with pytest.raises(RefusedError, match="two latent axes"):
            worker.image_posterior(state, 0)
