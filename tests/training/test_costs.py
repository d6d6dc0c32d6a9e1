"""Both directions of every family can be timed."""

from __future__ import annotations

import json

import pytest

from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.training import new_run
from flowplay.training.costs import measure
from flowplay.training.live import LiveRun
from flowplay.training.worker import measure_costs


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_family_has_a_price_both_ways(architecture: str) -> None:
    config = RunConfig(architecture=architecture, depth=2, samples=200)
    costs = measure(LiveRun(new_run(config)), points=50)
    assert costs["points"] == 50
    assert costs["log_prob_ms"] > 0
    assert costs["sample_ms"] > 0
    continuous = architecture in ("ffjord", "flow_matching")
    assert (costs["evaluations"] > 0) == continuous


def test_the_worker_answers_in_json() -> None:
    config = RunConfig(depth=1, width=4, samples=200)
    for state in (None, new_run(config).to_bytes()):
        answer = json.loads(measure_costs(config.model_dump_json(), state))
        assert set(answer) == {"points", "log_prob_ms", "sample_ms", "evaluations"}
