"""The engine with real worker processes, and work that only sleeps and counts."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from deadline import until
from fake_work import snapshot, state, step_of

from flowplay.budgets import Budgets
from flowplay.config import HotSettings, RunConfig
from flowplay.engine import (
    NOTICED,
    Delay,
    Engine,
    EngineClosedError,
    Phase,
    Run,
    WorkerLostError,
    WorkError,
)
from flowplay.engine import cluster as cluster_module
from flowplay.engine import engine as engine_module
from flowplay.engine.history import earlier_weights
from flowplay.engine.hosted import HostedRun, SliceResult
from flowplay.engine.machine import LEASE_SECONDS
from flowplay.engine.retention import UNSEEN_SECONDS
from flowplay.engine.viewers import PRESENCE_SECONDS
from flowplay.wire import EarlierWeights, Header, SamplesPicture, Snapshot

CONFIG = RunConfig(budget=100_000)


class Clock:
    """Real time that can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


CLOCK = Clock()


def start(work: str = "run_slice", **values: object) -> Engine:
    return Engine(workers=2, preload="fake_work", work=f"fake_work:{work}", **values)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = start(clock=CLOCK)
    until(lambda: engine.status.workers == 2, what="two workers")
    yield engine
    engine.close()


@pytest.fixture
def run(engine: Engine) -> Iterator[Run]:
    run = engine.open_run(CONFIG)
    yield run
    run.close()


def watch(run: Run, condition: Callable[[Run], object], seconds: float = 20.0) -> None:
    """Look at a run as an open page does, until it looks as wanted."""

    def look() -> object:
        run.renew()
        return condition(run)

    until(look, seconds, what=f"wanted of {run.view()}")


def shown(run: Run) -> Header:
    header = run.view().header
    assert header is not None
    return header


def picture(run: Run) -> Snapshot:
    data = run.view().snapshot
    assert data is not None
    return Snapshot.from_bytes(data)


def is_fine(run: Run) -> bool:
    samples = picture(run).picture(SamplesPicture)
    assert samples is not None
    return len(samples.points) == 64


def at_least(step: int) -> Callable[[Run], bool]:
    def reached(run: Run) -> bool:
        header = run.view().header
        return header is not None and header.step >= step

    return reached


def at_rest(run: Run) -> bool:
    view = run.view()
    return not view.in_flight and view.snapshot is not None and is_fine(run)


def hot(run: Run, **values: float) -> HotSettings:
    return HotSettings(**(run.view().hot.model_dump() | values))


def worker_of(run: Run) -> int:
    return int(shown(run).gradient_norm)


def test_status_is_ready_and_silent(engine: Engine) -> None:
    assert engine.status.phase == "ready"
    assert engine.status.message == ""


def test_playing_brings_snapshots_and_a_state(run: Run) -> None:
    assert run.view().phase is Phase.IDLE
    run.play()
    watch(run, lambda run: run.view().version >= 3)
    assert run.view().phase is Phase.TRAINING
    assert step_of(run.state) >= 3


def test_playing_leaves_a_history(run: Run) -> None:
    run.play()
    watch(run, lambda run: len(run.earlier_steps) >= 2)
    step = run.earlier_steps[-1]
    weights = run.earlier(step)
    assert weights is not None
    assert EarlierWeights.from_bytes(weights).step == step
    assert run.earlier(step + 1) is None


def test_lone_run_stays_on_its_worker(run: Run) -> None:
    run.play()
    workers = set()

    def seen(run: Run) -> bool:
        if run.view().snapshot is not None:
            workers.add(worker_of(run))
        return run.view().version >= 6

    watch(run, seen)
    assert len(workers) == 1


def test_pause_ends_on_a_fine_picture_and_play_goes_on(engine: Engine, run: Run) -> None:
    run.play()
    watch(run, at_least(5))
    run.pause()
    watch(run, at_rest)
    step, version = shown(run).step, run.view().version
    assert run.view().phase is Phase.PAUSED
    other = engine.open_run(CONFIG)
    other.play()
    watch(other, lambda other: other.view().version >= 3)
    other.close()
    assert (shown(run).step, run.view().version) == (step, version)
    run.play()
    watch(run, at_least(step + 1))


