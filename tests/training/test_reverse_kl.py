"""The reverse KL: its gradient, its value, and what a run on an energy shows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from flowplay.catalog import FLOW_FAMILIES
from flowplay.config import RunConfig
from flowplay.errors import RefusedError
from flowplay.flows import FAMILIES, Flow, Inverse, build_flow
from flowplay.flows.base import standard_normal_log_prob
from flowplay.flows.chain import Link
from flowplay.models import build_model
from flowplay.problems import make_problem
from flowplay.problems.energies import KINDS, Energy
from flowplay.training import new_run, train_slice
from flowplay.training.live_run import LiveRun
from flowplay.training.objectives import ForwardKL, ReverseKL, objective_of
from flowplay.training.snapshots import judged

TRAINED_ON_DRAWS = [name for name in FAMILIES if name != "flow_matching"]
CPU = torch.device("cpu")


def config(**settings: object) -> RunConfig:
    given = {"target": "u1", "depth": 2, "width": 8, "batch_size": 64} | settings
    return RunConfig.from_flat(given)


def generate(flow: Flow, z: Tensor) -> Tensor:
    """Map one base point [D] to data, without a derivative that is written by hand."""
    x = z[None]
    for layer in flow.bijections:
        if isinstance(layer, Inverse) and isinstance(layer.bijection, Link):
            x = layer.bijection.normalize(x.t(), layer.bijection.tensors())[0].t()
        else:
            x = layer(x)[0]
    return x[0]


def independent_kl(flow: Flow, log_p: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """KL(q‖p) on base points z, its log-determinants from autograd's Jacobians."""
    x = torch.stack([generate(flow, one) for one in z])
    jacobians = [
        torch.autograd.functional.jacobian(lambda one: generate(flow, one), one, create_graph=True)
        for one in z
    ]
    log_det = torch.stack([torch.linalg.slogdet(j)[1] for j in jacobians])
    return (standard_normal_log_prob(z) - log_det - log_p(x)).mean()


@pytest.mark.parametrize("architecture", TRAINED_ON_DRAWS)
def test_gradient_is_that_of_an_independent_implementation(architecture: str) -> None:
    settings = config(architecture=architecture, batch_size=8)
    objective = objective_of(settings, CPU)
    assert isinstance(objective, ReverseKL)
    model = build_model(settings, objective.scaling_points).double()
    model.train()
    objective.initialize(model)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
            parameter.add_(noise, alpha=0.1)
    assert isinstance(model, Flow)
    # Estimates and coarse steps belong to training mode; here both ways must be exact.
    model.eval()
    energy = objective._judge.energy

    def log_p(x: Tensor) -> Tensor:
        value: Tensor = energy.log_unnormalized(x[:, 0], x[:, 1], torch)
        return value

    value, gradient = objective.loss_and_gradient(model, torch.Generator().manual_seed(3))
    z = model.base_sample(8, torch.Generator().manual_seed(3))
    loss = independent_kl(model, log_p, z)
    wanted = torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)
    tolerance = 1e-4 if architecture == "ffjord" else 1e-7
    assert float(value) == pytest.approx(float(loss.detach()) + energy.log_z, abs=tolerance)
    for ours, theirs in zip(gradient, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("architecture", [n for n, f in FLOW_FAMILIES.items() if f.turns])
def test_turned_layers_generate_in_closed_form(architecture: str) -> None:
    flow = build_flow(architecture, depth=2, width=8, turned=True)
    assert all(isinstance(layer, Inverse) for layer in flow.bijections)
    usual = build_flow(architecture, depth=2, width=8)
    assert not any(isinstance(layer, Inverse) for layer in usual.bijections)


def test_a_recipe_turns_those_of_its_layers_whose_family_does() -> None:
    flow = build_flow("mixed", width=8, turned=True, recipe="planar 1, maf 1, iaf 1, nsf 1")
    assert [isinstance(layer, Inverse) for layer in flow.bijections] == [True, False, True, True]


@pytest.mark.parametrize("architecture", TRAINED_ON_DRAWS)
def test_the_density_of_draws_is_log_prob(architecture: str) -> None:
    flow = build_flow(architecture, depth=2, width=8, turned=True).double().eval()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.05)
        x, log_q = flow.rsample_and_log_prob(100, torch.Generator().manual_seed(0))
        torch.testing.assert_close(flow.log_prob(x), log_q, rtol=1e-4, atol=1e-4)


