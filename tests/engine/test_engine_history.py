"""The history of a run's weights: thinned, bounded, decided by the header, and no optimizer."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from fake_work import empty_state, header, snapshot, state

from flowplay.config import RunConfig
from flowplay.engine import history as module
from flowplay.engine.history import HISTORY_STATES, History, earlier_weights
from flowplay.engine.hosted import HostedRun, SliceResult
from flowplay.wire import EarlierWeights, RunState, pack


def note(history: History, step: int, weights: int = 10) -> None:
    if history.wants(header(step, parameters=weights)):
        history.add(step, earlier_weights(state(step, weights=weights)))


def hosted() -> HostedRun:
    return HostedRun(RunConfig(budget=1000), lambda: 0.0)


def result(step: int, weights: int = 10) -> SliceResult:
    return SliceResult(
        state(step, weights=weights), snapshot(step), header(step, parameters=weights)
    )


def test_states_are_thinned_evenly_and_the_first_stays() -> None:
    history = History()
    for step in range(0, 5000, 7):
        note(history, step)
        assert len(history.steps) <= HISTORY_STATES
    gaps = np.diff(history.steps)
    assert history.steps[0] == 0
    assert history.steps[-1] > 4500
    assert len(history.steps) > HISTORY_STATES // 2 - 1
    assert gaps.max() <= 2 * gaps.min()


def test_what_lies_beyond_a_step_is_forgotten() -> None:
    history = History()
    for step in range(0, 200, 10):
        note(history, step)
    history.forget_after(75)
    assert history.steps[-1] == 70
    assert history.size == sum(len(history.at(step) or b"") for step in history.steps)
    note(history, 85)
    assert history.steps[-1] == 85


def test_only_weights_and_buffers_are_taken() -> None:
    run = replace(
        empty_state(step=30),
        weights=np.full(10, 30, np.float32),
        held_out_curve=np.array([[0.0, 3.0], [30.0, 1.5]]),
    )
    data = earlier_weights(run.to_bytes())
    assert data is not None
    earlier = EarlierWeights.from_bytes(data)
    assert (earlier.step, earlier.train_loss, earlier.held_out) == (30, 2.0, 1.5)
    assert (earlier.weights == 30).all()
    assert len(data) < len(run.to_bytes())
    without = earlier_weights(replace(run, held_out_curve=np.zeros((0, 2))).to_bytes())
    assert without is not None
    assert EarlierWeights.from_bytes(without).held_out is None


def test_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HISTORY_BYTES", 30_000)
    history = History()
    for step in range(0, 1000, 10):
        note(history, step, 1000)
        assert history.size <= 30_000
    assert len(history.steps) > 2


def test_after_one_state_with_large_buffers_no_other_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HISTORY_BYTES", 30_000)
    history = History()
    assert history.wants(header(0)), "a header tells of 10 parameters"
    history.add(0, bytes(20_000))
    assert not history.wants(header(1000))
    assert history.steps == []


def test_the_header_decides_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: bytes) -> RunState:
        raise AssertionError("a state was decoded")

    monkeypatch.setattr(RunState, "from_bytes", refuse)
    history = History()
    # Depth 64, width 512: 203 MB of state.
    assert not history.wants(header(0, parameters=17_000_000))
    history.add(30, b"weights of step 30")
    assert not history.wants(header(35)), "too near the last one"
    assert history.wants(header(40))
    other = pack(RunState.KIND, RunState.VERSION + 1, {"step": 1}, {"weights": np.zeros(2)})
    monkeypatch.undo()
    assert earlier_weights(other) is None


def test_a_state_that_cannot_be_read_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    run = hosted()
    later = pack(RunState.KIND, RunState.VERSION + 1, {"step": 1}, {"weights": np.zeros(2)})
    with caplog.at_level(logging.WARNING):
        for step in (0, 50):
            if run.wants_in_history(header(step)):
                run.add_to_history(SliceResult(later, snapshot(step), header(step)))
    assert run.earlier_steps == []
    (record,) = caplog.records
    assert f"format version {RunState.VERSION + 1}" in record.getMessage()


def test_a_state_is_decoded_without_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    run = hosted()
    seen: list[object] = []
    original = RunState.from_bytes

    def decode(data: bytes) -> RunState:
        # Would wait for ever under the lock.
        seen.append(run.view().phase)
        return original(data)

    monkeypatch.setattr(RunState, "from_bytes", decode)
    run.add_to_history(result(0))
    assert seen
    assert run.earlier_steps == [0]


def test_states_may_be_added_late_and_not_to_a_run_that_was_let_go() -> None:
    run = hosted()
    run.add_to_history(result(50))
    run.add_to_history(result(20))
    assert run.earlier_steps == [50], "two of them were decoded at once"
    assert run.earlier(50) is not None
    assert run.earlier(20) is None
    run.let_go()
    assert run.earlier_steps == []
    assert not run.wants_in_history(header(100))
    run.add_to_history(result(100))
    assert run.earlier_steps == []