def test_step_is_exactly_one(run: Run) -> None:
    for expected in (1, 2):
        run.step()
        watch(run, lambda run: run.view().phase is Phase.PAUSED and not run.view().in_flight)
        assert shown(run).step == expected
        assert is_fine(run)


def test_learning_rate_changes_while_training(run: Run) -> None:
    run.play()
    watch(run, at_least(1))
    run.set_hot(hot(run, learning_rate=0.125))
    watch(run, lambda run: shown(run).learning_rate == 0.125)


def test_budget_ends_the_run_and_a_larger_one_continues_it(engine: Engine) -> None:
    run = engine.open_run(RunConfig(budget=12))
    run.play()
    watch(run, lambda run: run.view().phase is Phase.FINISHED and at_rest(run))
    assert shown(run).step == 12
    run.play()
    assert run.view().phase is Phase.FINISHED
    run.set_hot(hot(run, budget=20))
    run.play()
    watch(run, lambda run: run.view().phase is Phase.FINISHED and at_rest(run))
    assert shown(run).step == 20
    run.close()


def test_given_state_is_continued(engine: Engine) -> None:
    run = engine.open_run(CONFIG, state=state(500), snapshot=snapshot(500))
    assert shown(run).step == 500
    run.step()
    watch(run, at_least(501))
    assert shown(run).step == 501
    run.close()


def test_unwatched_run_stops_and_goes_on_when_seen_again(engine: Engine, run: Run) -> None:
    run.play()
    watch(run, at_least(1))
    CLOCK.ahead += LEASE_SECONDS
    until(lambda: not run.view().in_flight)
    assert run.view().phase is Phase.AWAY
    version = run.view().version
    # Somebody else's slices show that the engine went on without it.
    other = engine.open_run(CONFIG)
    other.play()
    watch(other, lambda other: other.view().version >= 3)
    other.close()
    assert run.view().version == version
    watch(run, lambda run: run.view().version >= version + 2)
    assert run.view().phase is Phase.TRAINING


def look_twice(engine: Engine) -> None:
    """Return when the engine has certainly asked its viewers and freed memory since the call."""
    asked = threading.Event()

    def present() -> bool:
        asked.set()
        return True

    other = engine.open_run(CONFIG)
    for _ in range(2):
        asked.clear()
        CLOCK.ahead += PRESENCE_SECONDS
        engine.watch("test", other, present)
        until(asked.is_set)
    engine.look_away("test")
    other.close()


def test_resting_run_on_an_open_page_stays_for_hours(engine: Engine, run: Run) -> None:
    run.step()
    watch(run, at_rest)
    present = [True]
    engine.watch("ada", run, lambda: present[0])
    for _ in range(4):
        # Nobody polls: the page rests.
        CLOCK.ahead += UNSEEN_SECONDS - 1
        look_twice(engine)
        assert run.view().phase is Phase.PAUSED
        assert run.state is not None
    present[0] = False
    CLOCK.ahead += UNSEEN_SECONDS
    look_twice(engine)
    assert run.view().phase is Phase.CLOSED


def test_connection_that_drops_for_a_while_does_not_stop_training(engine: Engine, run: Run) -> None:
    present = [True]
    engine.watch("ada", run, lambda: present[0])
    run.play()
    until(lambda: run.view().version >= 2)
    present[0] = False
    CLOCK.ahead += 5.0
    version = run.view().version
    until(lambda: run.view().version >= version + 2)
    present[0] = True
    look_twice(engine)
    assert run.view().phase is Phase.TRAINING
    engine.look_away("ada")


