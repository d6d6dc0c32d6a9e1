"""Our flows against independent implementations that are given the same weights, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import normflows
import pytest
import torch
import torch.nn.functional as F
import zuko
from test_bijections import DIMS, base_points, jacobian, random_flow
from torch import Tensor, nn
from torch.distributions import (
    AffineTransform,
    Categorical,
    MixtureSameFamily,
    SigmoidTransform,
    Transform,
    TransformedDistribution,
    Uniform,
    constraints,
)
from torchdiffeq import odeint
from zuko.flows.autoregressive import MaskedAutoregressiveTransform
from zuko.flows.coupling import GeneralCouplingTransform
from zuko.lazy import UnconditionalTransform

from flowplay.flows import Bijection, Flow, Standardization, standard_normal_log_prob
from flowplay.flows.autoregressive import Autoregressive
from flowplay.flows.continuous import ContinuousLayer
from flowplay.flows.coupling import Coupling
from flowplay.flows.glow import ActNorm, InvertibleLinear
from flowplay.flows.inverse import Inverse
from flowplay.flows.made import MADE
from flowplay.flows.nice import DiagonalScaling
from flowplay.flows.planar import Planar
from flowplay.flows.radial import Radial
from flowplay.flows.residual import ResidualBlock
from flowplay.flows.splines import (
    parameter_count,
    rational_quadratic,
    rational_quadratic_inverse,
)
from flowplay.flows.transformers import (
    Additive,
    Affine,
    LogisticMixture,
    Spline,
    Transformer,
)
from flowplay.flows.vector_field import VectorField
from flowplay.kernels.layout import LOG_SCALE_BOUND, MIN_BIN, MIN_DERIVATIVE

WIDTH = 16  # of the conditioners of `random_flow`
SPREAD = 0.15  # more makes Jacobians of four layers so large that rounding shows
TOLERANCE = 1e-8

#: softplus of this plus the smallest derivative is 1.
IDENTITY_DERIVATIVE = math.log(math.expm1(1 - MIN_DERIVATIVE))


def assert_same(
    ours: Tensor | Sequence[Tensor], theirs: Tensor | Sequence[Tensor], atol: float = TOLERANCE
) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)


@torch.no_grad()
def with_weights_of(ours: nn.Module, theirs: nn.Module) -> nn.Module:
    """Copy weights and biases, layer by layer, into a network of the same sizes."""
    theirs.double()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        q.copy_(p)
    return theirs


def softclip(raw: Tensor) -> Tensor:
    clipped: Tensor = zuko.transforms.SoftclipTransform(LOG_SCALE_BOUND)(raw)
    return clipped


class Increasing(AffineTransform):
    """Said to be so by a number: told by a tensor, torch's `cdf` adds and subtracts 1/2."""

    sign = 1


class MixtureLogit(Transform):
    """Flow++'s map from data to base, by the distribution and density functions of torch's own.

    The mirrored mixture gives the complement of the distribution function, without cancelling.
    """

    domain = constraints.real
    codomain = constraints.real
    bijective = True

    def __init__(self, logits: Tensor, means: Tensor, scales: Tensor, a: Tensor, b: Tensor) -> None:
        super().__init__()
        uniform = Uniform(torch.zeros_like(means), torch.ones_like(means))

        def mixture(means: Tensor) -> MixtureSameFamily:
            affine = Increasing(means, softclip(scales).exp())
            logistic = TransformedDistribution(uniform, [SigmoidTransform().inv, affine])
            return MixtureSameFamily(Categorical(logits=logits), logistic)

        self.mixture, self.mirrored = mixture(means), mixture(-means)
        self.log_a, self.b = softclip(a), b

    def _call(self, x: Tensor) -> Tensor:
        log_cdf, log_rest = self._logs(x)
        return self.log_a.exp() * (log_cdf - log_rest) + self.b

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        log_cdf, log_rest = self._logs(x)
        log_density: Tensor = self.mixture.log_prob(x)
        return self.log_a + log_density - log_cdf - log_rest

    def _logs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.mixture.cdf(x).log(), self.mirrored.cdf(-x).log()


