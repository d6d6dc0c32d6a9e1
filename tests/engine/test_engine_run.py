"""The state machine of one run, without threads, Dask or real time."""

from __future__ import annotations

import json

import pytest
from fake_work import header, snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from flowplay.config import HotSettings, RunConfig
from flowplay.engine.dispatch import FIRST_SLICE
from flowplay.engine.machine import (
    LEASE_SECONDS,
    LOST_IN_A_ROW,
    Delay,
    Phase,
    RunMachine,
    SliceOrder,
)

CONFIG = RunConfig(budget=100)
SLICE = 0.2


def machine(**values: object) -> RunMachine:
    return RunMachine(CONFIG, 0.0, **values)  # type: ignore[arg-type]


def hand_out(run: RunMachine, now: float = 0.0) -> SliceOrder:
    order = run.next_order(now, SLICE)
    assert order is not None
    run.started(order)
    return order


def land(run: RunMachine, step: int, now: float = 0.0, *, finished: bool = False) -> None:
    picture = snapshot(step, finished=finished)
    run.succeeded(now, str(step).encode(), picture, header(step, finished=finished), 0.0)


def hot(**values: float) -> HotSettings:
    return HotSettings(**(CONFIG.hot.model_dump() | values))


def test_opened_run_does_nothing() -> None:
    run = machine()
    assert run.view(0).phase is Phase.IDLE
    assert run.next_order(0, SLICE) is None


def test_first_slice_is_short_and_the_next_ones_are_not() -> None:
    run = machine()
    run.play(0)
    assert run.view(0).phase is Phase.WAITING
    assert hand_out(run) == SliceOrder(seconds=FIRST_SLICE)
    assert run.view(0).phase is Phase.TRAINING
    assert run.next_order(0, SLICE) is None, "one slice at a time"
    land(run, 3)
    assert hand_out(run) == SliceOrder(seconds=SLICE)
    assert run.view(0).version == 1


def test_pause_waits_for_the_slice_and_then_takes_one_fine_snapshot() -> None:
    run = machine()
    run.play(0)
    hand_out(run)
    run.pause(0)
    assert run.view(0).phase is Phase.PAUSED
    assert run.view(0).in_flight
    land(run, 3)
    assert hand_out(run) == SliceOrder(steps=0, fine=True)
    land(run, 3)
    assert run.next_order(0, SLICE) is None
    assert run.view(0).phase is Phase.PAUSED


def test_what_the_next_picture_waits_for_is_known() -> None:
    run = machine()
    assert run.view(0).delay is None, "nothing comes"
    run.show(1)
    assert run.view(3).delay == Delay("worker", 2)
    hand_out(run, 4)
    assert run.view(9).delay == Delay("model", 5), "nothing is built yet"
    land(run, 0, 9)
    assert run.view(9).delay is None
    run.play(10)
    hand_out(run, 11)
    assert run.view(14).delay == Delay("steps", 3)
    run.pause(15)
    assert run.view(15).phase is Phase.PAUSED, "whatever is under way"
    assert run.view(16).delay == Delay("steps", 5)
    land(run, 1, 17)
    hand_out(run, 17)
    assert run.view(18).delay == Delay("picture", 1)


def test_pause_before_the_first_slice_leaves_the_run_untouched() -> None:
    run = machine()
    run.play(0)
    run.pause(0)
    assert run.view(0).phase is Phase.IDLE
    assert run.next_order(0, SLICE) is None


def test_every_press_of_step_is_one_step_and_the_last_picture_is_fine() -> None:
    run = machine()
    run.step(0)
    run.step(0)
    assert hand_out(run) == SliceOrder(steps=1)
    assert run.view(0).phase is Phase.TRAINING
    land(run, 1)
    assert hand_out(run) == SliceOrder(steps=1, fine=True)
    land(run, 2)
    assert run.next_order(0, SLICE) is None
    assert run.view(0).phase is Phase.PAUSED


def test_step_while_training_stops_after_it() -> None:
    run = machine()
    run.play(0)
    hand_out(run)
    run.step(0)
    land(run, 3)
    assert hand_out(run) == SliceOrder(steps=1, fine=True)
    land(run, 4)
    assert run.view(0).phase is Phase.PAUSED


def test_finished_run_continues_only_with_another_budget() -> None:
    run = machine()
    run.play(0)
    hand_out(run)
    land(run, 100, finished=True)
    assert run.view(0).phase is Phase.FINISHED
    assert hand_out(run).fine
    land(run, 100, finished=True)
    run.play(0)
    run.step(0)
    assert run.view(0).phase is Phase.FINISHED
    assert run.next_order(0, SLICE) is None
    run.set_hot(hot(budget=200))
    run.play(0)
    assert hand_out(run) == SliceOrder(seconds=FIRST_SLICE, hot=hot(budget=200))
    assert run.view(0).hot == hot(budget=200)