def test_closed_tab_stops_training_and_the_page_that_comes_back_resumes_it(
    engine: Engine, run: Run
) -> None:
    present = [True]
    engine.watch("ada", run, lambda: present[0])
    run.play()
    until(lambda: run.view().version >= 2)
    present[0] = False
    look_twice(engine)
    CLOCK.ahead += LEASE_SECONDS
    until(lambda: not run.view().in_flight)
    assert run.view().phase is Phase.AWAY
    version = run.view().version
    look_twice(engine)
    assert run.view().version == version
    present[0] = True
    CLOCK.ahead += PRESENCE_SECONDS
    until(lambda: run.view().version >= version + 2)
    engine.look_away("ada")


def test_a_viewer_who_leaves_gives_the_worker_up_with_the_slice_under_way(
    engine: Engine, run: Run
) -> None:
    other = engine.open_run(CONFIG)
    present = [True, True]
    engine.watch("ada", run, lambda: present[0])
    engine.watch("bob/first", other, lambda: present[1])
    for left in (run, other):
        left.play()
    until(lambda: run.view().version >= 2 and other.view().version >= 2)
    present[0] = False
    before = run.view().version
    engine.leave("ada")
    assert run.view().phase is Phase.AWAY
    version = other.view().version
    until(lambda: other.view().version >= version + 4)
    assert run.view().version <= before + 1, "the slice that was under way, and no more"
    # Somebody who shares it keeps it going.
    engine.watch("eve", other, lambda: True)
    engine.leave("bob")
    assert other.view().phase is Phase.TRAINING
    # One who is there after all goes on.
    present[0] = True
    CLOCK.ahead += PRESENCE_SECONDS
    until(lambda: run.view().version >= before + 2)
    for viewer in ("ada", "bob", "eve"):
        engine.look_away(viewer)
    other.close()


def test_viewer_looks_at_one_run_only(engine: Engine, run: Run) -> None:
    other = engine.open_run(CONFIG)
    engine.watch("ada", run, lambda: True)
    run.play()
    until(lambda: run.view().version >= 1)
    engine.watch("ada", other, lambda: True)
    CLOCK.ahead += LEASE_SECONDS
    look_twice(engine)
    assert run.view().phase is Phase.AWAY
    engine.look_away("ada")
    other.close()


def test_long_unseen_run_is_let_go_and_says_so(engine: Engine) -> None:
    run = engine.open_run(CONFIG)
    run.step()
    watch(run, at_rest)
    CLOCK.ahead += UNSEEN_SECONDS
    engine.wake()
    until(lambda: run.view().phase is Phase.CLOSED)
    assert run.state is None
    view = run.view()
    assert view.snapshot is None
    assert view.message == (
        "This run was let go at step 1, since nobody had looked at it for 30 minutes."
    )
    assert view.header is not None


def test_beyond_the_budget_in_bytes_the_longest_unseen_goes() -> None:
    clock = Clock()
    # As with states of 203 MB and a budget of half a gigabyte.
    budgets = Budgets.model_validate({"runs_memory": 500_000, "history_memory": 0})
    engine = start(clock=clock, budgets=budgets)
    # Workers that start take long beside other work, and the lease of a run is 8 s.
    assert engine.call("fake_work:greet", "you").result(60)

    def opened(step: int) -> Run:
        clock.ahead += 1.0
        return engine.open_run(CONFIG, state=bytes(203_000), snapshot=snapshot(step))

    seen = opened(1)
    engine.watch("ada", seen, lambda: True)
    first, second = opened(2), opened(3)
    engine.wake()
    look = engine.call("fake_work:greet", "you")
    assert look.result(20)
    assert first.state is not None, "whoever was seen within the lease is not let go"
    clock.ahead += LEASE_SECONDS
    engine.wake()
    until(lambda: first.view().phase is Phase.CLOSED)
    assert "needed its memory" in first.view().message
    assert seen.state is not None, "it was opened before, but somebody looks at it"
    assert second.state is not None
    small = [engine.open_run(CONFIG, state=bytes(10), snapshot=snapshot(1)) for _ in range(300)]
    assert engine.call("fake_work:greet", "you").result(20)
    clock.ahead += LEASE_SECONDS
    assert engine.call("fake_work:greet", "you").result(20)
    assert all(run.state is not None for run in small), "runs are not counted by number"
    engine.close()


