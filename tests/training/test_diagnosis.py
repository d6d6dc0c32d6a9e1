"""Verdicts: fine where a flow is fine, and a sentence on what to do where it is not."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from flowplay.catalog import FLOW_FAMILIES
from flowplay.config import RunConfig
from flowplay.flows import build_flow
from flowplay.kernels.layout import LOG_SCALE_BOUND
from flowplay.training import RunState, new_run
from flowplay.training.diagnosis import (
    FINE_CONDITION,
    _condition,
    _inverse,
    condition_numbers,
    diagnose,
    inverse_jacobians,
    log_scales,
)
from flowplay.training.layer_frames import flow_of
from flowplay.training.live_run import LiveRun
from flowplay.ui.example import example


def verdicts(state: RunState) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in diagnose(LiveRun(state), state).checks}


@pytest.fixture(scope="module")
def trained() -> RunState:
    return RunState.from_bytes(example().state)


def test_a_trained_flow_is_fine(trained: RunState) -> None:
    found = verdicts(trained)
    assert len(found) == 5
    assert all(check["fine"] for check in found.values()), found


def test_an_untrained_flow_is_not_blamed() -> None:
    found = verdicts(new_run(RunConfig(depth=2, width=8, samples=200)))
    assert all(check["fine"] for check in found.values()), found


def test_a_likelihood_that_falls_is_seen(trained: RunState) -> None:
    curve = np.array([[0, 2.0], [10, 0.5], [20, 0.9]])
    found = verdicts(replace(trained, held_out_curve=curve, train_loss=0.88))
    assert not found["Held-out NLL"]["fine"]
    assert "rewind" in found["Held-out NLL"]["sentence"]


def test_overfitting_is_seen(trained: RunState) -> None:
    curve = np.array([[0, 2.0], [10, 0.5]])
    found = verdicts(replace(trained, held_out_curve=curve, train_loss=0.1))
    assert "overfits" in found["Held-out NLL"]["sentence"]


def test_dead_layers_are_counted() -> None:
    state = replace(new_run(RunConfig(depth=3, width=8, samples=200)), step=100)
    found = verdicts(state)["Dead layers"]
    assert not found["fine"]
    assert found["value"] == "1, 2, 3"


def test_saturated_layers_and_lost_ways_back_are_seen() -> None:
    found = verdicts(scattered(RunConfig(depth=8, width=8, samples=200)))
    assert not found["Saturated layers"]["fine"]
    assert not found["Largest inverse error"]["fine"]
    assert not found["Condition number of the Jacobian"]["fine"]


def scattered(config: RunConfig, spread: float = 3.0) -> RunState:
    """Return a run with weights far from where any training would leave them."""
    state = new_run(config)
    noise = np.random.default_rng(0).normal(0, spread, state.weights.shape)
    return replace(state, step=100, weights=noise.astype(np.float32))


@pytest.mark.parametrize("architecture", list(FLOW_FAMILIES))
def test_only_layers_with_a_bound_can_be_saturated(architecture: str) -> None:
    run = new_run(RunConfig(architecture=architecture, depth=2, width=8, samples=200))
    bounds = {b.log_scale_bound for b in flow_of(LiveRun(run)).bijections} - {None}
    assert ("Saturated layers" in verdicts(run)) == bool(bounds)
    affine = {"realnvp", "glow", "maf", "iaf"}
    assert bounds == ({LOG_SCALE_BOUND} if architecture in affine else set())


@pytest.mark.parametrize("architecture", ["realnvp", "maf", "iaf"])
def test_a_layer_is_judged_by_the_scale_of_each_coordinate(architecture: str) -> None:
    """With s = (2.99, −2.99) areas stay as they are, and yet both scales are at their bound."""
    flow = build_flow(architecture, 2, depth=1, width=8)
    with torch.no_grad():
        for p in flow.parameters():
            p.zero_()
        *_, bias = flow.parameters()
        bias[::2] = 1000.0 * torch.tensor([1.0, -1.0])[: len(bias[::2])]
    states, _ = flow.eval().inverse_states(torch.randn(50, 2))
    scales = log_scales(inverse_jacobians(flow, states.detach()))
    assert scales.shape == (1, 50, 2)
    assert float(scales.max()) == pytest.approx(LOG_SCALE_BOUND, rel=5e-3)
    assert float(scales.max()) <= LOG_SCALE_BOUND + 1e-6


@pytest.mark.parametrize(("first", "second", "fine"), [(1e-3, 1e-3, True), (1e-3, 1e3, False)])
def test_the_condition_number_is_judged_and_not_the_determinant(
    first: float, second: float, fine: bool
) -> None:
    """A determinant of 1e-6 is harmless if all directions shrink alike; one of 1 may not be."""
    stretch = torch.tensor([[first, 0.0], [0.0, second]]).double()
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]]).double()
    layers = torch.stack([turn, stretch, turn]).unsqueeze(1)
    found = condition_numbers(layers)
    assert float(found[0]) == pytest.approx(max(first, second) / min(first, second))
    assert (float(found[0]) < FINE_CONDITION) == fine


def test_jacobians_that_are_not_finite_or_singular_have_no_finite_condition_number() -> None:
    layers = torch.ones(1, 2, 2, 2).double()
    layers[0, 1, 0, 0] = math.nan
    assert condition_numbers(layers)[1] == math.inf
    assert condition_numbers(layers)[0] > 1e15


def test_jacobians_are_those_of_the_whole_flow() -> None:
    torch.manual_seed(0)
    flow = build_flow("nsf", 2, depth=3, width=8).eval()
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.3 * torch.randn_like(p))
    x = torch.randn(20, 2)
    states, log_dets = flow.inverse_states(x)
    jacobians = inverse_jacobians(flow, states.detach())
    found = torch.linalg.slogdet(jacobians)[1]
    torch.testing.assert_close(found, log_dets.detach().double(), rtol=0, atol=1e-4)
    whole = torch.autograd.functional.jacobian(lambda x: flow.inverse(x)[0].sum(0), x)
    assert isinstance(whole, torch.Tensor)
    expected = torch.linalg.cond(whole.transpose(0, 1).double())
    torch.testing.assert_close(condition_numbers(jacobians), expected, rtol=1e-3, atol=0)


def test_what_is_found_is_written_as_all_numbers_are() -> None:
    assert _inverse(np.array([1.2e-6]), 1.0)["value"] == "1.2 × 10⁻⁶"
    assert _condition(np.array([1.5, 2.5e7]))["value"] == "1.5 to 2.5 × 10⁷"
