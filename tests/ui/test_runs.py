"""The session's runs: the example, hot settings, failed runs, and runs that were let go."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit import runtime

sys.path.append(str(Path(__file__).parents[1] / "engine"))

from fake_work import header, snapshot, state

from flowplay.config import RunConfig
from flowplay.engine import EngineStatus, Phase, Run
from flowplay.engine.hosted import HostedRun, SliceResult
from flowplay.engine.machine import SliceOrder
from flowplay.ui import runs
from flowplay.ui.example import Example

DEFAULT = RunConfig()
OTHER = RunConfig(target="circles")
DONE = int(DEFAULT.budget)


class FakeEngine:
    """Runs that are trained by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.hosted: dict[str, HostedRun] = {}
        self.watched: list[tuple[str, str, Callable[[], bool]]] = []

    def open_run(
        self,
        config: RunConfig,
        state: bytes | None = None,
        snapshot: bytes | None = None,
        earlier: Mapping[int, bytes] | None = None,
        group: str = "",
    ) -> Run:
        hosted = HostedRun(config, lambda: self.now, state, snapshot, earlier)
        self.hosted[hosted.id] = hosted
        return Run(config, hosted, lambda: None, lambda: EngineStatus("ready", 1, ""))

    def watch(self, viewer: str, run: Run, present: Callable[[], bool]) -> None:
        self.watched.append((viewer, run.id, present))

    def land(self, run: Run, step: int, failure: str = "") -> SliceOrder:
        """Do the next slice of a run, which ends at a step."""
        hosted = self.hosted[run.id]
        assignment = hosted.begin("w1", 0.2)
        assert assignment is not None
        told = {"failure": failure, "finished": step >= run.view().hot.budget}
        result = SliceResult(state(step), snapshot(step, **told), header(step, **told))  # type: ignore[arg-type]
        hosted.succeeded(result, "w1", "", 0.0)
        return assignment.order


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    engine = FakeEngine()
    bundled = Example(DEFAULT, state(DONE), snapshot(DONE, finished=True))
    monkeypatch.setattr(runs, "engine", lambda: engine)
    monkeypatch.setattr(runs, "example", lambda: bundled)
    monkeypatch.setattr(runs, "st", SimpleNamespace(session_state={}))
    return engine


def changed(config: RunConfig, **values: float) -> RunConfig:
    return config.model_copy(update=values)


def test_the_example_stays_the_example_when_the_temperature_moves(engine: FakeEngine) -> None:
    run = runs.current_run(DEFAULT)
    assert runs.is_example(run)
    cooler = changed(DEFAULT, temperature=0.5)
    assert runs.current_run(cooler) is run
    order = engine.land(run, DONE)
    assert (order.steps, order.hot) == (0, cooler.hot)
    assert run.view().version == 2, "another snapshot"
    assert runs.is_example(run)
    runs.continue_example(cooler)
    assert run.view().phase is Phase.WAITING
    engine.land(run, DONE + 1)
    assert not runs.is_example(run)


def test_train_starts_the_example_anew_whatever_its_temperature(engine: FakeEngine) -> None:
    cooler = changed(DEFAULT, temperature=0.5)
    example = runs.current_run(cooler)
    engine.land(example, DONE)
    runs.train(cooler)
    run = runs.current_run(cooler)
    assert run is not example
    assert run.view().header is None
    assert run.view().phase is Phase.WAITING
    assert run.view().hot == cooler.hot


def test_hot_settings_are_handed_over_once_each(engine: FakeEngine) -> None:
    run = runs.current_run(OTHER)
    assert engine.land(run, 0).hot is None
    runs.train(OTHER)
    engine.land(run, int(OTHER.budget))
    runs.train(OTHER)
    extended = run.view().hot.budget
    assert extended == 2 * OTHER.budget
    runs.current_run(changed(OTHER, learning_rate=0.01))
    assert (run.view().hot.budget, run.view().hot.learning_rate) == (extended, 0.01)


def test_what_a_session_remembers_is_bounded(engine: FakeEngine) -> None:
    for seed in range(100):
        run = runs.current_run(changed(OTHER, seed=seed))
        engine.land(run, 0)
        runs.step(changed(OTHER, seed=seed))
        engine.land(run, 1)
        runs.current_run(changed(OTHER, seed=seed, learning_rate=0.01))
        sizes = [len(kept) for kept in runs.st.session_state.values()]  # type: ignore[attr-defined]
        assert max(sizes) <= 32
    assert sum(not hosted.closed for hosted in engine.hosted.values()) == runs.RUNS_PER_SESSION


def test_a_budget_typed_after_the_end_is_trained_to(engine: FakeEngine) -> None:
    run = runs.current_run(OTHER)
    engine.land(run, 0)
    runs.train(OTHER)
    engine.land(run, 2000)
    assert run.view().phase is Phase.FINISHED
    runs.train(changed(OTHER, budget=3000))
    assert run.view().hot.budget == 3000


@pytest.mark.parametrize("button", [runs.train, runs.step])
def test_a_button_that_finds_its_run_let_go_leaves_the_note(
    engine: FakeEngine, button: Callable[[RunConfig], None]
) -> None:
    run = trained(engine, OTHER)
    engine.hosted[run.id].let_go("nobody had looked at it for 30 minutes")
    button(OTHER)
    assert "nobody had looked at it" in runs.let_go_note(), "it has not been shown yet"
    engine.land(runs.current_run(OTHER), 1)
    button(OTHER)
    assert runs.let_go_note() == ""


