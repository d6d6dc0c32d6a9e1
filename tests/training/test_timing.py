"""Both directions of every family can be timed."""

from __future__ import annotations

import json

import pytest
import torch

from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.training import new_run, timing
from flowplay.training.data import held_out_points
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


@pytest.mark.parametrize(("took", "calls"), [(0.5, 1 + timing.TIMES), (2.0, 1)])
def test_a_call_that_takes_long_is_timed_once(
    took: float, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def seconds(work: object) -> float:
        done.append(work)
        return took

    monkeypatch.setattr(timing, "_seconds", seconds)
    found = measure(LiveRun(new_run(RunConfig(depth=1, width=4, samples=200))), points=50)
    assert len(done) == 2 * calls
    assert found["log_prob_ms"] == found["sample_ms"] == 1000 * took


def test_as_many_points_are_timed_as_it_says_also_where_fewer_are_held_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = LiveRun(new_run(RunConfig(target="table", depth=1, width=4)))
    assert live.likelihood is not None
    seen, own = list[torch.Tensor](), live.likelihood.log_prob

    def noted(x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return own(x)

    monkeypatch.setattr(live.likelihood, "log_prob", noted)
    assert measure(live, points=1000)["points"] == 1000
    held_out = held_out_points(live.config, 1000)
    assert len(held_out) < 100
    assert {len(x) for x in seen} == {1000}
    assert set(seen[0].unique(dim=0).flatten().tolist()) == set(held_out.flatten().tolist())
