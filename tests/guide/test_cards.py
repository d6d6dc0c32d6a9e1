"""The cards' formulas, evaluated from the layers' parameters, against the code's log-dets.

Each formula of the catalog stands here again beside its evaluation: whoever changes one of them, or
adds a family, has to change the other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torchdiffeq import odeint

from flowplay.catalog import ARCHITECTURES, FLOW_FAMILIES
from flowplay.config import RunConfig
from flowplay.flows import Bijection, Flow, build_flow
from flowplay.flows import conditioner as networks
from flowplay.flows.autoregressive import Autoregressive
from flowplay.flows.continuous import ContinuousLayer
from flowplay.flows.coupling import Coupling
from flowplay.flows.glow import ActNorm, InvertibleLinear
from flowplay.flows.inverse import Inverse
from flowplay.flows.nice import DiagonalScaling
from flowplay.flows.nsf import BOUND
from flowplay.flows.planar import Planar
from flowplay.flows.radial import Radial
from flowplay.flows.residual import Contraction, ResidualBlock
from flowplay.flows.splines import rational_quadratic
from flowplay.flows.transformers import bounded
from flowplay.guide import PAPERS
from flowplay.kernels.layout import LIPSCHITZ
from flowplay.models import build_model

TOLERANCE = 1e-8
DIMS = (2, 4)


class Evaluated(NamedTuple):
    """A layer's formulas at points z.

    Attributes:
        x: from z by the equation; or None where the equation is only checked.
        log_det: log|det dx/dz| [B].
        jacobian: dx/dz [B, D, D]; None where the card only says where it is zero.
    """

    x: Tensor | None
    log_det: Tensor
    jacobian: Tensor | None = None


def derivative(y: Tensor, x: Tensor) -> Tensor:
    """Return dy/dx [B, D, D] of a map that treats every point by itself."""
    rows = [torch.autograd.grad(y[:, i].sum(), x, retain_graph=True)[0] for i in range(y.shape[1])]
    return torch.stack(rows, 1)


def diagonal(entries: Tensor) -> Tensor:
    return torch.diag_embed(entries)


def planar(layer: Planar, z: Tensor, x: Tensor) -> Evaluated:
    w, b = layer.w, layer.b
    wu = w @ layer.u
    u_hat = layer.u + (torch.nn.functional.softplus(wu) - 1 - wu) * w / w.square().sum()
    assert w @ u_hat > -1
    a = x @ w + b
    torch.testing.assert_close(z, x + torch.outer(a.tanh(), u_hat))
    slope = 1 - a.tanh().square()
    back = torch.eye(len(w)).double() + slope[:, None, None] * torch.outer(u_hat, w)
    return Evaluated(None, -(1 + slope * (w @ u_hat)).log(), back.inverse())


def radial(layer: Radial, z: Tensor, x: Tensor) -> Evaluated:
    dim, c, alpha = z.shape[1], layer.centre, layer.log_alpha.exp()
    beta = torch.nn.functional.softplus(layer.beta) - alpha
    assert beta > -alpha
    r = (x - c).norm(dim=1)
    torch.testing.assert_close(z, x + (beta / (alpha + r))[:, None] * (x - c))
    a = 1 + beta / (alpha + r)
    outer = (x - c)[:, :, None] * (x - c)[:, None, :]
    identity = torch.eye(dim).double()
    back = a[:, None, None] * identity - (beta / (r * (alpha + r) ** 2))[:, None, None] * outer
    log_det = -(dim - 1) * a.log() - (1 + beta * alpha / (alpha + r) ** 2).log()
    return Evaluated(None, log_det, back.inverse())


def parts(layer: Coupling, z: Tensor) -> tuple[Tensor, Tensor]:
    """Return the kept part and the rest of points whose split is by halves."""
    assert layer.order is None
    first, second = z.split(layer.sizes, 1)
    return (second, first) if layer.swap else (first, second)


def joined(layer: Coupling, kept: Tensor, rest: Tensor) -> Tensor:
    return torch.cat((rest, kept) if layer.swap else (kept, rest), 1)


def outputs(layer: Coupling, kept: Tensor, count: int) -> Tensor:
    """Return the network's outputs [B, d, P] for the other part's coordinates."""
    found: Tensor = layer.conditioner(kept).unflatten(-1, (-1, count))
    return found


def nice(layer: Bijection, z: Tensor, x: Tensor) -> Evaluated:
    if isinstance(layer, DiagonalScaling):
        s = layer.log_scale
        return Evaluated(z * s.exp(), s.sum().expand(len(z)), diagonal(s.exp().expand_as(z)))
    assert isinstance(layer, Coupling)
    kept, rest = parts(layer, z)
    shifted = rest + outputs(layer, kept, 1).squeeze(-1)
    return Evaluated(joined(layer, kept, shifted), torch.zeros(len(z)).double())


def affine_coupling(layer: Bijection, z: Tensor, x: Tensor) -> Evaluated:
    assert isinstance(layer, Coupling)
    kept, rest = parts(layer, z)
    raw, t = outputs(layer, kept, 2).unbind(-1)
    s = bounded(raw)
    return Evaluated(joined(layer, kept, rest * s.exp() + t), s.sum(1))


def glow(layers: Sequence[Bijection], z: Tensor, x: Tensor) -> Evaluated:
    coupling, linear, normalization = layers
    assert isinstance(linear, InvertibleLinear)
    assert isinstance(normalization, ActNorm)
    y, of_coupling, _ = affine_coupling(coupling, z, x)
    assert y is not None
    s = normalization.log_scale
    matrix = linear.matrix()
    v = y @ matrix.inverse().t()
    upper = linear.sign * linear.log_diagonal.exp()  # the diagonal of U
    torch.testing.assert_close(torch.linalg.det(matrix).abs(), upper.prod().abs())
    log_u = upper.abs().log().sum()
    scales = diagonal(s.exp()) @ matrix.inverse()
    return Evaluated(
        v * s.exp() + normalization.shift,
        s.sum() - log_u + of_coupling,
        scales @ derivative(y, z),
    )


def maf(layer: Bijection, z: Tensor, x: Tensor) -> Evaluated:
    assert isinstance(layer, Autoregressive)
    raw, t = layer.conditioner(x).unbind(-1)
    s = bounded(raw)
    return Evaluated(z * s.exp() + t, s.sum(1))


def iaf(layer: Bijection, z: Tensor, x: Tensor) -> Evaluated:
    assert isinstance(layer, Inverse)
    assert isinstance(layer.bijection, Autoregressive)
    raw, t = layer.bijection.conditioner(z).unbind(-1)
    s = bounded(raw)
    return Evaluated((z - t) * (-s).exp(), -s.sum(1))


def slope_of(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Return the derivative of an elementwise function by autograd."""
    at = at.detach().requires_grad_()
    return torch.autograd.grad(function(at).sum(), at)[0]