@pytest.mark.parametrize(("quick_bytes", "expected"), [(2**20, True), (0, False)])
def test_large_states_are_decoded_off_the_event_loop(
    run: Run, monkeypatch: pytest.MonkeyPatch, quick_bytes: int, expected: bool
) -> None:
    threads: list[str] = []
    original = HostedRun.add_to_history

    def add(hosted: HostedRun, result: SliceResult) -> None:
        threads.append(threading.current_thread().name)
        original(hosted, result)

    monkeypatch.setattr(HostedRun, "add_to_history", add)
    monkeypatch.setattr(engine_module, "QUICK_BYTES", quick_bytes)
    run.play()
    watch(run, lambda run: run.earlier_steps)
    assert (threads[0] == "flowplay-engine") is expected


def test_over_the_history_budget_runs_that_are_looked_at_are_thinned() -> None:
    clock = Clock()
    one = len(earlier_weights(state(10)) or b"")
    budgets = Budgets.model_validate({"history_memory": 3 * one})
    engine = start(budgets=budgets, clock=clock)
    run = engine.open_run(CONFIG)
    run.play()
    watch(run, at_least(200))
    run.pause()
    watch(run, at_rest)
    until(lambda: len(run.earlier_steps) in (2, 3))
    assert run.earlier_steps[0] < 20 < run.earlier_steps[-1]
    engine.close()


def test_of_a_history_that_does_not_fit_the_first_state_stays_while_it_is_looked_at() -> None:
    clock = Clock()
    hosted = HostedRun(CONFIG, clock)
    for step in (0, 50):
        hosted.add_to_history(SliceResult(state(step), snapshot(step), Header.of(snapshot(step))))
    while hosted.thin_history():
        pass
    assert hosted.earlier_steps == [0]
    clock.ahead += LEASE_SECONDS
    assert hosted.thin_history() > 0
    assert hosted.earlier_steps == []


def test_a_new_run_is_refused_where_those_that_are_looked_at_take_the_memory() -> None:
    engine = start(
        budgets=Budgets.model_validate({"runs_memory": 100_000}), clock=(clock := Clock())
    )
    large = engine.open_run(CONFIG, state=bytes(100_000), snapshot=snapshot(1))
    new = engine.open_run(CONFIG)
    new.step()

    def refused(run: Run) -> bool:
        large.renew()
        return run.view().phase is Phase.FAILED

    watch(new, refused)
    assert new.view().message.startswith("The server's memory is taken by other runs")
    assert new.state is None
    clock.ahead += LEASE_SECONDS
    new.step()
    watch(new, at_least(1))
    engine.close()


def test_call_returns_bytes_and_errors_as_sentences(engine: Engine) -> None:
    assert engine.call("fake_work:greet", "you").result(20) == b"hello you"
    with pytest.raises(WorkError, match="TypeError"):
        engine.call("fake_work:greet").result(20)
    with pytest.raises(WorkError, match="did not return bytes"):
        engine.call("fake_work:nothing_useful").result(20)
    with pytest.raises(WorkError, match="ModuleNotFoundError"):
        engine.call("no_such_module:nothing").result(20)


def test_calls_go_before_slices(engine: Engine) -> None:
    runs = [engine.open_run(CONFIG) for _ in range(8)]
    for run in runs:
        run.play()
    watch(runs[0], at_least(1))

    def slices() -> int:
        return sum(run.view().version for run in runs)

    before = slices()
    engine.call("fake_work:greet", "you").result(20)
    took = slices() - before
    for run in runs:
        run.close()
    assert took < 6, "as a slice it would have waited for seven others"


