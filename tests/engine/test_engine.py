"""The engine with real worker processes, and work that only sleeps and counts."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import pairwise

import psutil
import pytest
from deadline import until
from fake_work import snapshot

from flowplay.config import RunConfig
from flowplay.engine import (
    Engine,
    EngineClosedError,
    Phase,
    Run,
    WorkerLostError,
    WorkError,
)
from flowplay.engine import engine as engine_module
from flowplay.engine.run import LEASE_SECONDS
from flowplay.snapshot import Snapshot

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


def shown(run: Run) -> Snapshot:
    picture = run.view().snapshot
    assert picture is not None
    return picture


def at_least(step: int) -> Callable[[Run], bool]:
    def reached(run: Run) -> bool:
        picture = run.view().snapshot
        return picture is not None and picture.step >= step

    return reached


def at_rest(run: Run) -> bool:
    view = run.view()
    return not view.in_flight and view.snapshot is not None and view.snapshot.density.shape[0] == 64


def worker_of(run: Run) -> int:
    return int(shown(run).grad_norm)


def test_status_is_ready_and_silent(engine: Engine) -> None:
    assert engine.status.phase == "ready"
    assert engine.status.message == ""


def test_playing_brings_snapshots_and_a_state(run: Run) -> None:
    assert run.view().phase is Phase.IDLE
    run.play()
    watch(run, lambda run: run.view().version >= 3)
    assert run.view().phase is Phase.TRAINING
    assert run.state is not None
    assert int(run.state.split(b"|")[0]) >= 3


def test_lone_run_stays_on_its_worker(run: Run) -> None:
    run.play()
    workers = set()

    def seen(run: Run) -> bool:
        if run.view().snapshot is not None:
            workers.add(worker_of(run))
        return run.view().version >= 6

    watch(run, seen)
    assert len(workers) == 1


def test_pause_ends_on_a_fine_picture_and_play_goes_on(run: Run) -> None:
    run.play()
    watch(run, at_least(5))
    run.pause()
    watch(run, at_rest)
    step, version = shown(run).step, run.view().version
    assert run.view().phase is Phase.PAUSED
    other = run._engine.open_run(CONFIG)
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
        assert shown(run).density.shape == (64, 64)


def test_learning_rate_changes_while_training(run: Run) -> None:
    run.play()
    watch(run, at_least(1))
    run.set_learning_rate(0.125)
    watch(run, lambda run: shown(run).learning_rate == 0.125)


def test_budget_ends_the_run_and_a_larger_one_continues_it(engine: Engine) -> None:
    run = engine.open_run(RunConfig(budget=12))
    run.play()
    watch(run, lambda run: run.view().phase is Phase.FINISHED and at_rest(run))
    assert shown(run).step == 12
    run.play()
    assert run.view().phase is Phase.FINISHED
    run.set_budget(20)
    run.play()
    watch(run, lambda run: run.view().phase is Phase.FINISHED and at_rest(run))
    assert shown(run).step == 20
    run.close()


def test_given_state_is_continued(engine: Engine) -> None:
    run = engine.open_run(CONFIG, state=b"500|", snapshot=snapshot(500))
    assert shown(run).step == 500
    run.step()
    watch(run, at_least(501))
    assert shown(run).step == 501
    run.close()


def test_unwatched_run_stops_and_goes_on_when_seen_again(run: Run) -> None:
    run.play()
    watch(run, at_least(1))
    CLOCK.ahead += LEASE_SECONDS
    until(lambda: not run.view().in_flight)
    assert run.view().phase is Phase.AWAY
    version = run.view().version
    # Somebody else's slices show that the engine went on without it.
    other = run._engine.open_run(CONFIG)
    other.play()
    watch(other, lambda other: other.view().version >= 3)
    other.close()
    assert run.view().version == version
    watch(run, lambda run: run.view().version >= version + 2)
    assert run.view().phase is Phase.TRAINING


def test_long_unwatched_run_is_let_go(engine: Engine) -> None:
    run = engine.open_run(CONFIG)
    run.step()
    watch(run, at_rest)
    CLOCK.ahead += engine_module.RUN_KEPT_SECONDS
    engine.wake()
    until(lambda: run.view().phase is Phase.CLOSED)
    assert run.state is None
    assert "let go" in run.view().message


def test_too_many_runs_crowd_out_the_unwatched(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "RUNS_KEPT", 2)
    old = engine.open_run(CONFIG)
    CLOCK.ahead += LEASE_SECONDS
    new = [engine.open_run(CONFIG) for _ in range(3)]
    engine.wake()
    until(lambda: old.view().phase is Phase.CLOSED)
    assert all(run.view().phase is Phase.IDLE for run in new)
    for run in new:
        run.close()


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
    began = time.monotonic()
    engine.call("fake_work:greet", "you").result(20)
    took = time.monotonic() - began
    for run in runs:
        run.close()
    assert took < 1.0, "as a slice it would have waited for eight others"


def test_workers_are_warm_and_nice(engine: Engine) -> None:
    assert engine.call("fake_work:is_warm").result(20) == b"yes"
    assert int(engine.call("fake_work:niceness").result(20)) >= 5


def test_twelve_runs_share_two_workers_alike(engine: Engine) -> None:
    runs = [engine.open_run(CONFIG) for _ in range(12)]
    for run in runs:
        run.play()
    pictures = dict.fromkeys((run.id for run in runs), 0)
    arrivals: dict[str, list[float]] = {run.id: [] for run in runs}

    def all_have_had_turns() -> bool:
        # Who came first has a head start; what counts is the time when all take part.
        all_take_part = min(pictures.values()) >= 2
        for run in runs:
            run.renew()
            if (version := run.view().version) > pictures[run.id]:
                pictures[run.id] = version
                if all_take_part:
                    arrivals[run.id].append(time.monotonic())
        return min(len(times) for times in arrivals.values()) >= 4

    until(all_have_had_turns, 40)
    for run in runs:
        run.close()
    gaps = [later - sooner for a in arrivals.values() for sooner, later in pairwise(a)]
    assert max(gaps) < 2.0 * min(gaps)


def test_viewers_never_wait(engine: Engine, run: Run) -> None:
    run.play()
    watch(run, at_least(1))
    slowest = 0.0

    def look() -> bool:
        nonlocal slowest
        began = time.thread_time()
        run.renew()
        run.view()
        _ = run.state, engine.status
        slowest = max(slowest, time.thread_time() - began)
        return run.view().version >= 6

    until(look)
    assert slowest < 0.01


def test_error_in_the_work_fails_the_run_and_keeps_its_state() -> None:
    failing = start("raise_after_some_steps")
    run = failing.open_run(CONFIG)
    run.play()
    watch(run, lambda run: run.view().phase is Phase.FAILED)
    assert run.view().message == (
        "Training stopped on an error in the worker: ArithmeticError: the loss is not a number."
    )
    assert run.state is not None
    assert int(run.state.split(b"|")[0]) == shown(run).step >= 8
    failing.close()


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
    run = engine.open_run(CONFIG, state=b"7|", snapshot=snapshot(7))
    run.play()
    watch(run, lambda run: run.view().phase is Phase.FAILED, 40)
    assert "died 3 times in a row" in run.view().message
    assert run.state == b"7|"
    with pytest.raises(WorkerLostError):
        engine.call("fake_work:kill_the_worker", "{}", None, {}).result(40)
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


def test_engine_that_cannot_load_its_module_says_so() -> None:
    engine = Engine(workers=1, preload="no_such_module")
    until(lambda: "cannot load no_such_module" in engine.status.message)
    assert engine.status.phase == "starting"
    engine.close()