def nsf(layer: Bijection, z: Tensor, x: Tensor) -> Evaluated:
    assert isinstance(layer, Coupling)
    kept, rest = parts(layer, z)
    theta = outputs(layer, kept, layer.transformer.parameter_count).detach()
    slope = slope_of(lambda at: rational_quadratic(at, theta, BOUND)[0], rest)
    bent = rational_quadratic(rest, theta, BOUND)[0]
    return Evaluated(joined(layer, kept, bent), slope.log().sum(1))


def flowpp(layer: Bijection, z: Tensor, x: Tensor) -> Evaluated:
    assert isinstance(layer, Coupling)
    kept, rest = parts(layer, z)
    kept_x, rest_x = parts(layer, x)
    torch.testing.assert_close(kept, kept_x)
    theta = outputs(layer, kept, layer.transformer.parameter_count).detach()
    k = (theta.shape[-1] - 2) // 3
    pi, mu, s, a, b = theta.split([k, k, k, 1, 1], -1)
    pi, s = pi.softmax(-1), bounded(s).exp()

    def g(value: Tensor) -> Tensor:
        cdf = (pi * torch.sigmoid((value.unsqueeze(-1) - mu) / s)).sum(-1)
        z: Tensor = bounded(a.squeeze(-1)).exp() * torch.logit(cdf) + b.squeeze(-1)
        return z

    torch.testing.assert_close(rest, g(rest_x))
    return Evaluated(None, -slope_of(g, rest_x).log().sum(1))