def zuko_spline(widths: Tensor, heights: Tensor, derivatives: Tensor, bound: float) -> Transform:
    """Give zuko's spline the knots and derivatives of ours, in zuko's own parameters."""
    slope = 1e-300  # zuko bounds its parameters by this one's logarithm

    def raw(sizes: Tensor) -> Tensor:
        shares = MIN_BIN + (1 - MIN_BIN * sizes.shape[-1]) * sizes.softmax(-1)
        unclipped: Tensor = zuko.transforms.SoftclipTransform(-math.log(slope) / 2).inv(
            shares.log()
        )
        return unclipped

    inner = MIN_DERIVATIVE + F.softplus(derivatives + IDENTITY_DERIVATIVE)
    raw_inner = zuko.transforms.SoftclipTransform(-math.log(slope)).inv(inner.log())
    spline: Transform = zuko.transforms.MonotonicRQSTransform(
        raw(widths), raw(heights), raw_inner, bound=bound, slope=slope
    )
    return spline


def normalizing(
    transformer: Transformer[Any],
) -> tuple[Callable[..., Transform], list[tuple[int, ...]]]:
    """Return the map of a coordinate from data to base, and the shapes of its parameters."""
    match transformer:
        case Additive():
            return lambda t: zuko.transforms.AdditiveTransform(t).inv, [()]
        case Affine():
            slope = math.exp(-LOG_SCALE_BOUND)
            return lambda s, t: zuko.transforms.MonotonicAffineTransform(t, s, slope).inv, [(), ()]
        case Spline(bound=bound, parameter_count=n):
            bins = (n + 1) // 3
            shapes: list[tuple[int, ...]] = [(bins,), (bins,), (bins - 1,)]
            return lambda w, h, d: zuko_spline(w, h, d, bound).inv, shapes
        case LogisticMixture(components=k):
            return MixtureLogit, [(k,), (k,), (k,), (), ()]
    raise NotImplementedError(transformer)


def conditioning_coordinates(name: str, dim: int, k: int) -> Tensor:
    """Return which coordinates are the conditioning part of a family's k-th coupling layer."""
    index = torch.arange(dim)
    checkerboard = name == "realnvp" and k // 2 % 2 == 1
    first = index % 2 == 0 if checkerboard else index < math.ceil(dim / 2)
    return first if k % 2 == 0 else ~first


def zuko_layer(name: str, layer: Bijection, dim: int, k: int) -> Any:  # noqa: ANN401
    """Return zuko's layer from data to base with the weights of ours, the k-th of its kind."""
    network = {"hidden_features": (WIDTH, WIDTH), "activation": nn.SiLU}
    match layer:
        case Inverse(bijection=inner):
            return zuko_layer(name, inner, dim, k).inv
        case Standardization(mean=mean, std=std):
            return UnconditionalTransform(
                lambda m, s: AffineTransform(m, s, event_dim=1).inv, mean, std, buffer=True
            )
        case DiagonalScaling(log_scale=s):
            return UnconditionalTransform(
                lambda s: AffineTransform(torch.zeros_like(s), s.exp(), event_dim=1).inv, s.detach()
            )
        case Coupling():
            univariate, shapes = normalizing(layer.transformer)
            mask = conditioning_coordinates(name, dim, k)
            coupling = GeneralCouplingTransform(
                dim, mask=mask, univariate=univariate, shapes=shapes, **network
            )
            with_weights_of(layer.conditioner, coupling.hyper)
            return coupling
        case Autoregressive():
            univariate, shapes = normalizing(layer.transformer)
            order = torch.arange(dim) if k % 2 == 0 else torch.arange(dim).flip(0)
            masked = MaskedAutoregressiveTransform(
                dim, order=order, univariate=univariate, shapes=shapes, **network
            )
            with_weights_of(layer.conditioner, masked.hyper)
            return masked
    raise NotImplementedError(layer)


def zuko_layers(name: str, flow: Flow) -> list[Any]:
    before = isinstance(flow.bijections[0], DiagonalScaling)
    return [zuko_layer(name, b, flow.dim, k - before) for k, b in enumerate(flow.bijections)]


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize(
    "name", ["nice", "realnvp", "maf", "iaf", "nsf", "nsf-conditioning=autoregressive", "flowpp"]
)
def test_flow_against_zuko(name: str, dim: int) -> None:
    """Densities, both directions and all gradients of the whole flow, conditioners included."""
    # Farther out the oracle's distribution functions underflow.
    flow = random_flow(name, dim, spread=0.1 if name == "flowpp" else SPREAD)
    layers = zuko_layers(name, flow)
    base = zuko.flows.MAF(dim, transforms=1).base
    oracle = zuko.flows.Flow(layers[::-1], base).double()
    z = base_points(200, dim)
    x, log_det = flow(z)
    back, log_det_back = oracle().transform.call_and_ladj(x)
    assert_same((z, log_det), (back, -log_det_back))
    assert_same(flow.inverse(x), (back, log_det_back))

    x = x.detach().requires_grad_()
    ours, theirs = flow.log_prob(x), oracle().log_prob(x)
    assert_same(ours, theirs)
    gradients = torch.autograd.grad(ours.mean(), [x, *flow.parameters()])
    parameters = [p for layer in layers for p in layer.parameters()]
    assert_same(gradients, torch.autograd.grad(theirs.mean(), [x, *parameters]))