def test_a_run_that_waits_for_a_worker_knows_its_place(engine: Engine, tmp_path: Path) -> None:
    gate = str(tmp_path / "gate")
    calls = [engine.call("fake_work:wait_for", gate + str(n)) for n in range(3)]
    until(lambda: (tmp_path / "gate0.waiting").exists() and (tmp_path / "gate1.waiting").exists())
    runs = []
    for _ in range(3):
        runs.append(engine.open_run(CONFIG))
        runs[-1].play()
    CLOCK.ahead += NOTICED
    # Two calls are under way, the third comes before every run.
    assert [delay_of(run).ahead for run in runs] == [1, 2, 3]
    assert all(delay_of(run).on == "worker" for run in runs)
    assert delay_of(runs[0]).seconds >= NOTICED
    for n in range(3):
        Path(gate + str(n)).touch()
    for call in calls:
        call.result(20)
    for run in runs:
        watch(run, at_least(1))
        run.close()


def delay_of(run: Run) -> Delay:
    delay = run.view().delay
    assert delay is not None
    return delay


def test_workers_are_warm_and_nice(engine: Engine) -> None:
    assert engine.call("fake_work:is_warm").result(20) == b"yes"
    assert int(engine.call("fake_work:niceness").result(20)) >= 5


def test_twelve_runs_share_two_workers_alike(engine: Engine) -> None:
    runs = [engine.open_run(CONFIG) for _ in range(12)]
    for run in runs:
        run.play()
    longest = 0.0

    def all_have_had_turns() -> bool:
        nonlocal longest
        for run in runs:
            run.renew()
            if run.view().snapshot is not None:
                longest = max(longest, picture(run).measurements["slice_seconds"].value)
        return min(run.view().version for run in runs) >= 5

    until(all_have_had_turns, 60)
    # By their own count of seconds, so that it does not matter how fast this machine is. What it
    # takes to hand a slice over is counted by the engine, but not by them.
    used = [shown(run).seconds for run in runs]
    for run in runs:
        run.close()
    assert max(used) - min(used) <= 3.0 * longest


@pytest.mark.slow
def test_steps_of_two_seconds_take_no_more_than_their_share_of_worker_seconds() -> None:
    engine = start("slow_steps")
    until(lambda: engine.status.workers == 2, what="two workers")
    slow, *others = (engine.open_run(CONFIG.model_copy(update={"seed": k})) for k in range(1, 9))
    runs = (slow, *others)
    for run in runs:
        run.play()

    def slow_has_had_three_turns() -> bool:
        for run in runs:
            run.renew()
        return slow.view().version >= 3

    until(slow_has_had_three_turns, 90)
    used = {run.id: shown(run).seconds for run in runs}
    assert used[slow.id] >= 6.0
    # An eighth is its share; it may be ahead by the slice that it has just had.
    assert used[slow.id] < sum(used.values()) / 3
    assert min(run.view().version for run in others) > slow.view().version
    engine.close()


def test_viewers_never_wait(engine: Engine, run: Run) -> None:
    """All that viewers call returns while the engine's thread is held."""
    run.play()
    watch(run, at_least(1))
    is_held, release, returned = threading.Event(), threading.Event(), threading.Event()

    def hold() -> bool:
        is_held.set()
        return release.wait(60)

    engine.watch("holder", engine.open_run(CONFIG), hold)
    CLOCK.ahead += PRESENCE_SECONDS
    engine.wake()
    assert is_held.wait(20)
    calls: list[Future[bytes]] = []

    def view() -> None:
        run.renew()
        run.view()
        _ = run.state, run.earlier_steps, run.earlier(3), engine.status
        run.set_hot(hot(run, temperature=0.5))
        run.pause()
        run.step()
        run.show()
        run.play()
        engine.watch("ada", run, lambda: True)
        calls.append(engine.call("fake_work:greet", "you"))
        calls[0].cancel()
        other = engine.open_run(CONFIG, state=state(3), snapshot=snapshot(3))
        other.close()
        engine.look_away("ada")
        engine.look_away("holder")
        returned.set()

    viewer = threading.Thread(target=view, daemon=True)
    viewer.start()
    try:
        assert returned.wait(20), "a viewer waited for the engine"
        assert not release.is_set()
    finally:
        release.set()
    viewer.join()


