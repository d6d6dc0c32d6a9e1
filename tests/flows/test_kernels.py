"""Compiled kernels, judged by the torch modules in float64, whose derivatives autograd judges."""

from __future__ import annotations

import copy
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from deadline import until
from test_bijections import CASES
from test_bijections import random_flow as flow_at_random
from torch import Tensor

from flowplay import kernels
from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.flows import Flow, build_flow, compiled
from flowplay.flows.compiled import Compilable
from flowplay.flows.continuous import ContinuousLayer, evaluations
from flowplay.flows.inverse import InverseLink
from flowplay.flows.realnvp import AffineCoupling
from flowplay.kernels import build, library, process
from flowplay.training import RunState, cost, new_run, pool, train_slice
from flowplay.training.live_run import LiveRun
from flowplay.training.snapshots import held_out_loss_of
from flowplay.training.worker import run_slice
from flowplay.wire import Snapshot

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="there is no compiler"
)

#: Largest difference to float64, of the whole.
CLOSE = 1e-5

SMALL = RunConfig(depth=2, width=8, samples=500, batch_size=32, budget=1000)

REAL_PATH = library.path

#: A flow with each kind of layer and of map that kernels know.
KNOWN = [
    *("nice", "realnvp", "glow", "maf", "nsf", "nsf-conditioning=autoregressive", "flowpp"),
    *("graphical", "iaf"),
]


#: Those whose training kernels know; torch generates, or kernels solve an ODE.
MADE_BY_TORCH = ["residual", "ffjord"]
TRAINED = [*KNOWN, *MADE_BY_TORCH]

#: Trained by torch; without noise it is what kernels know.
LEARNED = "graphical-edges=learned"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    process._here = process._Process()


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the kernels; the first test on a machine compiles them."""
    monkeypatch.delenv(process.VARIABLE)
    process._here = process._Process()
    assert kernels.prepare(wait=True) is not None


def random_flow(name: str, dim: int, dtype: torch.dtype = torch.float64) -> Flow:
    """Return a flow far from the identity, whose layers have seen a first batch."""
    flow = flow_at_random(name, dim, dtype=dtype)
    for buffer_name, buffer in flow.named_buffers():
        if buffer_name.endswith("initialized"):
            buffer.fill_(True)
    # In evaluation mode its solver adapts its steps, and it is no chain to the kernels.
    return flow.train() if name == "ffjord" else flow


def linked(flow: Flow) -> bool:
    return all(isinstance(b, Compilable) and b.kernel_layers() for b in flow.bijections)


def total(gradients: list[Tensor]) -> Tensor:
    return torch.cat([g.flatten() for g in gradients]).double()


def judged(flow: Flow, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return torch's log-densities [B], their gradients [B, D], and that of the loss."""
    x = x.requires_grad_()
    with kernels.withheld():
        log_prob = flow.log_prob(x)
        (g_x,) = torch.autograd.grad(log_prob.sum(), x, retain_graph=True)
        g = torch.autograd.grad(-log_prob.mean(), list(flow.parameters()), materialize_grads=True)
    return log_prob.detach(), g_x, total(list(g))


def rounding_factor(name: str) -> float:
    """Return how much larger than that of torch the rounding of kernels may be.

    In a graph a coordinate without parents has one spline for all points. Its rounding is the same
    for all of them, so it does not average out. With seven draws of the weights kernels were wrong
    in 0.4 to 2.6 times as many points as torch; with sixteen, the median error of a log-density was
    0.5 to 2.4 times that of torch, and 1.04 times on average.
    """
    return 3.0 if name.startswith("graphical") else 1.0