def ode(layers: Sequence[Bijection], z: Tensor, x: Tensor) -> Evaluated:
    """Integrate z, M and the trace with a solver and derivatives of the test's own."""
    first = layers[0]
    assert isinstance(first, ContinuousLayer)
    field = first.field
    dim = z.shape[1]

    def slope(t: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        with torch.enable_grad():
            at = state[0].detach().requires_grad_()
            f = field(t, at)
            of_field = derivative(f, at)
        trace = of_field.diagonal(dim1=1, dim2=2).sum(1)
        return f.detach(), of_field @ state[1], trace

    start = torch.eye(dim).double().expand(len(z), dim, dim)
    times = torch.tensor([0.0, 1.0]).double()
    state = (z.detach(), start, torch.zeros(len(z)).double())
    ends = odeint(slope, state, times, method="rk4", options={"step_size": 0.01})
    return Evaluated(ends[0][-1], ends[2][-1], ends[1][-1])


def residual(layer: Bijection, z: Tensor, x: Tensor) -> Evaluated:
    assert isinstance(layer, ResidualBlock)
    at = x.detach().requires_grad_()
    g, _ = layer.residual.value_and_slopes(at, layer.residual.bounded_weight())
    torch.testing.assert_close(z, at + g)
    a = derivative(g, at)
    whole = torch.eye(z.shape[1]).double() + a
    powers, series = a, torch.zeros(len(z)).double()
    for k in range(1, 400):
        series = series + (-1) ** (k + 1) / k * powers.diagonal(dim1=1, dim2=2).sum(1)
        powers = powers @ a
    torch.testing.assert_close(series, whole.det().log(), rtol=0, atol=1e-6)
    assert LIPSCHITZ == 0.97
    return Evaluated(None, -whole.det().log(), whole.inverse())


def graphical(layer: Bijection, z: Tensor, x: Tensor) -> Evaluated:
    assert isinstance(layer, Autoregressive)
    theta = layer.conditioner(x).detach()
    slope = slope_of(lambda at: rational_quadratic(at, theta, BOUND)[0], z)
    return Evaluated(rational_quadratic(z, theta, BOUND)[0], slope.log().sum(1))


def mixed(layers: Sequence[Bijection], z: Tensor, x: Tensor) -> Evaluated:
    whole = torch.eye(z.shape[1]).double().expand(len(z), -1, -1)
    for layer in layers:
        at = z.detach().requires_grad_()
        z, _ = layer(at)
        whole = derivative(z, at) @ whole
    return Evaluated(z, torch.linalg.slogdet(whole)[1], whole)


class Card(NamedTuple):
    """Formulas of a card, how they are evaluated, and of how many layers they are (0: of all)."""

    equation: str
    log_det: str
    evaluate: Callable[..., Evaluated]
    layers: int = 1


CARDS: dict[str, Card] = {
    "planar": Card(
        r"z = x + \hat u\,\tanh(w^\top x + b), \qquad w^\top \hat u > -1",
        r"-\log\bigl(1 + h'\,w^\top\hat u\bigr)",
        planar,
    ),
    "radial": Card(
        r"z = x + \frac{\hat\beta}{\alpha + r}\,(x - c), \qquad r = \|x - c\|,"
        r"\quad \hat\beta > -\alpha",
        r"-(D - 1) \log a - \log\Bigl(1 + \frac{\hat\beta\alpha}{(\alpha + r)^2}\Bigr)",
        radial,
    ),
    "nice": Card(
        r"\begin{aligned} \text{scaling:}\quad & x = e^{s} \odot z \\"
        r"\text{coupling:}\quad & x_1 = z_1, \quad x_2 = z_2 + t(z_1) \end{aligned}",
        r"\sum_i s_i \\",
        nice,
    ),
    "realnvp": Card(
        r"x_1 = z_1, \qquad x_2 = z_2\, e^{s(z_1)} + t(z_1)",
        r"\sum_i s_i(z_1)",
        affine_coupling,
    ),
    "glow": Card(
        r"\begin{aligned} \text{coupling:}\quad & y_1 = z_1, \quad "
        r"y_2 = z_2\, e^{s'(z_1)} + t(z_1) \\"
        r"\text{linear:}\quad & v = W^{-1} y, \quad W = P L U \\"
        r"\text{normalization:}\quad & x = e^{s} \odot v + b \end{aligned}",
        r"\sum_i s_i - \sum_i \log|U_{ii}| + \sum_i s'_i(z_1)",
        glow,
        layers=3,
    ),
    "maf": Card(r"x_i = z_i\, e^{s_i(x_{<i})} + t_i(x_{<i})", r"\sum_i s_i(x_{<i})", maf),
    "iaf": Card(
        r"x_i = \bigl(z_i - t_i(z_{<i})\bigr)\, e^{-s_i(z_{<i})}", r"-\sum_i s_i(z_{<i})", iaf
    ),
    "nsf": Card(
        r"x_1 = z_1, \qquad x_2 = g_{\theta(z_1)}(z_2),"
        r"\quad g \text{ a monotone rational-quadratic spline}",
        r"\sum_i \log g'_{\theta(z_1)}(z_{2,i})",
        nsf,
    ),
    "flowpp": Card(
        r"\begin{aligned} x_1 &= z_1, \qquad z_2 = g_{\theta(z_1)}(x_2) \\"
        r"g(x) &= e^{a}\,\mathrm{logit}\Bigl(\sum_k \pi_k\,\sigma\bigl((x - \mu_k)/s_k\bigr)\Bigr)"
        r" + b,\quad \theta = (\pi, \mu, s, a, b) \end{aligned}",
        r"-\sum_i \log g'_{\theta(z_1)}(x_{2,i})",
        flowpp,
    ),
    "ffjord": Card(
        r"\dot z = f(z, t), \qquad x = z(1) = z(0) + \int_0^1 f(z(t), t)\, dt",
        r"\int_0^1 \mathrm{tr}\,\frac{\partial f}{\partial z}\bigl(z(t), t\bigr)\, dt",
        ode,
        layers=0,
    ),
    "flow_matching": Card(
        r"\min_f\ \mathbb{E}\,\bigl\|f\bigl((1-t)\,z + t\,x,\ t\bigr) - (x - z)\bigr\|^2",
        r"\int_0^1 \mathrm{tr}\,\frac{\partial f}{\partial z}\bigl(z(t), t\bigr)\, dt",
        ode,
        layers=0,
    ),
    "residual": Card(
        r"z = x + g(x), \qquad \mathrm{Lip}(g) \le 0.97",
        r"-\log\det(I + A) = -\sum_{k \ge 1} \frac{(-1)^{k+1}}{k}\,\mathrm{tr}\,A^k",
        residual,
    ),
    "graphical": Card(
        r"x_i = g_{\theta_i(x_{\mathrm{pa}(i)})}(z_i)",
        r"\sum_i \log g'_{\theta_i(x_{\mathrm{pa}(i)})}(z_i)",
        graphical,
    ),
    "mixed": Card(
        r"x = z_K, \qquad z_k = f_k(z_{k-1}), \qquad z_0 = z",
        r"\sum_{k=1}^{K} \log\Bigl|\det\frac{\partial z_k}{\partial z_{k-1}}\Bigr|",
        mixed,
        layers=0,
    ),
}


def scattered(name: str, dim: int, **options: Any) -> Flow:  # noqa: ANN401
    """Build a flow of two layers or blocks with weights away from their start, in float64."""
    flow = build_flow(name, dim, depth=2, width=12, **options)
    torch.manual_seed(1)
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return flow.double().eval()


def points(n: int, dim: int) -> Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def groups(flow: Flow, size: int) -> list[list[Bijection]]:
    layers = list(flow.bijections)
    size = size or len(layers)
    return [layers[i : i + size] for i in range(0, len(layers), size)]


@pytest.mark.parametrize("name", FLOW_FAMILIES)
def test_every_family_s_formulas_are_those_that_are_evaluated_here(name: str) -> None:
    family, card = FLOW_FAMILIES[name], CARDS[name]
    assert family.equation == card.equation
    assert card.log_det.replace(" ", "") in family.jacobian.replace(" ", "")
    assert r"\frac{\partial x}{\partial z}" in family.jacobian
    assert r"\partial z}{\partial x" not in family.jacobian


def test_no_command_of_a_formula_runs_into_the_next_word() -> None:
    r"""Parts of a formula that are put together without a space would give \\quady."""
    for family in FLOW_FAMILIES.values():
        for formula in (family.equation, family.jacobian):
            commands = re.findall(r"\\(q?quad\w*)", formula)
            assert set(commands) <= {"quad", "qquad"}, family.name


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", FLOW_FAMILIES)
def test_formulas_of_the_cards_are_the_code_s(name: str, dim: int) -> None:
    flow, card = scattered(name, dim), CARDS[name]
    atol = max(TOLERANCE, 10 * flow.tolerance)
    z = points(30, dim)
    for layers in groups(flow, card.layers):
        z = z.detach().requires_grad_()
        x, log_det = z, torch.zeros(len(z)).double()
        for layer in layers:
            x, of_layer = layer(x)
            log_det = log_det + of_layer
        by_code = derivative(x, z)
        found = card.evaluate(layers[0] if card.layers == 1 else layers, z, x.detach())
        torch.testing.assert_close(found.log_det, log_det, rtol=0, atol=atol)
        torch.testing.assert_close(
            found.log_det, torch.linalg.slogdet(by_code)[1], rtol=0, atol=atol
        )
        if found.x is not None:
            torch.testing.assert_close(found.x, x, rtol=0, atol=atol)
        if found.jacobian is not None:
            torch.testing.assert_close(found.jacobian, by_code, rtol=0, atol=10 * atol)
        z = x


@pytest.mark.parametrize(("name", "rank"), [("planar", 1), ("radial", 4)])
def test_a_radial_layer_is_not_the_identity_plus_rank_one(name: str, rank: int) -> None:
    layer = scattered(name, 4).bijections[0]
    x = points(10, 4).requires_grad_()
    jacobian = derivative(layer.inverse(x)[0], x)
    identity = torch.eye(4).double()
    assert (torch.linalg.matrix_rank(jacobian - identity, atol=1e-9) == rank).all()
    # Less its threefold eigenvalue, it has rank one: the other eigenvalue's.
    middle = torch.linalg.eigvals(jacobian).real.sort(dim=1)[0][:, 1]
    rest = jacobian - middle[:, None, None] * identity
    assert (torch.linalg.matrix_rank(rest, atol=1e-9) == 1).all()


def count_passes(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[], object], counts: Counter[str]
) -> int:
    """Return how often `work` evaluates a network, whatever kind of network it is."""
    forward_pass, residual_pass = networks.forward_pass, Contraction.value_and_slopes

    def counted(*arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401
        counts["passes"] += 1
        return forward_pass(*arguments, **keywords)

    def counted_residual(*arguments: Any) -> Any:  # noqa: ANN401
        counts["passes"] += 1
        return residual_pass(*arguments)

    with monkeypatch.context() as patch, torch.no_grad():
        for module in ("conditioner", "coupling", "graphical", "made"):
            patch.setattr(f"flowplay.flows.{module}.forward_pass", counted)
        patch.setattr(Contraction, "value_and_slopes", counted_residual)
        counts["passes"] = 0
        work()
    return counts["passes"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, {}) for name in FLOW_FAMILIES if name != "mixed"),
        ("nsf", {"conditioning": "autoregressive"}),
        ("graphical", {"edges": "none"}),
        ("graphical", {"edges": "backward"}),
    ],
)
def test_costs_in_passes_are_what_the_code_takes(
    name: str, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dim, flow, family = 5, scattered(name, 5, **options), FLOW_FAMILIES[name]
    # NICE's scaling, and Glow's linear layers, have no network.
    layer = flow.bijections[1 if name == "nice" else 0]
    z, counts = points(6, dim), Counter[str]()
    with torch.no_grad():
        x, _ = layer(z)

    def passes(work: Callable[[], object]) -> int:
        if isinstance(layer, ContinuousLayer):
            before = layer.field.evaluations
            with torch.no_grad():
                work()
            return layer.field.evaluations - before
        return count_passes(monkeypatch, work, counts)

    for text, work in (
        (family.inverse_cost, lambda: layer.inverse(x)),
        (family.forward_cost, lambda: layer(z)),
    ):
        if options.get("conditioning") == "autoregressive" and "autoregressive: " in text:
            text = text.partition("autoregressive: ")[2]
        said = re.match(r"(no network|several passes|1 pass|D passes)", text)
        assert said, text
        found = passes(work)
        if said[1] == "several passes":
            assert found > 1
        else:
            assert found == {"no network": 0, "1 pass": 1, "D passes": dim}[said[1]]


@pytest.mark.parametrize("name", [n for n, a in ARCHITECTURES.items() if a.conditioned])
def test_networks_have_as_many_hidden_layers_as_the_width_s_description_says(name: str) -> None:
    if name == "mixed":
        return
    model = build_model(RunConfig(architecture=name, depth=1, width=13), torch.randn(20, 2))
    networks_of = [
        m for m in model.modules() if {"first", "last"} <= dict(m.named_children()).keys()
    ]
    assert networks_of
    for network in networks_of:
        children = dict(network.named_children())
        assert ("second" not in children) == (name == "residual")
        assert ("third" in children) == (name == "gan")
        # A linear path beside the network is no part of it.
        own = (children[n] for n in ("first", "second", "third", "last") if n in children)
        sizes = {(m.in_features, m.out_features) for m in own if hasattr(m, "weight")}
        assert all(13 in size for size in sizes)


@pytest.mark.parametrize("name", [n for n in FLOW_FAMILIES if n != "mixed"])
def test_which_families_tend_to_the_identity_with_zero_weights(name: str) -> None:
    """Log-dets vanish where weight decay leads, but not those of planar and radial layers."""
    flow = build_flow(name, 2, depth=1, width=8).eval()
    with torch.no_grad():
        for p in flow.parameters():
            p.mul_(1e-6)
        x = torch.cat([torch.zeros(1, 2), torch.randn(50, 2)])
        largest = float(flow.inverse(x)[1].abs().max())
    if name in ("planar", "radial"):
        assert largest > 0.3
    else:
        assert largest < 1e-4


def test_every_flow_has_one_title_for_a_paper() -> None:
    cited = {a.paper.url: a.paper.title for a in ARCHITECTURES.values()}
    for family in ARCHITECTURES.values():
        assert cited[family.paper.url] == family.paper.title
    assert not {paper.url for paper in PAPERS} & set(cited), "the catalog has these already"
    assert "https://arxiv.org/abs/1811.00995" in {paper.url for paper in PAPERS}
