"""Layers of image flows: round trips, autograd's log-dets and derivatives, in float64 at D = 64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from flowplay.flows import Flow, chain
from flowplay.flows.chain import Link
from flowplay.flows.glow import ActNorm, InvertibleLinear
from flowplay.flows.images import Logit, Squeeze, VariationalNoise, image_glow
from flowplay.flows.images.coupling import ImageCoupling
from flowplay.flows.images.network import Given, PatchNetwork
from flowplay.flows.images.positions import EachPosition, First
from flowplay.flows.transformers import Affine, LogisticMixture

SHAPE = (8, 8, 1)


def _labelled() -> ImageCoupling:
    given = Given()
    given.one_hot = torch.eye(3)[torch.arange(4) % 3].t()
    return ImageCoupling(4, 4, 8, Affine(), classes=3, given=given)


LAYERS: dict[str, Any] = {
    "squeeze": lambda: Squeeze((1, 8, 8)),
    "squeeze of an image": lambda: Squeeze((4, 4, 4), channels_last=True),
    "normalization": lambda: EachPosition(ActNorm(4), 16),
    "1 × 1": lambda: EachPosition(InvertibleLinear(4), 16),
    "affine coupling, and split": lambda: ImageCoupling(4, 4, 8, Affine()),
    "mixture coupling": lambda: ImageCoupling(4, 4, 8, LogisticMixture(3)),
    "coupling of few rows": lambda: First(ImageCoupling(8, 2, 8, Affine()), 32),
    "coupling with a label": _labelled,
    "logit": lambda: Logit(17),
}


def made(name: str) -> Link[Any]:
    torch.manual_seed(0)
    layer: Link[Any] = LAYERS[name]().double().eval()
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return layer


def points(name: str, n: int = 4) -> Tensor:
    torch.manual_seed(1)
    if name == "logit":
        return 17 * torch.rand(n, 64, dtype=torch.float64)
    return torch.randn(n, 64, dtype=torch.float64)


def jacobian(y: Tensor, x: Tensor) -> Tensor:
    rows = [torch.autograd.grad(y[:, i].sum(), x, retain_graph=True)[0] for i in range(y.shape[1])]
    return torch.stack(rows, 1)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_round_trip_with_the_log_det_of_autograd(name: str) -> None:
    layer = made(name)
    x = points(name).requires_grad_()
    z, log_det = layer.inverse(x)
    expected = torch.linalg.slogdet(jacobian(z, x))[1]
    torch.testing.assert_close(log_det, expected, rtol=0, atol=1e-8)
    back, log_det_back = layer(z.detach())
    torch.testing.assert_close(back, x.detach(), rtol=0, atol=1e-8)
    torch.testing.assert_close(log_det_back, -log_det.detach(), rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_pass_gradcheck(name: str) -> None:
    layer = made(name)
    assert [id(t) for t in layer.tensors()] == [id(p) for p in layer.parameters()]
    x = points(name).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, *_: chain.inverse([layer], x), (x, *layer.tensors()), fast_mode=True
    )


def whole_flow(coupling: str, scales: int = 2) -> Flow:
    torch.manual_seed(0)
    layers = image_glow(SHAPE, scales, steps=2, width=8, coupling=coupling, components=2)
    flow = Flow([*layers, Logit(17)], 64).double()
    flow.train().initialize_from(17 * torch.rand(100, 64, dtype=torch.float64))
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return flow.eval()


@pytest.mark.parametrize("scales", [1, 2, 3])
@pytest.mark.parametrize("coupling", ["affine", "mixture"])
def test_a_whole_flow_is_exact(coupling: str, scales: int) -> None:
    flow = whole_flow(coupling, scales)
    x = points("logit", 3).requires_grad_()
    z, log_det = flow.inverse(x)
    expected = torch.linalg.slogdet(jacobian(z, x))[1]
    torch.testing.assert_close(log_det, expected, rtol=0, atol=1e-7)
    torch.testing.assert_close(flow(z.detach())[0], x.detach(), rtol=0, atol=1e-7)


@pytest.mark.parametrize("coupling", ["affine", "mixture"])
def test_the_gradient_without_a_graph_is_that_of_autograd(coupling: str) -> None:
    flow = whole_flow(coupling).train()
    x = points("logit", 20)
    torch.manual_seed(3)  # dropout
    loss, gradients = flow.loss_and_gradient(x)
    torch.manual_seed(3)
    expected = flow.loss(x)
    wanted = torch.autograd.grad(expected, list(flow.parameters()))
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-9, atol=1e-9)
    for found, right in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(found, right, rtol=1e-8, atol=1e-9)


def test_each_position_is_given_its_neighbours_alone() -> None:
    torch.manual_seed(0)
    network = PatchNetwork(1, 4, 16, 1).double()
    with torch.no_grad():
        network.w3.normal_()
    x = torch.randn(16, 1, dtype=torch.float64).requires_grad_()
    reached = torch.stack(
        [torch.autograd.grad(network(x)[0, p], x)[0][:, 0] != 0 for p in range(16)]
    )
    row, column = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
    near = [(a.flatten()[:, None] - a.flatten()).abs() <= 1 for a in (row, column)]
    assert torch.equal(reached, near[0] & near[1])


def test_the_density_of_the_learned_noise_is_that_of_autograd() -> None:
    torch.manual_seed(0)
    noise = VariationalNoise((4, 4, 1), 5, width=8).double()
    with torch.no_grad():
        for p in noise.parameters():
            p.add_(0.2 * torch.randn_like(p))
    x = torch.randint(5, (3, 16)).double()
    epsilon = torch.randn(3, 16, dtype=torch.float64).requires_grad_()

    def of(epsilon: Tensor) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = noise.transform(x, epsilon)
        return found

    u, log_q = of(epsilon)
    normal = torch.distributions.Normal(0, 1).log_prob(epsilon).sum(-1)
    log_det = torch.linalg.slogdet(jacobian(u, epsilon))[1]
    torch.testing.assert_close(log_q, normal - log_det, rtol=0, atol=1e-9)
    assert bool(((u > 0) & (u < 1)).all())