def test_error_in_the_work_fails_the_run_and_keeps_its_state() -> None:
    failing = start("raise_after_some_steps")
    run = failing.open_run(CONFIG)
    run.play()
    watch(run, lambda run: run.view().phase is Phase.FAILED)
    assert run.view().message == (
        "Training stopped on an error in the worker: ArithmeticError: the loss is not a number."
    )
    assert step_of(run.state) == shown(run).step >= 8
    failing.close()


def test_a_refused_run_says_why_in_the_work_s_own_sentence() -> None:
    refusing = start("refuse")
    run = refusing.open_run(CONFIG)
    run.play()
    watch(run, lambda run: run.view().phase is Phase.FAILED)
    assert run.view().message == ("One step would take 9 GiB: lower the batch size to 100 or less.")
    assert run.state is None
    refusing.close()


def test_diverged_run_goes_on_with_a_smaller_learning_rate() -> None:
    engine = start("diverge_above")
    run = engine.open_run(CONFIG.model_copy(update={"learning_rate": 0.3}))
    run.play()
    watch(run, lambda run: run.view().phase is Phase.FAILED)
    assert run.view().message == "The loss diverged at a learning rate of 0.3."
    run.play()
    watch(run, lambda run: run.view().phase is Phase.FAILED and run.view().version == 2)
    run.set_hot(hot(run, learning_rate=0.05))
    run.step()
    watch(run, lambda run: run.view().phase is Phase.PAUSED and not run.view().in_flight)
    assert shown(run).step == 6
    assert run.view().message == ""
    run.set_hot(hot(run, learning_rate=0.2))
    run.step()
    watch(run, lambda run: run.view().phase is Phase.FAILED)
    run.set_hot(hot(run, learning_rate=0.05))
    run.play()
    watch(run, at_least(10))
    assert run.view().phase is Phase.TRAINING
    engine.close()


def test_after_a_slice_that_cannot_be_read_training_goes_on_from_the_run_s_own_state() -> None:
    engine = Engine(workers=1, preload="fake_work", work="fake_work:unreadable_above")
    run = engine.open_run(CONFIG)
    run.play()
    watch(run, at_least(3))
    run.set_hot(hot(run, learning_rate=0.2))
    watch(run, lambda run: run.view().phase is Phase.FAILED)
    assert run.view().message == (
        "Training stopped on an error in the worker: These bytes are not a flowplay snapshot."
    )
    step = shown(run).step
    assert step_of(run.state) == step
    run.set_hot(hot(run, learning_rate=0.05))
    run.step()
    watch(run, lambda run: run.view().phase is Phase.PAUSED and not run.view().in_flight)
    assert shown(run).step == step_of(run.state) == step + 1, "not from what the worker holds"
    engine.close()


def test_cancelled_calls_occupy_no_worker(engine: Engine, tmp_path: Path) -> None:
    gates = [str(tmp_path / name) for name in ("gate 1", "gate 2")]
    busy = [engine.call("fake_work:wait_for", gate) for gate in gates]
    for gate in gates:
        until(Path(gate + ".waiting").exists)
    never = engine.call("fake_work:touch", str(tmp_path / "never"))
    assert engine.is_waiting(never)
    assert not any(map(engine.is_waiting, busy))
    assert never.cancel(), "nobody has begun it"
    assert busy[1].cancel(), "whoever asked may leave while it is done"
    last = engine.call("fake_work:touch", str(tmp_path / "last"))
    for gate in gates:
        Path(gate).touch()
    assert last.result(20) == b"done"
    assert busy[0].result(20) == b"open"
    assert (tmp_path / "last").exists()
    assert not (tmp_path / "never").exists()
    with pytest.raises(CancelledError):
        busy[1].result(0)


def test_killed_worker_costs_at_most_one_slice() -> None:
    engine = start()
    run = engine.open_run(CONFIG)
    run.play()
    watch(run, at_least(20))
    steps: list[int] = []
    for _ in range(2):
        until(lambda: run.view().in_flight)
        before = shown(run).step
        os.kill(worker_of(run), signal.SIGKILL)

        def went_on(run: Run, target: int = before + 30) -> bool:
            steps.append(shown(run).step)
            assert run.view().phase in (Phase.TRAINING, Phase.WAITING), run.view().message
            return steps[-1] >= target

        watch(run, went_on)
    assert steps == sorted(steps)
    assert max(later - sooner for sooner, later in pairwise(steps)) <= 25, "a slice is 20 steps"
    until(lambda: engine.status.workers == 2, what="the killed workers came back")
    engine.close()


