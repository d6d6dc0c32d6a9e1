"""What is kept of a run's training: thinned, bounded, and no more than its flow."""

from __future__ import annotations

import numpy as np
import pytest
from fake_work import snapshot

from flowplay.config import RunConfig
from flowplay.engine import Engine
from flowplay.engine import engine as engine_module
from flowplay.engine import history as module
from flowplay.engine.history import HISTORY_STATES, History
from flowplay.engine.run import RunMachine
from flowplay.inside import Kept
from flowplay.wire import pack


def state(step: int, weights: int = 10) -> bytes:
    arrays = {
        "weights": np.full(weights, step, np.float32),
        "buffers": np.zeros(4, np.float32),
        "optimizer": np.zeros((2, weights), np.float32),
        "held_out_curve": np.array([[step, 1.5]]),
    }
    return pack("run state", 1, {"step": step}, arrays)


def test_states_are_thinned_evenly_and_the_first_stays() -> None:
    history = History()
    for step in range(0, 5000, 7):
        history.note(step, state(step))
        assert len(history.steps) <= HISTORY_STATES
    gaps = np.diff(history.steps)
    assert history.steps[0] == 0
    assert history.steps[-1] > 4500
    assert len(history.steps) > HISTORY_STATES // 2 - 1
    assert gaps.max() <= 2 * gaps.min()


def test_only_the_flow_is_kept() -> None:
    history = History()
    history.note(30, state(30))
    data = history.at(30)
    assert data is not None
    kept = Kept.from_bytes(data)
    assert (kept.step, kept.held_out_nll) == (30, 1.5)
    assert (kept.weights == 30).all()
    assert len(data) < len(state(30))
    assert history.at(31) is None


def test_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HISTORY_BYTES", 30_000)
    history = History()
    for step in range(0, 1000, 10):
        history.note(step, state(step, 1000))
        assert history.size <= 30_000
    assert len(history.steps) > 2
    large = History()
    large.note(0, state(0, 100_000))
    assert large.size == 0, "a flow that leaves no room for a second state is not kept"


def test_other_bytes_are_passed_over() -> None:
    history = History()
    history.note(0, b"5|")
    history.note(20, pack("run state", 1, {"step": 1}, {"weights": np.zeros(2)}))
    assert history.steps == []


def test_a_run_notes_its_states_and_forgets_them_when_it_is_closed() -> None:
    run = RunMachine(RunConfig(budget=1000), 0.0)
    run.play(0)
    for step in (0, 50, 100):
        order = run.next_order(0, 0.2)
        assert order is not None
        run.started(order)
        run.succeeded(0, state(step), snapshot(step), "w1", 0.0)
    assert run.history.steps == [0, 50, 100]
    run.close()
    assert run.history.steps == []


def test_all_histories_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    engine = Engine(scheduler="tcp://127.0.0.1:9", clock=lambda: now)
    try:
        runs = []
        for seed in range(3):
            now += 1
            runs.append(engine.open_run(RunConfig(seed=seed)))
            runs[-1]._machine.history.note(5, state(5, 1000))
        size = runs[0]._machine.history.size
        monkeypatch.setattr(engine_module, "ALL_HISTORIES_BYTES", 2 * size)
        engine._bound_histories()
        assert [run.kept_steps for run in runs] == [[], [5], [5]], "the least watched forgets"
        assert runs[1].kept(5) is not None
        assert runs[0].kept(5) is None
    finally:
        engine.close()