@pytest.mark.parametrize("dim", DIMS)
def test_masks_against_those_of_normflows(dim: int) -> None:
    made = MADE(dim, WIDTH, Affine(), reverse=False)
    oracle = normflows.nets.made.MADE(
        dim, WIDTH, num_blocks=1, output_multiplier=2, use_residual_blocks=False
    )
    layers = (oracle.initial_layer, oracle.blocks[0].linear, oracle.final_layer)
    assert_same([m.mask for m in (made.first, made.second, made.last)], [m.mask for m in layers])


class ShiftAndScale(nn.Module):
    """A conditioner as normflows wants it: shifts and log-scales take turns, in this order."""

    def __init__(self, conditioner: nn.Module, inputs: int, mapped: int) -> None:
        super().__init__()
        network = zuko.nn.MLP(inputs, 2 * mapped, (WIDTH, WIDTH), activation=nn.SiLU)
        self.network = with_weights_of(conditioner, network)

    def forward(self, x: Tensor) -> Tensor:
        raw, shift = self.network(x).unflatten(-1, (-1, 2)).unbind(-1)
        return torch.stack((shift, softclip(raw)), -1).flatten(1)


def scale_and_shift(log_scale: Tensor, shift: Tensor) -> Any:  # noqa: ANN401
    affine = normflows.flows.AffineConstFlow(len(shift)).double()
    affine.load_state_dict({"s": log_scale[None], "t": shift[None]})
    return affine


@torch.no_grad()
def normflows_layer(layer: Bijection, dim: int) -> Any:  # noqa: ANN401
    """Return normflows' layer with the parameters of ours; its inverse normalizes, as ours does."""
    flows = normflows.flows
    match layer:
        case Planar(u=u, w=w, b=b):
            return flows.Reverse(flows.Planar((dim,), u=u[None], w=w[None], b=b[None]))
        case Radial():
            radial = flows.Radial((dim,), z_0=layer.centre[None]).double()
            radial.alpha.copy_(layer.log_alpha.exp())
            radial.beta.copy_(layer.beta)
            return flows.Reverse(radial)
        case Standardization(mean=mean, std=std):
            return scale_and_shift(std.log(), mean)
        case ActNorm(log_scale=log_scale, shift=shift):
            return scale_and_shift(log_scale, shift)
        case InvertibleLinear():
            linear = flows.InvertibleAffine(dim, use_lu=False).double()
            linear.W.copy_(layer.matrix().t())
            return linear
        case Coupling():
            conditioning, transformed = math.ceil(dim / 2), dim // 2
            return flows.AffineCouplingBlock(
                ShiftAndScale(layer.conditioner, conditioning, transformed)
            )
    raise NotImplementedError(layer)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", ["planar", "radial", "glow"])
def test_flow_against_normflows(name: str, dim: int) -> None:
    flow = random_flow(name, dim, spread=SPREAD)
    layers = [normflows_layer(b, dim) for b in flow.bijections]
    base = normflows.distributions.DiagGaussian(dim, trainable=False)
    oracle = normflows.NormalizingFlow(base, layers).double()
    z = base_points(200, dim)
    x, log_det = flow(z)
    assert_same(oracle.inverse(x), z)
    assert_same(oracle.log_prob(x), standard_normal_log_prob(z) - log_det)

    x = x.detach().requires_grad_()
    ours, theirs = flow.log_prob(x), oracle.log_prob(x)
    assert_same(ours, theirs)
    (score,) = torch.autograd.grad(ours.sum(), x)
    assert_same(score, torch.autograd.grad(theirs.sum(), x)[0])


