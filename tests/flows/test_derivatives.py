"""Derivatives written by hand, judged by finite differences and by autograd."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from test_bijections import CASES, base_points, random_flow
from torch import Tensor

from flowplay.flows import build_flow, chain
from flowplay.flows.chain import Link
from flowplay.flows.transformers import Additive, Affine, LogisticMixture, Spline, Transformer

TRANSFORMERS = [Additive(), Affine(), Spline(5, 4.0), LogisticMixture(3)]


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=lambda t: type(t).__name__)
def test_a_transformer_s_backward_pass_is_that_of_its_forward_pass(
    transformer: Transformer[Any],
) -> None:
    """Against autograd through the same forward pass; some of the points are in the tails."""
    torch.manual_seed(0)
    x = (2.5 * torch.randn(3, 200, dtype=torch.float64)).requires_grad_()
    theta = torch.randn(transformer.parameter_count, 3, 200, dtype=torch.float64).requires_grad_()
    z, log_det, saved = transformer.normalize(x, theta)
    g_z, g_log_det = torch.randn_like(z), torch.randn_like(log_det[0])
    total = (g_z * z).sum() + (g_log_det * log_det).sum()
    expected = torch.autograd.grad(total, (x, theta))
    with torch.no_grad():
        found = transformer.normalize_backward(g_z, g_log_det, saved)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_links_pass_gradcheck(name: str, dim: int) -> None:
    links = [b for b in random_flow(name, dim, depth=2).bijections if isinstance(b, Link)]
    x = base_points(4, dim).requires_grad_()
    tensors = [t for link in links for t in link.tensors()]
    assert torch.autograd.gradcheck(
        lambda x, *_: chain.inverse(links, x), (x, *tensors), fast_mode=True
    )


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_loss_and_gradient_are_those_of_autograd(name: str, dim: int) -> None:
    flow = random_flow(name, dim).train()
    x = flow.eval().sample(50)
    flow.train()
    torch.manual_seed(3)
    loss, gradients = flow.loss_and_gradient(x)
    torch.manual_seed(3)  # some estimate
    expected = flow.loss(x)
    parameters = list(flow.parameters())
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-9, atol=1e-9)
    wanted = torch.autograd.grad(expected, parameters, materialize_grads=True)
    assert len(gradients) == len(parameters)
    for found, right in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(found, right, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", ["realnvp", "maf", "nsf", "flowpp"])
def test_blocks_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without gradients points go through in blocks, with them all at once."""
    monkeypatch.setattr("flowplay.flows.chain.BLOCK", 7)
    flow = random_flow(name, 2)
    links = [b for b in flow.bijections if isinstance(b, Link)]
    z = base_points(30, 2)

    def both(z: Tensor) -> tuple[Tensor, ...]:
        x, log_det = chain.forward(links, z)
        return x, log_det, *chain.inverse(links[::-1], x)

    with torch.no_grad():
        in_blocks = both(z)
    torch.testing.assert_close(in_blocks, both(z), rtol=0, atol=1e-9)


def test_a_start_from_data_is_from_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowplay.flows.chain.BLOCK", 7)
    flow = build_flow("glow", 2, depth=1, width=8).train()
    points = torch.linspace(-1, 1, 50).unsqueeze(-1) * torch.tensor([1.0, 3.0])
    with torch.no_grad():
        z, _ = flow.bijections[-1].inverse(points)
    torch.testing.assert_close(z.std(0, correction=0), torch.ones(2))


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_tensors_of_links_are_their_parameters(name: str, dim: int) -> None:
    """Gradients are told apart by their order alone."""
    links = [b for b in random_flow(name, dim).bijections if isinstance(b, Link)]
    for link in links:
        assert [id(t) for t in link.tensors()] == [id(p) for p in link.parameters()]
        assert link.penalty() is None


@pytest.mark.parametrize("name", ["realnvp", "maf", "nsf", "flowpp", "glow"])
def test_no_points_are_no_error(name: str) -> None:
    flow = build_flow(name, 2, depth=2, width=8).eval()
    assert flow.log_prob(torch.empty(0, 2)).shape == (0,)
    with torch.no_grad():
        assert flow.log_prob(torch.empty(0, 2)).shape == (0,)