def resolved(name: str, dim: int, x: Tensor) -> Tensor:
    """Leave out points so near to a knot that float32 cannot tell on which side they are.

    The kernels may be wrong in no more points than torch in float32 is, but for `rounding_factor`.
    """
    exact = judged(random_flow(name, dim), x.double())[1]
    torchs = judged(random_flow(name, dim, torch.float32), x.clone())[1].double()
    points = x.clone().requires_grad_()
    log_prob = random_flow(name, dim, torch.float32).log_prob(points)
    found = torch.autograd.grad(log_prob.sum(), points)[0].double()
    allowed = CLOSE * (1 + exact.norm(dim=-1))
    wrong, wrong_in_torch = ((g - exact).norm(dim=-1) > allowed for g in (found, torchs))
    assert wrong_in_torch.float().mean() < 0.2
    assert wrong.sum() <= 1.5 * rounding_factor(name) * wrong_in_torch.sum() + 0.01 * len(x)
    return x[~(wrong | wrong_in_torch)]


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(("name", "dim"), CASES)
def test_kernels_agree_with_torch(name: str, dim: int) -> None:
    flow = random_flow(name, dim, dtype=torch.float32)
    if not any(isinstance(b, Compilable) and b.kernel_layers() for b in flow.bijections[:-1]):
        pytest.skip("torch does it all")
    if not linked(flow) and name != "mixed":
        pytest.skip("torch does it all")
    x = resolved(name, dim, flow.sample(700))
    log_prob, g_x, g = judged(random_flow(name, dim), x.double())
    near = rounding_factor(name) * CLOSE

    loss, found = flow.loss_and_gradient(x)
    assert float(loss) == pytest.approx(float(-log_prob.mean()), rel=CLOSE)
    # What torch in float32 cannot tell either is not asked.
    rounding = (judged(random_flow(name, dim, torch.float32), x.clone())[2] - g).norm()
    assert (total(found) - g).norm() <= rounding_factor(name) * CLOSE * g.norm() + rounding

    with torch.no_grad():
        torch.testing.assert_close(flow.log_prob(x).double(), log_prob, rtol=near, atol=near)
    points = x.clone().requires_grad_()
    value = flow.log_prob(points)
    torch.testing.assert_close(value.detach().double(), log_prob, rtol=near, atol=near)
    (found_x,) = torch.autograd.grad(value.sum(), points)
    assert (found_x.double() - g_x).norm() <= CLOSE * g_x.norm()


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(("name", "dim"), CASES)
def test_kernels_generate_as_torch_does(name: str, dim: int) -> None:
    flow = random_flow(name, dim, dtype=torch.float32)
    if (not linked(flow) and name != LEARNED) or name in MADE_BY_TORCH:
        pytest.skip("torch does it all")
    z = torch.randn(700, dim, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        x, log_det = flow.forward(z)
        exact, exact_log_det = random_flow(name, dim).forward(z.double())
        with kernels.withheld():
            torchs, torchs_log_det = flow.forward(z)
    # A spline's log-derivative jumps in its slope at knots: no nearer than torch in float32.
    for found, in_torch, wanted in (
        (x, torchs, exact),
        (log_det, torchs_log_det, exact_log_det),
    ):
        error = (found.double() - wanted).abs().max()
        assert error <= CLOSE * (1 + wanted.abs().max()) + 2 * (in_torch - wanted).abs().max()
    back, undone = flow.inverse(x)
    torch.testing.assert_close(back, z, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(undone, -log_det, rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("dim", [2, 5])
def test_a_learned_graph_has_its_densities_from_kernels(
    dim: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the gates as they are now, some of them closed or half open."""
    flow, exact = (random_flow(LEARNED, dim, dtype) for dtype in (torch.float32, torch.float64))
    logits = torch.linspace(-4, 4, dim * dim).view(dim, dim)
    for one in (flow, exact):
        (of_graph,) = (p for name, p in one.named_parameters() if name.endswith("graph.logits"))
        of_graph.data.copy_(logits)
    asked: list[compiled.Compiled] = []
    true = compiled.Compiled.normalize

    def normalize(chain: compiled.Compiled, x: Tensor) -> tuple[Tensor, Tensor]:
        asked.append(chain)
        return true(chain, x)

    monkeypatch.setattr(compiled.Compiled, "normalize", normalize)
    x = flow.sample(700)
    with torch.no_grad():
        found, wanted = flow.log_prob(x), exact.log_prob(x.double())
        assert len(asked) == len(flow.bijections)
        torch.testing.assert_close(found.double(), wanted, rtol=CLOSE, atol=2 * CLOSE)
        with kernels.withheld():
            torch.testing.assert_close(flow.log_prob(x), found, rtol=1e-4, atol=1e-4)
        of_graph = next(p for n, p in flow.named_parameters() if n.endswith("graph.logits"))
        of_graph.add_(1)
        assert not torch.equal(flow.log_prob(x), found)


@pytest.mark.usefixtures("there")
def test_layers_that_share_weights_stand_in_a_chain_with_others() -> None:
    """A graphical layer is one for each coordinate: what lies before and behind keeps its place."""
    flow = build_flow("mixed", 3, width=16, recipe="maf 1, graphical 2, nice 1, nsf 1").eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.1 * torch.randn_like(p))
    x = flow.sample(300)
    loss, found = flow.loss_and_gradient(x)
    assert len(found) == 1
    with kernels.withheld():
        expected, wanted = flow.loss_and_gradient(x)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    assert (total(found) - total(wanted)).norm() <= 1e-4 * total(wanted).norm()


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("architecture", ["realnvp", "nsf", "maf", "ffjord"])
def test_a_mixture_base_is_trained_with_kernels_too(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"architecture": architecture, "base_components": 3, "depth": 3, "width": 16}
    live = LiveRun(new_run(RunConfig.from_flat(settings)))
    assert isinstance(live.model, Flow)
    live.model.train()
    x = live.held_out[:200]
    with kernels.withheld():
        loss, wanted = live.model.loss_and_gradient(x)
    asked: list[Tensor] = []
    true = compiled.Compiled.differentiate

    def differentiate(chain: compiled.Compiled, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        asked.append(arguments[0])
        return true(chain, *arguments)

    monkeypatch.setattr(compiled.Compiled, "differentiate", differentiate)
    quick, found = live.model.loss_and_gradient(x)
    assert len(asked) == 1
    torch.testing.assert_close(quick, loss, rtol=1e-5, atol=1e-5)
    assert (total(found) - total(wanted)).norm() <= 1e-4 * total(wanted).norm()


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("dim", [2, 5])
def test_a_field_is_fitted_with_kernels_as_with_torch(dim: int) -> None:
    piece = random_flow("flow_matching", dim, torch.float32).bijections[0]
    assert isinstance(piece, ContinuousLayer)
    field = piece.field
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        t = torch.rand(700, 1, generator=generator)
        x, target = torch.randn(2, 700, dim, generator=generator)
        loss, found = field.squared_error(t, x, target)
        with kernels.withheld():
            expected, wanted = (
                copy.deepcopy(field).double().squared_error(t.double(), x.double(), target.double())
            )
        assert float(loss) == pytest.approx(float(expected), rel=CLOSE)
        for ours, torchs in zip(found, wanted, strict=True):
            assert ours.shape == torchs.shape
            assert (ours.double() - torchs).norm() <= CLOSE * torchs.norm()
        # The next look must see them as they are then.
        with torch.no_grad():
            for p in field.parameters():
                p.add_(0.1 * torch.randn(p.shape, generator=generator))


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("dim", [1, 2, 5, 10])
@pytest.mark.parametrize("n", [1, 31, 200])
def test_a_field_is_solved_with_kernels_as_with_torch(dim: int, n: int) -> None:
    flow = random_flow("ffjord", dim, torch.float32).eval()
    x = 2 * torch.randn(n, dim, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        solved = [*flow.inverse(x), *flow.forward(x), *flow.inverse_states(x)]
        solved += flow.forward_states(x)
        double = copy.deepcopy(flow).double()
        with kernels.withheld():
            y = x.double()
            wanted = [*double.inverse(y), *double.forward(y), *double.inverse_states(y)]
            wanted += double.forward_states(y)
    for ours, exact in zip(solved, wanted, strict=True):
        assert ours.shape == exact.shape
        # The tolerance holds for each of some ten steps.
        assert (ours.double() - exact).abs().max() <= 2e-4 * (1 + exact.abs().max())


@pytest.mark.usefixtures("there")
def test_training_does_not_exploit_coarse_steps() -> None:
    """Without the penalty on rough steps the loss is 2 nats below the entropy, the NLL 4 above."""
    config = RunConfig(architecture="ffjord", depth=2, width=32, budget=800)
    state, _ = train_slice(new_run(config), steps=800)
    target = config.problem().density
    assert target is not None
    nll = held_out_loss_of(state, 2000)
    assert nll is not None
    assert state.train_loss is not None
    assert state.train_loss > target.entropy
    assert nll < target.entropy + 0.3


@pytest.mark.usefixtures("there")
def test_broken_points_break_their_block_and_a_field_that_is_too_steep_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiled, "SOLVED_BLOCK", 10)
    flow = random_flow("ffjord", 2, torch.float32).eval()
    x = torch.randn(40, 2)
    x[3, 0], x[25, 1] = float("nan"), float("inf")
    with torch.no_grad():
        z, log_det = flow.inverse(x)
        broken = [i // 10 in (0, 2) for i in range(40)]
        assert (~z.isfinite().all(-1)).tolist() == broken
        assert (~log_det.isfinite()).tolist() == broken
        for p in list(flow.parameters()):
            p.mul_(1e6)
        z, log_det = flow.inverse(torch.randn(20, 2))
    assert z.isnan().all()
    assert log_det.isnan().all()


@pytest.mark.usefixtures("there")
def test_points_may_lie_in_memory_by_columns() -> None:
    for name in ("realnvp", "ffjord"):
        flow = random_flow(name, 3, torch.float32).eval()
        x = torch.randn(40, 3)
        turned = x.t().contiguous().t()
        with torch.no_grad():
            torch.testing.assert_close(flow.inverse(turned), flow.inverse(x))
            torch.testing.assert_close(flow.forward(turned), flow.forward(x))


@pytest.mark.usefixtures("there")
def test_evaluations_of_a_solved_field_are_counted() -> None:
    flow = random_flow("ffjord", 2, torch.float32).eval()
    x = torch.randn(100, 2)

    def asked() -> int:
        before = evaluations(flow)
        with torch.no_grad():
            flow.log_prob(x)
        return evaluations(flow) - before

    quick = asked()
    with kernels.withheld():
        # Torch's solver looks once more to begin.
        assert quick / 2 <= asked() <= 2 * quick


@pytest.mark.usefixtures("there")
def test_what_is_solved_with_a_gradient_is_left_to_torch() -> None:
    flow = random_flow("ffjord", 2, torch.float32).eval()
    x = torch.randn(9, 2, requires_grad=True)
    log_prob = flow.log_prob(x)
    (gradient,) = torch.autograd.grad(log_prob.sum(), x)
    assert gradient.abs().sum() > 0
    with torch.no_grad():
        torch.testing.assert_close(flow.log_prob(x), log_prob, rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("name", KNOWN)
def test_what_is_generated_of_broken_numbers_is_broken(name: str) -> None:
    flow = random_flow(name, 2, dtype=torch.float32)
    z = torch.randn(20, 2)
    z[0, 0] = z[7, 1] = float("nan")
    with torch.no_grad():
        x, log_det = flow.forward(z)
        finite = x.isfinite().all(-1)
        assert finite.tolist() == [i not in (0, 7) for i in range(len(x))]
        for p in list(flow.parameters())[-1:]:
            p.fill_(float("nan"))
        x, log_det = flow.forward(torch.randn(20, 2))
    assert not (x.isfinite().all() and log_det.isfinite().all())


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("value", [-100.0, -89.0, 89.0, 100.0])
def test_a_scale_beyond_float32_is_not_hidden(value: float) -> None:
    """A log-scale of ActNorm that is too large makes numbers infinite, in kernels as in torch."""
    flow = random_flow("glow", 2, dtype=torch.float32)
    scale = next(p for name, p in flow.named_parameters() if name.endswith("log_scale"))
    shift = next(p for name, p in flow.named_parameters() if name.endswith("shift"))
    with torch.no_grad():
        scale.fill_(value)
        shift.fill_(0.0)
    x, z = torch.zeros(4, 2), torch.randn(9, 2, generator=torch.Generator().manual_seed(0))

    def finite() -> list[Tensor]:
        loss, gradients = flow.loss_and_gradient(x)
        with torch.no_grad():
            made, _ = flow.forward(z)
        return [loss.isfinite(), total(gradients).isfinite().all(), made.isfinite()]

    ours = finite()
    with kernels.withheld():
        torchs = finite()
    for one, other in zip(torchs, ours, strict=True):
        assert not (other & ~one).any(), "finite where torch is not"


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("name", TRAINED)
def test_every_layer_of_these_families_is_compiled(name: str) -> None:
    flow = random_flow(name, 2, dtype=torch.float32)
    _, gradients = flow.loss_and_gradient(flow.sample(10))
    assert [g.shape for g in gradients] == [(sum(p.numel() for p in flow.parameters()),)]
    for link in flow.bijections:
        assert compiled.compiled([link], torch.zeros(1, 2)) is not None  # type: ignore[list-item]


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_broken_numbers_come_out_broken(name: str, value: float) -> None:
    """Where a gradient in torch is not finite, that of the kernels is not either."""
    x = random_flow(name, 2, dtype=torch.float32).sample(50)
    broken = 0
    for position in range(5):
        flow = random_flow(name, 2, dtype=torch.float32)
        parameters = list(flow.parameters())
        with torch.no_grad():
            parameters[position * (len(parameters) - 1) // 4].view(-1)[-1] = value
        with kernels.withheld():
            loss, gradients = flow.loss_and_gradient(x)
        fine = bool(loss.isfinite() and total(gradients).isfinite().all())
        loss, gradients = flow.loss_and_gradient(x)
        broken += not fine
        assert fine or not (loss.isfinite() and total(gradients).isfinite().all())
    assert broken
    flow = random_flow(name, 2, dtype=torch.float32)
    x[0, 0] = x[7, 1] = value
    assert not flow.loss_and_gradient(x)[0].isfinite()
    with torch.no_grad():
        finite = flow.log_prob(x).isfinite()
    assert finite.tolist() == [i not in (0, 7) for i in range(len(x))]


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("name", ["realnvp", "maf", "iaf", "residual", "ffjord"])
@pytest.mark.parametrize("n", [1, 2, 47, 300])
def test_wide_networks_and_few_points(name: str, n: int) -> None:
    """Products of more terms than a panel has, and points that fill no tile."""
    torch.manual_seed(0)
    flow = build_flow(name, 2, depth=2, width=130, seed=0)
    flow.initialize_from(torch.randn(100, 2))
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.05 * torch.randn_like(p))
    x = torch.randn(n, 2)
    loss, found = flow.loss_and_gradient(x)
    with kernels.withheld():
        expected, wanted = copy.deepcopy(flow).double().loss_and_gradient(x.double())
    assert float(loss) == pytest.approx(float(expected), rel=CLOSE)
    assert (total(found) - total(wanted)).norm() <= 2 * CLOSE * total(wanted).norm()


@pytest.mark.usefixtures("there")
def test_the_inverse_of_a_coupling_is_left_to_torch() -> None:
    """Its parameters depend on coordinates that are not mapped: one pass back is not all."""
    assert not InverseLink(AffineCoupling(3, 8, swap=False)).kernel_layers()


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("value", [1e9, 1e11, 1e18])
def test_large_weights_of_a_residual_block_do_not_switch_it_off(value: float) -> None:
    flow = random_flow("residual", 2, torch.float32)
    last = next(p for name, p in flow.named_parameters() if name.endswith("last.weight"))
    with torch.no_grad():
        last[0] = value
        x = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
        found = flow.log_prob(x)
        exact = copy.deepcopy(flow).double().log_prob(x.double())
    torch.testing.assert_close(found.double(), exact, rtol=1e-3, atol=1e-3)
    loss, gradient = flow.loss_and_gradient(x)
    expected, wanted = copy.deepcopy(flow).double().loss_and_gradient(x.double())
    assert float(loss) == pytest.approx(float(expected), rel=1e-3)
    assert (total(gradient) - total(wanted)).norm() <= 1e-3 * total(wanted).norm()


@pytest.mark.usefixtures("there")
def test_a_field_is_fitted_after_it_was_moved_or_looked_at() -> None:
    piece = random_flow("flow_matching", 2, torch.float64).bijections[0]
    assert isinstance(piece, ContinuousLayer)
    field = piece.field
    t, x = torch.rand(9, 1), torch.randn(9, 2)
    with torch.inference_mode():
        field.float().squared_error(t, x, x)
    field.double().squared_error(t.double(), x.double(), x.double())
    before = field.evaluations
    loss, _ = field.float().squared_error(t, x, x)
    with kernels.withheld():
        expected, _ = field.squared_error(t, x, x)
    assert field.evaluations == before + 2
    torch.testing.assert_close(loss, expected)


@pytest.mark.usefixtures("there")
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = random_flow("nsf", 5, dtype=torch.float32)
    x = flow.sample(100)
    loss, gradient = flow.loss_and_gradient(x)
    with torch.no_grad():
        log_prob = flow.log_prob(x)
    monkeypatch.setattr(compiled, "BLOCK", 33)
    again, gradient_again = flow.loss_and_gradient(x)
    torch.testing.assert_close(again, loss)
    assert (total(gradient) - total(gradient_again)).norm() < CLOSE * total(gradient).norm()
    with torch.no_grad():
        torch.testing.assert_close(flow.log_prob(x), log_prob)


@pytest.mark.usefixtures("there")
def test_weights_and_constants_are_read_anew() -> None:
    """As they are at each call, wherever they lie."""
    flow = random_flow("maf", 2, dtype=torch.float32)
    x = flow.sample(20)

    def same() -> None:
        with torch.no_grad():
            found = flow.log_prob(x)
            with kernels.withheld():
                torch.testing.assert_close(found, flow.log_prob(x), rtol=1e-4, atol=1e-4)

    same()
    with torch.no_grad():
        for p in flow.parameters():
            p.data = 1.1 * p.data
        flow.bijections[-1].get_buffer("mean").add_(0.3)
    same()
    other = copy.deepcopy(flow)
    with torch.no_grad():
        next(flow.parameters()).add_(0.1)
    same()
    flow = other
    same()
    flow = flow.double()
    x = x.double()
    same()
    flow.loss_and_gradient(x)


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("architecture", ["realnvp", "nsf", "glow", "graphical"])
def test_slices_can_be_cut_anywhere_lost_and_trained_again(architecture: str) -> None:
    shared = SMALL.model_dump(exclude={"architecture", "options"})
    config = RunConfig(architecture=architecture, **shared)
    begin = new_run(config)
    whole, snapshot = train_slice(begin, steps=60)
    pieces = begin
    for steps in (1, 7, 30, 22):
        lost, _ = train_slice(pieces, steps=steps)
        pieces, _ = train_slice(pieces, steps=steps)
        assert np.array_equal(lost.weights, pieces.weights)
        pool._pool.cache_clear()
        pieces = RunState.from_bytes(pieces.to_bytes())
    assert np.array_equal(whole.weights, pieces.weights)
    assert np.array_equal(whole.optimizer, pieces.optimizer)
    # Kernels that come between two slices change rounding alone.
    with kernels.withheld():
        first, _ = train_slice(begin, steps=30)
        torchs, _ = train_slice(first, steps=30)
    switched, _ = train_slice(first, steps=30)
    assert np.allclose(torchs.weights, switched.weights, atol=2e-3)
    held_out = snapshot.measurements["held_out"].value
    assert held_out < begin.held_out_curve[0, 1]


@pytest.mark.usefixtures("there")
def test_a_worker_s_slice_loads_kernels_but_a_first_picture_does_not() -> None:
    process._here = process._Process()
    run_slice(SMALL.model_dump_json(), None, {"steps": 0})
    assert kernels.loaded() is None
    _, snapshot = run_slice(SMALL.model_dump_json(), None, {"steps": 3})
    assert kernels.loaded() is not None
    assert Snapshot.from_bytes(snapshot).header.step == 3


@pytest.mark.usefixtures("there")
def test_what_a_run_may_take_does_not_depend_on_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "_limit", lambda state: 2**20)
    with kernels.withheld():
        told = _refusal()
    assert _refusal() == told


def _refusal() -> str:
    with pytest.raises(RefusedError) as error:
        new_run(SMALL.model_copy(update={"batch_size": 65536, "width": 128}))
    return str(error.value)


def test_without_a_compiler_all_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(process.VARIABLE)
    process._here = process._Process()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert kernels.prepare(wait=True) is None
    state, _ = train_slice(new_run(SMALL), steps=2)
    assert state.step == 2


@pytest.mark.usefixtures("there")
def test_a_file_that_others_can_write_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if not hasattr(os, "getuid"):
        pytest.skip("this system has no such modes")
    file = tmp_path / "kernels.o"
    file.write_bytes(library.path().read_bytes())
    file.chmod(0o666)
    process._here = process._Process()
    monkeypatch.setattr(library, "path", lambda: file)
    assert kernels.prepare() is None
    assert "without compiled kernels" in caplog.text


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Look for the kernels where they are not yet."""
    monkeypatch.delenv(process.VARIABLE, raising=False)
    process._here = process._Process()
    file = tmp_path / "kernels.o"
    monkeypatch.setattr(library, "path", lambda: file)
    return file


def test_only_one_process_compiles(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library.mark().touch()
    assert build.main() == library.ANOTHER_COMPILES
    monkeypatch.setattr(build, "build", lambda path: path.touch())
    os.utime(library.mark(), (0, 0))
    assert build.main() == 0
    assert [p.name for p in nowhere.parent.iterdir()] == [nowhere.name]
    monkeypatch.setattr(build, "build", lambda path: pytest.fail("it is there"))
    assert build.main() == 0


@pytest.mark.usefixtures("nowhere")
def test_no_process_is_started_while_another_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []

    def start(*arguments: object, **keywords: object) -> subprocess.Popen[bytes]:
        started.append(arguments)
        return subprocess.Popen([sys.executable, "-c", ""])

    monkeypatch.setattr(process, "_compiler", start)
    library.mark().touch()
    assert kernels.prepare() is None
    assert not started
    assert not process._here.hopeless
    os.utime(library.mark(), (0, 0))
    assert kernels.prepare() is None
    assert len(started) == 1


@pytest.mark.usefixtures("there")
def test_who_waits_for_the_kernels_waits_for_another_that_compiles(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = REAL_PATH().read_bytes()

    def written(seconds: float) -> None:
        nowhere.write_bytes(code)
        library.mark().unlink()

    library.mark().touch()
    monkeypatch.setattr(time, "sleep", written)
    monkeypatch.setattr(process, "_compiler", lambda: pytest.fail("another compiles"))
    assert kernels.prepare(wait=True) is not None


def test_the_mark_stays_fresh_as_long_as_it_takes(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build_slowly(path: Path) -> None:
        os.utime(library.mark(), (0, 0))
        until(library.being_compiled, what="the mark is touched")

    monkeypatch.setattr(build, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(build, "build", build_slowly)
    assert build.main() == 0
    assert not library.mark().exists()


def test_the_compiling_process_ends_well_while_its_parent_lives(tmp_path: Path) -> None:
    without_numba = (
        "import sys; from flowplay.kernels import build; build.build = lambda path: path.touch();"
        "sys.exit(build.main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", without_numba, "--with-parent"],
        stdin=subprocess.PIPE,
        env=os.environ | {"FLOWPLAY_CACHE": str(tmp_path)},
    ) as compiler:
        assert compiler.wait(60) == 0
    assert [p.suffix for p in tmp_path.iterdir()] == [".o"]


@pytest.mark.parametrize("why", ["switched off", "no compiler", "no process"])
def test_a_server_that_cannot_compile_goes_on(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **keywords: object) -> None:
        assert why == "no process"
        raise OSError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refused)
    if why != "switched off":
        monkeypatch.delenv(process.VARIABLE)
    if why == "no compiler":
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    kernels.compile_ahead()


def test_of_two_that_begin_at_once_both_get_the_kernels(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who begin at once both start a process; the mark tells one of these to end."""
    answers = [library.ANOTHER_COMPILES, 0]

    def compiler() -> subprocess.Popen[bytes]:
        status = answers.pop(0)
        if status == 0:
            library.path().touch()
        return subprocess.Popen([sys.executable, "-c", f"raise SystemExit({status})"])

    monkeypatch.setattr(process, "_compiler", compiler)
    process._compile(wait=True)
    assert answers == []


def test_a_cache_that_cannot_be_written_is_told_by_the_worker(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The server says nothing; the worker that tries again does."""

    def failing() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "raise SystemExit(1)"]
        return subprocess.Popen(command, stdin=subprocess.PIPE)

    monkeypatch.setattr(process, "_compiler", failing)
    kernels.compile_ahead()
    assert not caplog.text
    assert kernels.prepare(wait=True) is None
    assert "the compiler ended with status 1" in caplog.text