@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("use_lu", [True, False])
def test_invertible_linear_against_a_1x1_convolution(use_lu: bool, dim: int) -> None:
    layer = random_flow("glow", dim, spread=SPREAD).bijections[1]
    assert isinstance(layer, InvertibleLinear)
    layer.permutation.copy_(torch.eye(dim).roll(1, 0))  # no symmetric one
    oracle = normflows.flows.Invertible1x1Conv(dim, use_lu=use_lu).double()
    factors = {
        "P": layer.permutation,
        "L": layer.lower,
        "U": layer.upper,
        "sign_S": layer.sign,
        "log_S": layer.log_diagonal,
        "eye": torch.eye(dim),
    }
    oracle.load_state_dict(factors if use_lu else {"W": layer.matrix()})
    x = base_points(100, dim)
    for ours, theirs in ((layer.inverse, oracle.inverse), (layer.forward, oracle.forward)):
        y, log_det = theirs(x[:, :, None, None])
        assert_same(ours(x), (y[:, :, 0, 0], log_det.expand(len(x))))
    assert_same(layer.inverse(x)[1][0], torch.linalg.slogdet(layer.matrix())[1])


@pytest.mark.parametrize("dim", DIMS)
def test_actnorm_starts_as_that_of_normflows(dim: int) -> None:
    """But for the spread: ours divides by n, as the paper's code does, normflows by n - 1."""
    x = torch.linspace(1, 3, dim) + torch.linspace(0.2, 5, dim) * base_points(50, dim)
    ours, theirs = ActNorm(dim).double(), normflows.flows.ActNorm(dim).double()
    z, log_det = ours.inverse(x)
    z_theirs, log_det_theirs = theirs.inverse(x)
    ratio = math.sqrt(50 / 49)  # up to the 1e-6 that both add to the spread
    assert_same(z, z_theirs * ratio, atol=1e-6)
    assert_same(log_det, log_det_theirs.expand(50) + dim * math.log(ratio), atol=1e-6)


@pytest.mark.parametrize("bound", [1.0, 4.0])
def test_spline_against_normflows(bound: float) -> None:
    """Inside, outside and on the edge of the box, both ways."""
    generator = torch.Generator().manual_seed(0)
    theta = 2 * torch.randn(1001, parameter_count(8), generator=generator, dtype=torch.float64)
    x = torch.linspace(-1.25 * bound, 1.25 * bound, 1001, dtype=torch.float64)
    widths, heights, derivatives = theta.split([8, 8, 7], -1)
    for ours, inverse in ((rational_quadratic, False), (rational_quadratic_inverse, True)):
        theirs = normflows.utils.splines.unconstrained_rational_quadratic_spline(
            x,
            widths,
            heights,
            derivatives + IDENTITY_DERIVATIVE,
            inverse=inverse,
            tail_bound=bound,
            min_bin_width=MIN_BIN,
            min_bin_height=MIN_BIN,
            min_derivative=MIN_DERIVATIVE,
        )
        assert_same(ours(x, theta, bound), theirs)


@pytest.mark.parametrize("dim", DIMS)
def test_residual_block_against_normflows(dim: int) -> None:
    """In the plane by the determinant of autograd's Jacobian, in space by a long power series."""
    layer = random_flow("residual", dim, spread=SPREAD).bijections[0]
    assert isinstance(layer, ResidualBlock)
    residual = layer.residual
    network = zuko.nn.MLP(dim, dim, (WIDTH,), activation=nn.SiLU)
    with_weights_of(residual, network)
    network[2].weight.data.copy_(residual.bounded_weight())
    oracle = normflows.flows.Residual(
        network, reduce_memory=False, exact_trace=True, brute_force=dim == 2, n_power_series=600
    ).double()
    x = base_points(50, dim)
    z, log_det = oracle.inverse(x.clone())
    assert_same(layer.inverse(x), (z, log_det))
    assert_same(layer(z), (x, -log_det))


