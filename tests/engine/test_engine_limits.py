"""What visitors of an open server may take: a sentence for who is above it, nothing for others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from deadline import until

from flowplay.config import RunConfig
from flowplay.engine import Engine, Phase, Run
from flowplay.limits import Limits, limits

CONFIG = RunConfig(budget=100_000)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(
        workers=1,
        preload="fake_work",
        work="fake_work:run_slice",
        limits=Limits(max_runs=3, max_runs_per_session=2, max_parameters=1000),
    )
    until(lambda: engine.status.phase == "ready", what="a worker")
    yield engine
    engine.close()


def opened(engine: Engine, viewer: str) -> Run:
    run = engine.open_run(CONFIG)
    engine.watch(viewer, run, lambda: True)
    run.play()
    return run


def has_picture(run: Run) -> Callable[[], bool]:
    def look() -> bool:
        header = run.view().header
        return header is not None and header.step > 0

    return look


def test_runs_above_a_limit_are_told_so_and_the_others_go_on(engine: Engine) -> None:
    first, second, third = (opened(engine, f"a/{part}") for part in range(3))
    assert third.view().phase is Phase.IDLE
    assert "You train 2 runs at once" in third.view().message
    other = opened(engine, "b")
    assert other.view().message == ""
    last = opened(engine, "c")
    assert "This server trains 3 runs at once" in last.view().message
    for run in (first, second, other):
        until(has_picture(run), what="a picture")
    census = engine.census()
    assert (census.runs, census.training) == (5, 3)
    assert census.steps > 0
    # With a place free again, the same press of the button does it.
    first.pause()
    last.play()
    assert last.view().message == ""
    until(has_picture(last), what="a picture")


def test_limits_of_the_environment_are_read_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWPLAY_MAX_RUNS", "5")
    limits.cache_clear()
    assert limits().max_runs == 5
    monkeypatch.setenv("FLOWPLAY_MAX_RUNS", "many")
    limits.cache_clear()
    with pytest.raises(ValueError, match=r"^FLOWPLAY_MAX_RUNS='many' is no number"):
        limits()
    limits.cache_clear()


def started(limits: Limits) -> Engine:
    engine = Engine(workers=1, preload="fake_work", work="fake_work:run_slice", limits=limits)
    until(lambda: engine.status.phase == "ready", what="a worker")
    return engine


def test_a_model_above_the_limit_is_refused_with_what_to_lower() -> None:
    engine = started(Limits(max_parameters=9))  # the fake model has ten
    try:
        run = opened(engine, "a")
        until(lambda: run.view().phase is Phase.FAILED)
        sentence = "This model has 10 parameters; this server trains models of at most 9."
        assert run.view().message.startswith(sentence)
        assert "Lower the width or the depth." in run.view().message
    finally:
        engine.close()


def test_a_run_that_nobody_looks_at_is_let_go_after_the_idle_time_that_is_set() -> None:
    engine = started(Limits(idle_minutes=0.01))
    try:
        kept, left = (engine.open_run(CONFIG) for _ in range(2))
        engine.watch("a", kept, lambda: True)
        left.step()
        until(lambda: left.view().phase is Phase.CLOSED, 60)
        assert "nobody had looked at it for 0.01 minutes" in left.view().message
        assert kept.view().phase is not Phase.CLOSED
    finally:
        engine.close()
