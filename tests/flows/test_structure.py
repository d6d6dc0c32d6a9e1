"""What each family promises beyond being a bijection: structure, bounds, estimators, start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from flowplay.flows import Flow, build_flow
from flowplay.flows.base import Bijection
from flowplay.flows.continuous import ContinuousLayer
from flowplay.flows.coupling import Coupling
from flowplay.flows.flow_matching import MatchedFlow
from flowplay.flows.glow import ActNorm, InvertibleLinear
from flowplay.flows.graphical import LearnedGraphicalLayer
from flowplay.flows.inverse import Inverse
from flowplay.flows.made import MADE
from flowplay.flows.residual import ResidualBlock
from flowplay.flows.transformers import Affine, LogisticMixture
from flowplay.flows.vector_field import VectorField
from flowplay.kernels.layout import LIPSCHITZ


def scattered(module: Bijection, spread: float = 0.3) -> Bijection:
    """Move a module's parameters away from where they start; evaluation mode, float64."""
    torch.manual_seed(1)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(spread * torch.randn_like(p))
    return module.double().eval()


def points(n: int, dim: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, dim, generator=generator, dtype=torch.float64)


def jacobians(function: Bijection, x: Tensor) -> Tensor:
    """Return dz/dx [B, D, D] of the normalizing direction."""
    x = x.clone().requires_grad_()
    z = function.inverse(x)[0]
    rows = [torch.autograd.grad(z[:, i].sum(), x, retain_graph=True)[0] for i in range(z.shape[1])]
    return torch.stack(rows, 1)


@pytest.mark.parametrize("mask", ["channel", "checkerboard"])
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("dim", [2, 5])
def test_a_coupling_s_jacobian(dim: int, swap: bool, mask: str) -> None:
    """The identity on one part, diagonal on the other; the first does not depend on the second."""
    layer = Coupling(dim, 16, Affine(), swap, mask)
    jacobian = jacobians(scattered(layer), points(20, dim))
    places = layer.order or list(range(dim))
    first = [places[i] for i in range(layer.sizes[0])]
    conditioning = [i for i in range(dim) if (i in first) is not swap]
    transformed = [i for i in range(dim) if i not in conditioning]
    assert torch.equal(
        jacobian[:, conditioning][:, :, conditioning],
        torch.eye(len(conditioning)).double().expand(20, -1, -1),
    )
    assert (jacobian[:, conditioning][:, :, transformed] == 0).all()
    among = jacobian[:, transformed][:, :, transformed]
    assert (among - torch.diag_embed(among.diagonal(dim1=1, dim2=2)) == 0).all()
    assert (jacobian[:, transformed][:, :, conditioning] != 0).any()


def test_masks_of_realnvp_take_turns() -> None:
    layers = [b for b in build_flow("realnvp", 4, depth=4).bijections if isinstance(b, Coupling)]
    assert [b.order for b in layers] == [None, None, [0, 2, 1, 3], [0, 2, 1, 3]]
    assert [b.swap for b in layers] == [False, True, False, True]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dim", [1, 2, 10])
def test_made_depends_on_what_comes_before_and_only_that(dim: int, reverse: bool) -> None:
    torch.manual_seed(0)
    made = MADE(dim, 32, Affine(), reverse=reverse).double()
    torch.nn.init.normal_(made.last.weight)
    x = points(8, dim)
    jacobian = torch.autograd.functional.jacobian(lambda y: made(y).sum(0), x)
    assert isinstance(jacobian, Tensor)
    depends = (jacobian != 0).any(2).any(1)
    before = torch.ones(dim, dim).tril(-1).bool()
    assert torch.equal(depends, before.t() if reverse else before)


@pytest.mark.parametrize("name", ["maf", "nsf", "graphical"])
@pytest.mark.parametrize("dim", [2, 5])
def test_autoregressive_jacobians_are_triangular(name: str, dim: int) -> None:
    options: dict[str, Any] = {"conditioning": "autoregressive"} if name == "nsf" else {}
    for k, layer in enumerate(build_flow(name, dim, depth=2, width=16, **options).bijections):
        jacobian = jacobians(scattered(layer), points(20, dim))
        turned = k % 2 and name != "graphical"
        outside = jacobian.tril(-1) if turned else jacobian.triu(1)
        assert (outside == 0).all()
        assert (jacobian - outside != 0).any(0).sum() > dim


@pytest.mark.parametrize(("edges", "zero"), [("forward", (0, 1)), ("backward", (1, 0))])
def test_a_graph_s_missing_edges_are_exact_zeros(edges: str, zero: tuple[int, int]) -> None:
    """Composed layers keep the graph: the whole flow's Jacobian has its zeros."""
    flow = scattered(build_flow("graphical", 2, depth=3, width=16, edges=edges))
    jacobian = jacobians(flow, points(50, 2))
    assert (jacobian[:, zero[0], zero[1]] == 0).all()
    assert (jacobian[:, zero[1], zero[0]] != 0).any()