@pytest.mark.parametrize("button", [runs.train, runs.step])
def test_failed_run_goes_on_with_the_rate_that_is_set(
    engine: FakeEngine, button: Callable[[RunConfig], None]
) -> None:
    run = runs.current_run(OTHER)
    engine.land(run, 0)
    runs.train(OTHER)
    engine.land(run, 7, failure="The loss diverged.")
    assert run.view().phase is Phase.FAILED
    smaller = changed(OTHER, learning_rate=0.001)
    assert runs.current_run(smaller) is run
    assert run.view().phase is Phase.FAILED, "nothing goes on by itself"
    button(smaller)
    assert runs.current_run(smaller) is run
    order = engine.land(run, 8)
    assert order.hot == smaller.hot
    assert run.view().phase is (Phase.TRAINING if button is runs.train else Phase.PAUSED)


def trained(engine: FakeEngine, config: RunConfig) -> Run:
    run = runs.current_run(config)
    engine.land(run, 0)
    runs.train(config)
    engine.land(run, 1200)
    return run


def test_a_run_that_was_let_go_is_told_of_until_it_is_trained(engine: FakeEngine) -> None:
    run = trained(engine, OTHER)
    runs.current_run(OTHER)
    assert runs.let_go_note() == ""
    engine.hosted[run.id].let_go("nobody had looked at it for 30 minutes")
    again = runs.current_run(OTHER)
    assert again is not run
    sentence = (
        "This run was let go at step 1,200, since nobody had looked at it for 30 minutes; "
        "the flow shown is untrained."
    )
    assert runs.let_go_note() == sentence
    runs.current_run(DEFAULT)
    assert runs.let_go_note() == "", "it belongs to other settings"
    runs.current_run(OTHER)
    assert runs.let_go_note() == sentence
    engine.land(again, 0)
    runs.train(OTHER)
    assert runs.let_go_note() == ""


def test_a_session_tells_of_runs_beyond_its_own_number_too(engine: FakeEngine) -> None:
    trained(engine, OTHER)
    for seed in range(1, runs.RUNS_PER_SESSION + 1):
        runs.current_run(changed(OTHER, seed=seed))
    runs.current_run(OTHER)
    assert "8 others were looked at since; the flow shown is untrained." in runs.let_go_note()


def test_where_nothing_was_lost_nothing_is_told(engine: FakeEngine) -> None:
    for config in (DEFAULT, OTHER):
        run = runs.current_run(config)
        engine.hosted[run.id].let_go("nobody had looked at it for 30 minutes")
        assert runs.current_run(config) is not run
        assert runs.let_go_note() == ""


def test_after_a_trained_default_run_the_example_is_shown_and_named(engine: FakeEngine) -> None:
    runs.train(DEFAULT)
    run = runs.current_run(DEFAULT)
    engine.land(run, 300)
    engine.hosted[run.id].let_go("nobody had looked at it for 30 minutes")
    assert runs.is_example(runs.current_run(DEFAULT))
    assert runs.let_go_note().endswith("30 minutes; the flow shown is the example.")


def test_the_note_outlives_the_example_that_train_replaces(engine: FakeEngine) -> None:
    runs.train(DEFAULT)
    run = runs.current_run(DEFAULT)
    engine.land(run, 300)
    engine.hosted[run.id].let_go("nobody had looked at it for 30 minutes")
    runs.train(DEFAULT)
    assert runs.let_go_note().endswith("30 minutes; the flow shown is untrained.")


def test_the_engine_asks_the_server_whether_the_session_is_there(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "get_script_run_ctx", lambda: SimpleNamespace(session_id="s1"))
    run = runs.current_run(OTHER)
    viewer, watched, present = engine.watched[-1]
    assert (viewer, watched) == ("s1", run.id)
    monkeypatch.setattr(runtime, "exists", lambda: False)
    assert present(), "a page that a test runs has no server"
    active = {"s1"}
    server = SimpleNamespace(is_active_session=lambda session: session in active)
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    assert present()
    active.clear()
    assert not present(), "its websocket is gone"


def test_only_runs_that_took_steps_here_count_as_trained(engine: FakeEngine) -> None:
    opened = runs.current_run(DEFAULT)
    assert runs.is_example(opened)
    other = runs.current_run(OTHER)
    assert runs.trained_runs() == []
    engine.land(other, 0)
    assert runs.trained_runs() == [], "a picture of an untrained run is no step"
    runs.train(OTHER)
    engine.land(other, 5)
    assert runs.trained_runs() == [other]


def test_the_runs_of_a_session_that_is_gone_are_let_go(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    session: dict[str, object] = {}
    monkeypatch.setattr(runs, "st", SimpleNamespace(session_state=session))
    left, board = runs.current_run(OTHER), runs.board_runs([DEFAULT])[0]
    runs.train(OTHER)
    engine.land(left, 10)
    released: list[tuple[str, bool]] = []

    class Keeper:
        def release(self, run: Run, *, to_go_on: bool = False) -> None:
            if run.id in engine.hosted:  # sessions of other tests may end here too
                released.append((run.id, to_go_on))

    monkeypatch.setattr(runs, "keeper", Keeper)
    monkeypatch.setattr(runs, "_again", lambda key, config: None)
    session.clear()
    gc.collect()
    engine.now = 1000.0
    shown = runs.current_run(OTHER)
    assert {left.view().phase, board.view().phase} == {Phase.CLOSED}
    assert sorted(released) == sorted([(left.id, True), (board.id, True)])
    assert shown.view().phase is not Phase.CLOSED


def test_a_run_that_somebody_else_looks_at_is_not_let_go_with_its_session(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    session: dict[str, object] = {}
    monkeypatch.setattr(runs, "st", SimpleNamespace(session_state=session))
    left = runs.current_run(OTHER)
    session.clear()
    gc.collect()
    engine.now = 1000.0
    left.renew()
    runs.current_run(DEFAULT)
    assert left.view().phase is not Phase.CLOSED
