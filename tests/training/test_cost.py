"""What a step would take is told before a run starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest
import torch

from flowplay.budgets import Budgets, budgets
from flowplay.config import RunConfig
from flowplay.engine.local import ENVIRONMENT
from flowplay.models import build_model
from flowplay.training import cost, new_run, train_slice
from flowplay.training.cost import PeakMemory, step_memory, step_seconds
from flowplay.training.data import training_points
from flowplay.training.start import prepare_process
from flowplay.training.worker import measure_checkpoint

ARCHITECTURES = ("realnvp", "nsf", "flowpp", "maf", "planar", "ffjord", "residual", "glow")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_memory_extrapolates_to_the_runs_own_batch(architecture: str) -> None:
    config = RunConfig(architecture=architecture, depth=3, width=32, samples=2000)
    points = training_points(config)
    model = build_model(config, points).train()
    told = step_memory(model, points).at(1024)
    with PeakMemory() as memory:
        model.loss_and_gradient(points[:1024])
    assert 0.7 * memory.peak < told < 1.6 * memory.peak


def test_peak_memory_counts_what_lives_at_once() -> None:
    size = 4 * 1000
    with PeakMemory() as memory:
        for _ in range(5):
            torch.zeros(1000)
    assert size <= memory.peak < 2 * size + 1
    with PeakMemory() as memory:
        held = [torch.zeros(1000) for _ in range(5)]
    assert memory.peak == len(held) * size


def limit(monkeypatch: pytest.MonkeyPatch, size: str) -> None:
    monkeypatch.setattr(cost, "budgets", lambda: Budgets.model_validate({"step_memory": size}))


def test_beside_a_step_a_worker_keeps_room_for_all_else_that_it_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # 17 million parameters: the state alone has 203 MB, and a worker has it several times.
    config = RunConfig(depth=64, width=512, batch_size=256)
    given = {"worker_memory": "1459MiB"}
    monkeypatch.setattr(cost, "budgets", lambda: Budgets.model_validate(given))
    with pytest.raises(ValueError, match=r"lower the width \(now 512\) or the depth \(now 64\)"):
        new_run(config)
    # What is set by hand bounds it too, but lets nobody have more.
    given |= {"worker_memory": "64GiB"}
    assert cost._limit(0) > 32 * 2**30
    given |= {"step_memory": "8MiB"}
    assert cost._limit(0) == 8 * 2**20


def test_a_run_that_needs_gigabytes_is_refused_with_what_to_lower() -> None:
    config = RunConfig(depth=64, width=512, batch_size=16_384)
    with pytest.raises(ValueError, match=r"GiB.*lower the batch size to [\d,]+ or less\.$") as told:
        new_run(config)
    assert str(told.value).count(".") <= 3  # one sentence; the others are decimal points
    largest = int(str(told.value).split(" or less")[0].rsplit(" ", 1)[1].replace(",", ""))
    assert 8 <= largest < 16_384


def test_what_is_told_to_be_enough_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, "8MB")
    config = RunConfig(depth=4, width=64, batch_size=4096, samples=2000)
    with pytest.raises(ValueError, match="lower the batch size") as told:
        new_run(config)
    largest = int(str(told.value).split(" or less")[0].rsplit(" ", 1)[1].replace(",", ""))
    new_run(config.model_copy(update={"batch_size": largest}))


def test_where_no_batch_is_small_enough_the_flow_must_be_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit(monkeypatch, "100kB")
    with pytest.raises(ValueError, match=r"lower the width \(now 64\) or the depth \(now 12\)\.$"):
        new_run(RunConfig())


def test_a_step_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "LONGEST_STEP", 0.0)
    with pytest.raises(ValueError, match="One step of this run would take about"):
        new_run(RunConfig(depth=2, width=8, samples=500))


def test_time_is_not_proportional_to_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    # 2 s whatever the batch, and 1 ms for each point.
    monkeypatch.setattr(cost, "_seconds", lambda _, batch: 2.0 + 1e-3 * len(batch))
    config = RunConfig(depth=2, width=8, samples=500)
    new_run(config.model_copy(update={"batch_size": 2048}))
    with pytest.raises(ValueError, match=r"about 6 s.*lower the batch size to (3,000|2,900) or"):
        new_run(config.model_copy(update={"batch_size": 4096}))


@pytest.mark.parametrize("architecture", ["realnvp", "nsf", "maf", "ffjord"])
def test_seconds_extrapolate_to_the_runs_own_batch(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_process()
    config = RunConfig(architecture=architecture, depth=4, width=64, samples=3000)
    points = training_points(config)
    model = build_model(config, points).train()
    quick = min(cost._seconds(model, points[:64]) for _ in range(3))
    # So that two batch sizes are timed.
    monkeypatch.setattr(cost, "LONGEST_STEP", 4 * quick)
    # The median: noise may make an extrapolation too small as well as too large.
    told = median(step_seconds(model, points, 2048).at(2048) for _ in range(9))
    taken = median(cost._seconds(model, points[:2048]) for _ in range(9))
    assert taken / 3 < told < 3 * taken


REAL_STEP = """
import re, torch
from pathlib import Path
from flowplay.config import RunConfig
from flowplay.models import build_model
from flowplay.training.cost import step_memory
from flowplay.training.data import training_points
torch.set_num_threads(1)
config = RunConfig(architecture="nsf", depth=4, width=64, samples=16_384)
points = training_points(config)
model = build_model(config, points).train()
told = step_memory(model, points).at(16_384)
def peak():
    # Not `ru_maxrss`, which a process takes over from the one that started it.
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
model.loss_and_gradient(points[:16_384])
print(told, peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_about_what_a_process_really_takes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", REAL_STEP],
        cwd=Path(__file__).parents[2],
        # As in a worker.
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    told, taken = map(float, done.stdout.split())
    assert told > 50 * 2**20
    assert 0.5 * told < taken < cost._GAPS * told + cost._PICTURES, "what a worker keeps for it"


def test_the_estimate_leaves_the_run_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    config = RunConfig(architecture="glow", depth=2, width=8, samples=500)
    with_estimate, _ = train_slice(new_run(config), steps=3)
    monkeypatch.setattr("flowplay.training.start.check_step", lambda *_: None)
    without, _ = train_slice(new_run(config), steps=3)
    assert (with_estimate.weights == without.weights).all()
    assert (with_estimate.buffers == without.buffers).all()


def test_budgets_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets.cache_clear()
    monkeypatch.setenv("FLOWPLAY_STEP_MEMORY", "2GiB")
    assert budgets().step_memory == 2**31
    budgets.cache_clear()
    monkeypatch.setenv("FLOWPLAY_STEP_MEMORY", "much")
    with pytest.raises(ValueError, match=r"^FLOWPLAY_STEP_MEMORY='much' is no size like 512MiB\.$"):
        budgets()
    budgets.cache_clear()


@pytest.mark.parametrize("target", ["moons", "digits"])
def test_checkpoints_take_less_memory(target: str) -> None:
    config = RunConfig(target=target, architecture="glow", depth=4, width=32)
    told = json.loads(measure_checkpoint(config.model_dump_json()))
    assert told["checkpointed"]["bytes"] < 0.7 * told["stored"]["bytes"]
    assert all(costs["milliseconds"] > 0 for costs in told.values())