def test_independence_is_a_diagonal_jacobian() -> None:
    flow = scattered(build_flow("graphical", 2, depth=2, width=16, edges="none"))
    jacobian = jacobians(flow, points(50, 2))
    assert (jacobian[:, 0, 1] == 0).all()
    assert (jacobian[:, 1, 0] == 0).all()


@pytest.mark.parametrize(("dependent", "edge"), [(True, 1.0), (False, 0.0)])
def test_a_learned_edge_opens_only_where_it_tells_something(dependent: bool, edge: float) -> None:
    torch.manual_seed(0)
    x = torch.randn(4000, 2)
    if dependent:
        x[:, 1] = 0.9 * x[:, 0] + 0.44 * x[:, 1]
    flow = build_flow("graphical", 2, depth=1, width=16, bins=4, edges="learned")
    optimizer = torch.optim.Adam(flow.parameters(), lr=2e-2)
    for _ in range(600):
        optimizer.zero_grad()
        flow.loss(x[torch.randint(len(x), (128,))]).backward()
        optimizer.step()
    layer = flow.bijections[0]
    assert isinstance(layer, LearnedGraphicalLayer)
    assert float(layer.conditioner.graph.adjacency()[1, 0].detach()) == pytest.approx(
        edge, abs=0.02
    )


def test_nice_couplings_change_no_volume_at_all() -> None:
    flow = scattered(build_flow("nice", 5, depth=4, width=16))
    assert isinstance(flow, Flow)
    _, log_dets = flow.forward_states(points(50, 5))
    assert (log_dets[1:] == 0).all()
    assert (log_dets[0] != 0).all()


def test_activation_normalization_starts_from_its_first_batch_in_training_mode() -> None:
    x = 5 + 3 * points(1000, 3)
    layer = ActNorm(3).double().eval()
    assert torch.equal(layer.inverse(x)[0], x), "not in evaluation mode"
    layer.train()
    z, log_det = layer.inverse(x)
    torch.testing.assert_close(z.mean(0), torch.zeros(3).double(), rtol=0, atol=1e-9)
    torch.testing.assert_close(z.std(0, correction=0), torch.ones(3).double(), rtol=0, atol=1e-5)
    assert float(log_det[0].detach()) == pytest.approx(
        -float(x.std(0, correction=0).log().sum()), abs=1e-5
    )
    later = layer.inverse(2 * x)[0]
    torch.testing.assert_close(
        later.std(0, correction=0), torch.full((3,), 2.0).double(), rtol=0, atol=1e-4
    )
    again = ActNorm(3).double()
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again.inverse(2 * x)[0], later), "a loaded layer must not start anew"


def test_the_linear_map_starts_as_a_reversal_and_keeps_its_factors() -> None:
    torch.manual_seed(0)
    layer = InvertibleLinear(4).double()
    assert torch.equal(layer.matrix().detach(), torch.eye(4).double().flip(0))
    scattered(layer)
    expected = torch.linalg.slogdet(layer.matrix().detach())[1]
    assert float(layer.inverse(points(3, 4))[1][0].detach()) == pytest.approx(
        float(expected), abs=1e-12
    )


def test_an_inverse_exchanges_the_directions() -> None:
    layer = scattered(build_flow("maf", 3, depth=1, width=16).bijections[0])
    turned = Inverse(layer)
    x = points(20, 3)
    for ours, theirs in ((turned(x), layer.inverse(x)), (turned.inverse(x), layer(x))):
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])
    piece = ContinuousLayer(VectorField(2, 8), (0.25, 0.5))
    assert Inverse(piece).times == (0.5, 0.25)


def test_checkpointing_changes_no_gradient() -> None:
    for name in ("realnvp", "nsf", "residual", "ffjord"):
        gradients = []
        for checkpoint in (False, True):
            flow = build_flow(name, 2, depth=3, width=16, checkpoint=checkpoint)
            scattered(flow).train()  # as where it is used; otherwise ODEs are solved by tolerance
            parameters = list(flow.parameters())
            gradients.append(torch.autograd.grad(flow.loss(points(50, 2)), parameters))
        for plain, recomputed in zip(*gradients, strict=True):
            torch.testing.assert_close(plain, recomputed, rtol=1e-10, atol=1e-12)


def test_the_divergence_is_the_jacobian_s_trace() -> None:
    torch.manual_seed(0)
    field = VectorField(3, 16).double()
    torch.nn.init.normal_(field.last.weight)
    x, t = points(10, 3).requires_grad_(), torch.tensor(0.3).double()
    value, divergence = field.with_divergence(t, x)
    torch.testing.assert_close(value, field(t, x))
    expected = sum(
        torch.autograd.grad(value[:, i].sum(), x, retain_graph=True)[0][:, i] for i in range(3)
    )
    torch.testing.assert_close(divergence, expected)