def test_checkpoints_change_no_gradient() -> None:
    plain, again = (config(architecture="iaf", checkpoint=c) for c in (False, True))
    found = []
    for settings in (plain, again):
        objective = objective_of(settings, CPU)
        model = build_model(settings, objective.scaling_points).train()
        found.append(objective.loss_and_gradient(model, torch.Generator().manual_seed(0)))
    assert torch.equal(found[0][0], found[1][0])
    for ours, theirs in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(ours, theirs)


def test_while_it_anneals_the_gradient_is_that_of_a_weaker_energy() -> None:
    settings = config(annealing=0.5, architecture="iaf")
    objective = objective_of(settings, CPU)
    assert isinstance(objective, ReverseKL)
    model = build_model(settings, objective.scaling_points)
    whole, early, late = (
        objective.loss_and_gradient(model, torch.Generator().manual_seed(0), part)
        for part in (1.0, 0.0, 0.5)
    )
    assert objective.beta(0.0) == pytest.approx(0.01)
    assert objective.beta(0.25) == pytest.approx(0.505)
    assert objective.beta(0.5) == objective.beta(1.0) == 1
    assert float(early[0]) == pytest.approx(float(whole[0]), abs=1e-3), "its value is not annealed"
    assert not torch.allclose(early[1][-1], whole[1][-1])
    assert torch.equal(late[1][-1], whole[1][-1])


def test_a_larger_budget_does_not_anneal_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def beta(_: ReverseKL, part: float) -> float:
        seen.append(part)
        return 1.0

    monkeypatch.setattr(ReverseKL, "beta", beta)
    state, _ = train_slice(new_run(config(annealing=0.5, budget=10)), steps=10)
    assert seen == pytest.approx(np.linspace(0, 0.9, 10))
    longer = replace(state, hot_settings=state.hot_settings | {"budget": 1000})
    train_slice(longer, steps=3)
    assert seen[10:] == [1.0] * 3
    before = new_run(config(annealing=0.5, budget=10))
    train_slice(before, steps=0)
    train_slice(before, steps=3, hot=before.hot.model_copy(update={"budget": 100.0}))
    assert seen[13:] == pytest.approx([0, 0.01, 0.02]), "what is set first is what it begins with"
    shorter = replace(new_run(config(annealing=0.5, budget=1000)), hot_settings=state.hot_settings)
    train_slice(shorter, steps=6)
    assert seen[-1] == 0.5


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("architecture", ["iaf", "flowpp"])
def test_no_divergence_is_below_0_by_more_than_its_error(
    kind: type[Energy], architecture: str
) -> None:
    settings = config(target=kind.name, architecture=architecture, width=16, budget=120)
    state, snapshot = train_slice(new_run(settings), steps=120)
    assert not snapshot.header.failure
    live = LiveRun(state)
    objective = live.objective
    assert isinstance(objective, ReverseKL)
    log_w = objective._judge.draws(live.model, 4000)  # type: ignore[arg-type]
    error = float(log_w.std()) / math.sqrt(4000)
    found = judged(state, 4000)
    assert found["held_out"] >= -3 * error
    assert found["held_out"] < float(state.held_out_curve[0, 1]), "it has learned something"
    assert 0 < found["ess"] <= 1 + 1e-9
    assert found["elbo"] <= found["log_z"] + 1e-9, "Jensen"