def test_work_that_kills_its_workers_is_given_up() -> None:
    engine = start("kill_the_worker")
    given = state(7)
    run = engine.open_run(CONFIG, state=given, snapshot=snapshot(7))
    run.play()
    watch(run, lambda run: run.view().phase is Phase.FAILED, 40)
    assert "died 3 times in a row" in run.view().message
    assert run.state == given
    with pytest.raises(WorkerLostError):
        engine.call("fake_work:kill_the_worker", "{}", None, {}).result(40)
    assert engine.call("fake_work:greet", "again").result(20) == b"hello again"
    engine.close()


def test_work_that_never_ends_takes_no_worker_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "WORK_SECONDS", 0.5)
    engine = Engine(workers=1, preload="fake_work", work="fake_work:run_slice")
    with pytest.raises(WorkerLostError):
        engine.call("fake_work:greet", "you", 600.0).result(40)
    assert engine.call("fake_work:greet", "again").result(20) == b"hello again"
    engine.close()


def test_closing_leaves_no_process_no_thread_and_no_open_call() -> None:
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    engine = start()
    run = engine.open_run(CONFIG)
    run.play()
    watch(run, at_least(1))
    processes = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    assert len(processes) == 3, "two workers, and the process that forked them"
    calls: list[Future[bytes]] = [engine.call("fake_work:greet", "you", 5.0) for _ in range(4)]
    engine.close()
    assert not psutil.wait_procs(processes, timeout=5)[1]
    assert not any(
        t.name == "flowplay-engine" and t is engine._thread for t in threading.enumerate()
    )
    for call in calls:
        with pytest.raises(EngineClosedError):
            call.result(5)
    with pytest.raises(EngineClosedError):
        engine.call("fake_work:greet", "you").result(5)
    assert run.view().phase is Phase.CLOSED
    engine.close()


def test_closed_engine_says_so_and_lets_a_new_run_go() -> None:
    engine = start()
    until(lambda: engine.status.phase == "ready")
    engine.close()
    assert engine.status.phase == "unreachable"
    assert engine.status.message == "The server is shutting down."
    run = engine.open_run(CONFIG, state=state(3), snapshot=snapshot(3))
    run.play()
    assert run.view().phase is Phase.CLOSED
    assert run.view().message == (
        "This run was let go at step 3, since the server is shutting down."
    )
    assert run.state is None


def test_error_in_the_engine_fails_the_run_that_can_go_on_later(
    engine: Engine, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: object) -> SliceResult:
        raise RuntimeError("nobody thought of this")

    with monkeypatch.context() as patched:
        patched.setattr(engine_module, "_read_slice", failing)
        run.play()
        watch(run, lambda run: run.view().phase is Phase.FAILED)
        assert "an error in the engine" in run.view().message
    run.play()
    watch(run, at_least(1))


def test_no_worker_waits_for_a_state_to_be_decoded(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding, decoded = threading.Event(), threading.Event()

    def add(hosted: HostedRun, result: SliceResult) -> None:
        decoding.set()
        decoded.wait(20)

    monkeypatch.setattr(HostedRun, "add_to_history", add)
    monkeypatch.setattr(engine_module, "QUICK_BYTES", 0)
    run.play()
    watch(run, lambda _: decoding.is_set())
    version = run.view().version
    try:
        watch(run, lambda run: run.view().version > version + 3)
    finally:
        decoded.set()


def test_engine_that_cannot_load_its_module_says_so() -> None:
    engine = Engine(workers=1, preload="no_such_module")
    until(lambda: "cannot load no_such_module" in engine.status.message)
    assert engine.status.phase == "starting"
    engine.close()