def estimates(flow: Flow, x: Tensor, n: int, each: int) -> tuple[Tensor, Tensor]:
    """Return mean and standard error [B] of n log-densities in training mode, `each` a call."""
    flow.train()
    with torch.no_grad():
        calls = [flow.log_prob(x.repeat(each, 1)).view(each, -1).mean(0) for _ in range(n // each)]
    flow.eval()
    draws = torch.stack(calls)
    return draws.mean(0), draws.std(0) / len(calls) ** 0.5


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ffjord", {"trace": "hutchinson"}),
        ("residual", {"log_det": "unbiased"}),
        ("graphical", {"edges": "learned"}),
        ("flow_matching", {}),
    ],
)
def test_training_draws_from_torch_s_default_generator_alone(
    name: str, options: dict[str, str]
) -> None:
    flow = build_flow(name, 2, depth=2, width=16, **options)  # type: ignore[arg-type]
    scattered(flow).train()

    def loss(seed: int) -> float:
        torch.manual_seed(seed)
        return float(flow.loss_and_gradient(points(50, 2))[0])

    assert loss(1) == loss(1)
    assert loss(1) != loss(2)


@pytest.mark.parametrize(
    ("name", "options"),
    [("ffjord", {"trace": "hutchinson"}), ("residual", {"log_det": "unbiased"})],
)
def test_estimators_are_unbiased(name: str, options: dict[str, str]) -> None:
    flow = build_flow(name, 2, depth=2, width=16, **options)  # type: ignore[arg-type]
    scattered(flow, spread=0.2)
    x = points(6, 2)
    mean, error = estimates(flow, x, 10_000, 20)
    assert (error > 0).all()
    assert ((mean - flow.log_prob(x).detach()).abs() < 4.5 * error + 1e-9).all()


def test_the_series_is_near_the_determinant() -> None:
    flow = build_flow("residual", 2, depth=2, width=16, log_det="series")
    scattered(flow, spread=0.02)
    x = points(50, 2)
    exact = flow.log_prob(x)
    flow.train()
    assert not torch.equal(flow.log_prob(x), exact)
    torch.testing.assert_close(flow.log_prob(x), exact, rtol=0, atol=1e-3)


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_a_residual_block_keeps_its_lipschitz_constant(scale: float) -> None:
    """Whatever the weights: the slope between any two points, and every Jacobian's norm."""
    torch.manual_seed(0)
    block = ResidualBlock(2, 32).double()
    with torch.no_grad():
        for p in block.parameters():
            p.copy_(scale * torch.randn_like(p))
    network = block.residual
    w2 = network.bounded_weight()
    x = 3 * points(5000, 2)
    g, slopes = network.value_and_slopes(x, w2)
    assert torch.linalg.matrix_norm(network.jacobian(slopes, w2), 2).max() <= LIPSCHITZ + 1e-9
    rise = (g[1:] - g[:-1]).norm(dim=1) / (x[1:] - x[:-1]).norm(dim=1)
    assert rise.max() <= LIPSCHITZ + 1e-9


def test_the_logistic_mixture_is_stable_in_float32_tails() -> None:
    mixture = LogisticMixture(4)
    torch.manual_seed(0)
    theta = (2 * torch.randn(7, mixture.parameter_count)).unsqueeze(1)
    x = torch.tensor([-1e4, -100.0, -20.0, 0.0, 20.0, 100.0, 1e4]).unsqueeze(1)
    z, log_slope = mixture.inverse(x, theta)
    assert torch.isfinite(z).all()
    assert torch.isfinite(log_slope).all()
    back, _ = mixture.forward(z, theta)
    torch.testing.assert_close(back, x, rtol=1e-4, atol=1e-4)


def test_flow_matching_learns_by_its_own_loss_and_says_so() -> None:
    flow = build_flow("flow_matching", 2, depth=4, width=16, coupling="independent")
    assert isinstance(flow, MatchedFlow)
    assert not flow.trained_by_likelihood
    assert build_flow("ffjord").trained_by_likelihood
    # An untrained field is 0: the loss is E|x - z|^2, that of independent points.
    torch.manual_seed(0)
    x = torch.randn(20_000, 2)
    assert float(flow.loss(x).detach()) == pytest.approx(4.0, abs=0.1)
    # That of near pairs is much less; they are the default.
    assert float(build_flow("flow_matching", 2, depth=4, width=16).loss(x).detach()) < 0.5


def test_a_recipe_is_built_in_order() -> None:
    flow = build_flow("mixed", 2, width=8, recipe="planar 2, realnvp 3, glow 1")
    names = [type(b).__name__ for b in flow.bijections]
    assert names == [
        *["Planar"] * 2,
        *["AffineCoupling"] * 3,
        *["AffineCoupling", "InvertibleLinear", "ActNorm"],
    ]


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        ("", "a family is missing"),
        ("planar", "planar has no number of layers"),
        ("planar 0", "has not 1 to"),
        ("planar 65", "has not 1 to"),
        ("mixed 2", "mixed is no family"),
        ("flow_matching 2", "flow_matching is no family"),
        ("nope 2", "nope is no family"),
        ("planar -2", "planar -2 is not a family and its number of layers"),
    ],
)
def test_recipes_that_cannot_be_built(recipe: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        build_flow("mixed", recipe=recipe)


def test_continuous_layers_tell_their_time() -> None:
    times: Sequence[tuple[float, float] | None] = [
        b.times for b in build_flow("ffjord", depth=4).bijections
    ]
    assert times == [(0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)]