def plain_field(field: VectorField, dim: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the same vector field as one plain network of the point and the time."""
    network = zuko.nn.MLP(dim + 1, dim, (WIDTH, WIDTH), activation=nn.SiLU).double()
    first = torch.cat((field.first.weight, field.time.weight), 1)
    tensors = (first, field.first.bias, *field.second.parameters(), *field.last.parameters())
    with torch.no_grad():
        for p, q in zip(network.parameters(), tensors, strict=True):
            p.copy_(q)
    return lambda t, x: network(torch.cat((x, t.expand(len(x), 1)), 1))


def divergence(field: Callable[[Tensor, Tensor], Tensor], t: Tensor, x: Tensor) -> Tensor:
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return jacobian(field(t, x), x).diagonal(dim1=1, dim2=2).sum(-1)


def solution(
    field: Callable[[Tensor, Tensor], Tensor],
    y: Tensor,
    times: tuple[float, float],
    **solver: Any,  # noqa: ANN401
) -> tuple[Tensor, Tensor]:
    """Return points at the last time and their log-det, with the divergence by autograd."""
    states, log_dets = odeint(
        lambda t, state: (field(t, state[0]), divergence(field, t, state[0])),
        (y, y.new_zeros(len(y))),
        torch.tensor(times, dtype=torch.float64),
        **solver,
    )
    return states[-1], log_dets[-1]


def continuous_layer(dim: int, solver: str = "rk4", steps: int = 64) -> ContinuousLayer:
    layer = random_flow("ffjord", dim, spread=SPREAD).bijections[2]
    assert isinstance(layer, ContinuousLayer)
    return ContinuousLayer(layer.field, (0.25, 1.0), solver=solver, steps=steps).eval()


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize(("solver", "tolerance"), [("rk4", 1e-7), ("dopri5", 1e-3)])
@torch.no_grad()
def test_continuous_layer_against_an_adaptive_solver(
    solver: str, tolerance: float, dim: int
) -> None:
    """At tight tolerances, with the divergence by autograd."""
    layer = continuous_layer(dim, solver)
    field = plain_field(layer.field, dim)
    y = base_points(50, dim)
    for ours, times in ((layer.forward, (0.25, 1.0)), (layer.inverse, (1.0, 0.25))):
        assert_same(ours(y), solution(field, y, times, rtol=1e-10, atol=1e-10), atol=tolerance)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("steps", [1, 3])
@torch.no_grad()
def test_fixed_steps_against_the_same_rule(dim: int, steps: int) -> None:
    whole = continuous_layer(dim)
    layer = ContinuousLayer(whole.field, (0.1, 0.93), steps=steps).train()
    field = plain_field(layer.field, dim)
    y = base_points(50, dim)
    rule = {"method": "rk4", "options": {"step_size": 0.83 / steps}}
    for ours, times in ((layer.forward, (0.1, 0.93)), (layer.inverse, (0.93, 0.1))):
        assert_same(ours(y), solution(field, y, times, **rule), atol=1e-10)


@pytest.mark.parametrize("backwards", [False, True])
def test_the_roughness_of_a_step_is_taken_from_the_gradient(backwards: bool) -> None:
    whole = continuous_layer(2)
    layer = ContinuousLayer(whole.field, (0.1, 0.6), steps=1).train()
    field, y = layer.field, base_points(20, 2)
    start, h = (0.6, -0.5) if backwards else (0.1, 0.5)

    def slope(part: float, at: Tensor) -> tuple[Tensor, Tensor]:
        return field.with_divergence(torch.tensor(start + part * h).to(y), at)

    a, of_a = slope(0, y)
    b, of_b = slope(1 / 3, y + h * a / 3)
    c, of_c = slope(2 / 3, y + h * (b - a / 3))
    d, of_d = slope(1, y + h * (a - b + c))
    log_det = h * (of_a + 3 * of_b + 3 * of_c + of_d) / 8
    roughness = 0.5 * (
        (a - 3 * b + 3 * c - d).square().sum(-1) + (of_a - 3 * of_b + 3 * of_c - of_d) ** 2
    )
    parameters = list(field.parameters())
    wanted = torch.autograd.grad((log_det - 0.1 * roughness).sum(), parameters)
    _, ours = layer.inverse(y) if backwards else layer.forward(y)
    torch.testing.assert_close(ours, log_det, rtol=1e-6, atol=1e-6)
    found = torch.autograd.grad(ours.sum(), parameters)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dim", DIMS)
@torch.no_grad()
def test_continuous_layer_against_zuko(dim: int) -> None:
    """A solver that shares nothing with ours."""
    layer = continuous_layer(dim)
    oracle = zuko.transforms.FreeFormJacobianTransform(
        plain_field(layer.field, dim), t0=0.25, t1=1.0, atol=1e-9, rtol=1e-9
    )
    y = base_points(50, dim)
    assert_same(layer(y), oracle.call_and_ladj(y), atol=1e-7)
    assert_same(layer.inverse(y), oracle.inv.call_and_ladj(y), atol=1e-7)


@pytest.mark.parametrize("dim", DIMS)
def test_trace_estimate_against_autograd(dim: int) -> None:
    """Hutchinson's estimate with given noise is a vector-Jacobian product with it."""
    field = continuous_layer(dim).field
    x, t = base_points(50, dim).requires_grad_(), torch.tensor(0.3, dtype=torch.float64)
    noise = base_points(100, dim)[50:]
    f = plain_field(field, dim)(t, x)
    (product,) = torch.autograd.grad(f, x, noise)
    assert_same(field.with_estimate(t, x, noise), (f, (product * noise).sum(-1)))
