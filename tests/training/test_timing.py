"""Both directions of every family can be timed."""

from __future__ import annotations

import json

import pytest

from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.training import new_run
from flowplay.training.live_run import LiveRun
from flowplay.training.timing import measure
from flowplay.training.worker import measure_timing


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_family_is_timed_both_ways(architecture: str) -> None:
    config = RunConfig(architecture=architecture, depth=2, samples=200)
    timing = measure(LiveRun(new_run(config)), points=50)
    assert timing["points"] == 50
    if config.entry.likelihood == "none":
        assert timing["log_prob_ms"] is None
    else:
        assert timing["log_prob_ms"] is not None
        assert timing["log_prob_ms"] > 0
    assert timing["sample_ms"] > 0
    continuous = architecture in ("ffjord", "flow_matching", "diffusion")
    assert (timing["evaluations"] > 0) == continuous


def test_the_worker_answers_in_json() -> None:
    config = RunConfig(depth=1, width=4, samples=200)
    for state in (None, new_run(config).to_bytes()):
        answer = json.loads(measure_timing(config.model_dump_json(), state))
        assert set(answer) == {"points", "log_prob_ms", "sample_ms", "evaluations"}