def test_budget_raised_during_the_last_slice_keeps_the_run_going() -> None:
    run = machine()
    run.play(0)
    hand_out(run)
    run.set_hot(hot(budget=200))
    land(run, 100, finished=True)
    assert run.view(0).phase is Phase.TRAINING
    assert hand_out(run).hot == hot(budget=200)


def test_another_learning_rate_does_not_keep_a_finished_run_going() -> None:
    run = machine()
    run.play(0)
    hand_out(run)
    run.set_hot(hot(learning_rate=0.2))
    land(run, 100, finished=True)
    assert run.view(0).phase is Phase.FINISHED
    hand_out(run)
    land(run, 100, finished=True)
    run.play(0)
    assert run.view(0).phase is Phase.FINISHED


def test_hot_settings_are_those_of_the_config_until_one_is_set() -> None:
    run = machine()
    assert run.view(0).hot == CONFIG.hot
    run.play(0)
    assert hand_out(run).hot is None, "what the state has is kept"
    land(run, 3)
    run.set_hot(CONFIG.model_copy(update={"learning_rate": 0.01}))
    assert hand_out(run).hot == run.view(0).hot == hot(learning_rate=0.01)


def test_an_order_travels_as_json_values() -> None:
    order = SliceOrder(seconds=0.5, hot=hot(temperature=0.5))
    assert json.loads(json.dumps(order.to_json())) == {
        "seconds": 0.5,
        "steps": None,
        "fine": False,
        "hot": {"learning_rate": CONFIG.learning_rate, "budget": 100, "temperature": 0.5},
    }
    assert SliceOrder(steps=1).to_json()["hot"] is None


def test_lapsed_lease_stops_slices_and_renewal_brings_them_back() -> None:
    run = machine()
    run.play(0)
    hand_out(run)
    land(run, 3, now=0.1)
    assert run.next_order(LEASE_SECONDS - 0.01, SLICE) is not None
    assert run.next_order(LEASE_SECONDS, SLICE) is None
    assert run.view(LEASE_SECONDS).phase is Phase.AWAY
    assert run.renew(LEASE_SECONDS + 5)
    assert not run.renew(LEASE_SECONDS + 5.1), "only the first renewal wakes the engine"
    assert run.waiting_since == LEASE_SECONDS + 5, "nobody waits while away"
    assert run.view(LEASE_SECONDS + 6).phase is Phase.TRAINING


def test_paused_run_is_never_away() -> None:
    run = machine()
    run.play(0)
    hand_out(run)
    run.pause(0)
    land(run, 3)
    assert run.view(LEASE_SECONDS + 1).phase is Phase.PAUSED
    assert run.next_order(LEASE_SECONDS + 1, SLICE) is None
    assert run.renew(LEASE_SECONDS + 2), "the fine picture is still owed"


def test_failure_is_told_and_the_last_state_kept() -> None:
    run = machine()
    run.play(0)
    hand_out(run)
    land(run, 3)
    hand_out(run)
    run.raised(0, "It broke.")
    view = run.view(0)
    assert (view.phase, view.message, run.state) == (Phase.FAILED, "It broke.", b"3")
    assert view.snapshot is not None
    assert run.next_order(0, SLICE) is None
    run.play(0)
    assert run.view(0).message == ""
    hand_out(run)


def test_failure_reported_by_the_snapshot() -> None:
    run = machine()
    run.play(0)
    hand_out(run)
    failed(run, 2)
    assert run.view(0).phase is Phase.FAILED
    assert run.view(0).message == "The loss diverged."
    assert run.state == b"2"


def failed(run: RunMachine, step: int) -> None:
    told = "The loss diverged."
    picture = snapshot(step, failure=told)
    run.succeeded(0, str(step).encode(), picture, header(step, failure=told), 0.0)


@pytest.mark.parametrize("command", ["play", "step"])
def test_failed_run_goes_on_from_its_last_good_state(command: str) -> None:
    run = machine()
    run.play(0)
    hand_out(run)
    failed(run, 2)
    run.set_hot(hot(learning_rate=0.001))
    assert run.next_order(0, SLICE) is None, "only when it is asked to train"
    getattr(run, command)(0)
    order = hand_out(run)
    assert order.hot == hot(learning_rate=0.001)
    assert order.seconds == FIRST_SLICE if command == "play" else order.steps == 1
    assert run.view(0).message == ""
    land(run, 5)
    expected = Phase.TRAINING if command == "play" else Phase.PAUSED
    assert run.view(0).phase is expected


