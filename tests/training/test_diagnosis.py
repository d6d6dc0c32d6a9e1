"""Verdicts: fine where a flow is fine, and a sentence on what to do where it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flowplay.config import RunConfig
from flowplay.training import RunState, new_run
from flowplay.training.diagnosis import diagnose
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
    assert "by heart" in found["Held-out NLL"]["sentence"]


def test_dead_layers_are_counted() -> None:
    state = replace(new_run(RunConfig(depth=3, width=8, samples=200)), step=100)
    found = verdicts(state)["Dead layers"]
    assert not found["fine"]
    assert found["value"] == "1, 2, 3"


def test_saturated_layers_and_lost_ways_back_are_seen() -> None:
    state = new_run(RunConfig(depth=8, width=8, samples=200))
    noise = np.random.default_rng(0).normal(0, 3, state.weights.shape)
    found = verdicts(replace(state, step=100, weights=noise.astype(np.float32)))
    assert not found["Saturated layers"]["fine"]
    assert not found["Largest inverse error"]["fine"]