def test_weights_of_a_perfect_model_are_all_the_same() -> None:
    """A Gaussian posterior that the flow starts at: KL 0, ESS 1, log Z right."""
    line = make_problem("posterior_line", pairs="")
    assert isinstance(line, Energy)
    settings = config(target="posterior_line", pairs="", architecture="realnvp")
    objective = objective_of(settings, CPU)
    # The prior has standard deviation 2; the model starts at a third of the window's half width.
    scale = float(line.start[1][0])
    model = build_model(settings, objective.scaling_points * 2.0 / scale).eval()
    kl, elbo, log_z, ess, forward = objective.judge(model, 2000)
    assert kl == pytest.approx(0, abs=1e-4)
    assert forward == pytest.approx(0, abs=1e-4)
    assert elbo == pytest.approx(line.log_z, abs=1e-4)
    assert log_z == pytest.approx(line.log_z, abs=1e-4)
    assert ess == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("part", [0, 3])
def test_where_a_run_is_cut_changes_nothing(part: int) -> None:
    settings = config(architecture="nsf", budget=6)
    whole, _ = train_slice(new_run(settings), steps=6)
    half, _ = train_slice(new_run(settings), steps=part)
    half, _ = train_slice(half, steps=6 - part)
    assert np.array_equal(whole.weights, half.weights)


def test_a_snapshot_tells_all_figures_with_what_they_are() -> None:
    _, snapshot = train_slice(new_run(config()), steps=2)
    labels = {m.label: (m.unit, m.exactness) for m in snapshot.measurements.values()}
    assert labels == {
        "train KL(q‖p)": ("nats", "estimate"),
        "KL(q‖p)": ("nats", "estimate"),
        "KL(p‖q)": ("nats", "estimate"),
        "ELBO": ("nats", "estimate"),
        "importance-weighted log Z": ("nats", "estimate"),
        "effective sample size": ("", "estimate"),
    }
    energy = make_problem("u1")
    assert isinstance(energy, Energy)
    told = snapshot.measurements
    assert told["held_out"].value == pytest.approx(energy.log_z - told["elbo"].value)
    assert all(len(curve.points) for curve in snapshot.curves.values())


def test_the_forward_divergence_learns_from_draws_of_the_target() -> None:
    settings = config(divergence="forward", architecture="realnvp", budget=150, samples=2000)
    objective = objective_of(settings, CPU)
    assert isinstance(objective, ForwardKL)
    state, snapshot = train_slice(new_run(settings), steps=150)
    assert snapshot.measurements["held_out"].label == "KL(p‖q)"
    assert snapshot.measurements["held_out"].value < state.held_out_curve[0, 1]
    assert snapshot.measurements["train"].label == "train KL(p‖q)"


def test_flow_matching_is_refused_without_data_but_not_with_them() -> None:
    with pytest.raises(RefusedError, match=r"learns from data.*Choose the forward KL"):
        new_run(config(architecture="flow_matching"))
    _, snapshot = train_slice(
        new_run(config(architecture="flow_matching", divergence="forward", samples=500)), steps=1
    )
    assert snapshot.measurements["held_out"].label == "KL(p‖q)"


def test_without_data_a_large_step_is_refused_too() -> None:
    with pytest.raises(RefusedError, match="lower the batch size"):
        new_run(config(architecture="iaf", depth=64, width=512, batch_size=16_384))


def test_the_posterior_predictive_of_a_flow_is_that_of_quadrature() -> None:
    """To 0.01 in probability, as acceptance asks, after a short run."""
    settings = RunConfig.from_flat(
        {"target": "posterior_logistic", "architecture": "realnvp", "depth": 6, "width": 32}
        | {"budget": 500, "annealing": 0.0, "seed": 5}
    )
    state, _ = train_slice(new_run(settings), steps=500)
    from flowplay.problems import Posterior

    posterior = settings.problem()
    assert isinstance(posterior, Posterior)
    inputs = np.linspace(-3, 3, 13)
    weights = LiveRun(state).model.sample(40_000, 1.0, torch.Generator().manual_seed(0)).numpy()
    predictor = weights[:, :1] + weights[:, 1:] * inputs
    seen = posterior.mean_output(predictor).mean(0)
    assert np.abs(seen - posterior.predictive(inputs)).max() < 0.01