def test_opened_from_a_failed_snapshot_it_goes_on_too() -> None:
    run = machine(state=b"2", snapshot=snapshot(2, failure="The loss diverged."))
    assert run.view(0).phase is Phase.FAILED
    run.play(0)
    assert run.view(0).phase is Phase.WAITING
    assert hand_out(run).seconds == FIRST_SLICE


def test_failed_run_shows_another_picture_and_stays_failed() -> None:
    run = machine()
    run.play(0)
    hand_out(run)
    run.raised(0, "It broke.")
    run.show(0)
    assert hand_out(run) == SliceOrder(steps=0, fine=True)
    land(run, 2, finished=True)
    view = run.view(0)
    assert (view.phase, view.message, view.version) == (Phase.FAILED, "It broke.", 1)


def test_lost_slices_are_repeated_a_bounded_number_of_times() -> None:
    run = machine(state=b"7", snapshot=snapshot(7))
    run.play(0)
    for _ in range(LOST_IN_A_ROW):
        hand_out(run)
        run.lost(0, blame=True)
        assert run.view(0).phase is Phase.TRAINING
    for _ in range(10):
        hand_out(run)
        run.lost(0, blame=False)
    hand_out(run)
    run.lost(0, blame=True)
    assert run.view(0).phase is Phase.FAILED
    assert "memory" in run.view(0).message
    assert run.state == b"7"


def test_lost_step_and_lost_fine_picture_are_owed_again() -> None:
    run = machine()
    run.step(0)
    order = hand_out(run)
    run.lost(0, blame=True)
    assert run.next_order(0, SLICE) == order
    hand_out(run)
    land(run, 1)
    run.show(0)
    order = hand_out(run)
    run.lost(0, blame=True)
    assert run.next_order(0, SLICE) == order


def test_given_state_and_snapshot_are_continued() -> None:
    run = machine(state=b"9", snapshot=snapshot(9))
    assert run.view(0).version == 1
    run.play(0)
    assert run.state == b"9"
    done = machine(state=b"9", snapshot=snapshot(9, finished=True))
    assert done.view(0).phase is Phase.FINISHED
    done.play(0)
    assert done.view(0).phase is Phase.FINISHED, "its budget is used up"


def test_of_a_snapshot_the_header_alone_is_read() -> None:
    picture = snapshot(9)
    view = machine(state=b"9", snapshot=picture[:-8]).view(0)
    assert view.header == header(9)
    assert view.snapshot == picture[:-8], "the bytes themselves, whatever the arrays are"
    with pytest.raises(ValueError, match="not a flowplay snapshot"):
        machine(state=b"9", snapshot=b"no snapshot")


def test_closed_run_forgets_and_ignores_everything() -> None:
    run = machine()
    run.play(0)
    hand_out(run)
    run.close("nobody looked at it")
    land(run, 3)
    run.play(0)
    run.step(0)
    run.show(0)
    view = run.view(0)
    assert (view.phase, view.snapshot, view.message, run.state) == (
        Phase.CLOSED,
        None,
        "This run was let go at step 0, since nobody looked at it.",
        None,
    )
    assert run.next_order(0, SLICE) is None


COMMANDS = ("play", "pause", "step", "show", "renew", "wait", "hand out", "land", "lose", "blame")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(COMMANDS), max_size=60))
def test_whatever_happens_steps_never_fall_and_one_slice_is_in_flight(events: list[str]) -> None:
    run = machine()
    now, step, version, flying = 0.0, 0, 0, False
    for event in events:
        now += 0.1
        if event == "wait":
            now += LEASE_SECONDS
        elif event in ("play", "pause", "step", "show", "renew"):
            getattr(run, event)(now)
        elif event == "hand out":
            order = run.next_order(now, SLICE)
            assert order is None or not (flying or run.lapsed(now))
            if order is not None:
                run.started(order)
                flying = True
        elif flying:
            flying = False
            order = run.in_flight
            assert order is not None
            if event == "land":
                step += 3 if order.steps is None else order.steps
                land(run, step, now, finished=step >= 100)
            else:
                run.lost(now, blame=event == "blame")
        view = run.view(now)
        assert view.in_flight == flying
        assert view.version >= version
        version = view.version
        if view.header is not None:
            assert view.header.step == step
        assert (view.phase is Phase.FAILED) == bool(view.message)
        if view.phase in (Phase.WAITING, Phase.TRAINING):
            assert flying or run.next_order(now, SLICE) is not None
