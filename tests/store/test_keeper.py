"""The keeper: what live runs leave in the store, and how they come back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowplay import shelf
from flowplay.config import RunConfig
from flowplay.engine import EngineStatus, Moment, Phase, Run
from flowplay.engine.hosted import HostedRun, SliceResult
from flowplay.store import StoreError, new_id
from flowplay.store import keeper as keeping
from flowplay.store.classes import Classes, ClassPlan
from flowplay.store.data import Data
from flowplay.store.keeper import Keeper, Opened
from flowplay.store.runs import KeptRun, Runs
from flowplay.store.store import Store
from flowplay.store.sweep import sweep
from flowplay.wire.own_data import Drawing
from store.kept import OWNER, header, snapshot, state

CONFIG = RunConfig(target="circles", depth=3)
STRANGER = "somebody else"


class Engine:
    """Runs that are trained by hand."""

    def __init__(self) -> None:
        self.hosted: dict[str, HostedRun] = {}

    def open_run(
        self,
        config: RunConfig,
        state: bytes | None = None,
        snapshot: bytes | None = None,
        earlier: Mapping[int, bytes] | None = None,
    ) -> Run:
        hosted = HostedRun(config, lambda: 0.0, state, snapshot, earlier)
        self.hosted[hosted.id] = hosted
        return Run(config, hosted, lambda: None, lambda: EngineStatus("ready", 1, ""))

    def land(self, run: Run, step: int, **told: Any) -> None:  # noqa: ANN401
        hosted = self.hosted[run.id]
        assert hosted.begin("w1", 0.2) is not None
        result = SliceResult(state(step), snapshot(step, **told), header(step, **told))
        hosted.succeeded(result, "w1", "", 0.0)
        if hosted.wants_in_history(result.header):
            hosted.add_to_history(result)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/runs.sqlite"


@pytest.fixture
def server(url: str, clock: Clock) -> Iterator[Callable[[], Keeper]]:
    """Makes keepers, each of a server process of its own, that look when they are told to."""
    made: list[Keeper] = []

    def make() -> Keeper:
        made.append(Keeper(Store(url), room=10**9, clock=clock))
        return made[-1]

    yield make
    for keeper in made:
        keeper.store.close()


def look(keeper: Keeper, *, everything: bool = False) -> None:
    keeper._look(everything=everything)


def begin(keeper: Keeper, engine: Engine, step: int = 20) -> tuple[Run, str]:
    run = engine.open_run(CONFIG)
    run.play()
    id_ = keeper.keep(run, OWNER)
    engine.land(run, step)
    look(keeper)
    return run, id_


def opened(keeper: Keeper, engine: Engine, id_: str, owner: str = OWNER) -> Opened:
    found = keeper.open(id_, owner, engine.open_run)
    assert found is not None
    return found


def test_a_run_that_trained_goes_on_where_it_was(
    server: Callable[[], Keeper], engine: Engine
) -> None:
    first, second = server(), server()
    run, id_ = begin(first, engine)
    found = opened(second, engine, id_)
    assert found.id == id_
    assert found.run.state == run.state
    assert found.run.moment().goes_on
    assert found.run.view().snapshot == run.view().snapshot
    assert found.run.earlier_steps == run.earlier_steps != []
    assert second.id_of(found.run) == id_


def test_an_older_moment_is_not_written_over_a_newer_one(
    server: Callable[[], Keeper], engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = server()
    run, id_ = begin(keeper, engine)
    engine.land(run, 40)
    clock.now += 60
    moment = run.moment

    def released_meanwhile() -> Moment:
        older = moment()
        monkeypatch.setattr(run, "moment", moment)
        engine.land(run, 60)
        keeper.release(run)
        opened(keeper, engine, id_)
        return older

    monkeypatch.setattr(run, "moment", released_meanwhile)
    look(keeper)
    found = keeper.runs.read(id_)
    assert found is not None
    assert found.header is not None
    assert found.header.step == 60


def test_one_run_that_cannot_be_written_keeps_no_other_from_it(
    server: Callable[[], Keeper], engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = server()
    (broken, _), (fine, id_) = begin(keeper, engine), begin(keeper, engine)
    engine.land(broken, 40)
    engine.land(fine, 40)
    write = keeper.runs.write

    def refuse(run: KeptRun, host: str, *, known: frozenset[int] | None) -> bool:
        if run.id != id_:
            raise OverflowError("too large")
        return write(run, host, known=known)

    monkeypatch.setattr(keeper.runs, "write", refuse)
    clock.now += 60
    look(keeper)
    found = keeper.runs.read(id_)
    assert found is not None
    assert found.header is not None
    assert found.header.step == 40


def test_a_run_that_takes_the_store_too_long_keeps_no_other_from_it(
    server: Callable[[], Keeper], engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = server()
    (large, large_id), (fine, id_) = begin(keeper, engine), begin(keeper, engine)
    write, tried = keeper.runs.write, []

    def refuse(run: KeptRun, host: str, *, known: frozenset[int] | None) -> bool:
        tried.append(run.id)
        if run.id == large_id:
            raise StoreError("The store of runs does not answer; trying again.")
        return write(run, host, known=known)

    monkeypatch.setattr(keeper.runs, "write", refuse)
    for step in (40, 60, 80, 100):
        engine.land(large, step)
        engine.land(fine, step)
        clock.now += 60
        for _ in range(2):
            with suppress(StoreError):
                look(keeper)
        found = keeper.runs.read(id_)
        assert found is not None
        assert found.header is not None
        assert found.header.step == step
    tried.clear()
    for _ in range(40):
        clock.now += 0.5
        with suppress(StoreError):
            look(keeper)
    assert tried.count(large_id) <= 2, "it is tried less and less often"
    keeper.release(large)
    engine.land(fine, 120)
    for _ in range(3):
        clock.now += 60
        with suppress(StoreError):
            look(keeper)
    found = keeper.runs.read(id_)
    assert found is not None
    assert found.state == fine.state, "a large one that was released waits behind it too"


def test_who_opens_a_run_does_not_wait_for_another_s_writing(
    server: Callable[[], Keeper], engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = server()
    large, _ = begin(keeper, engine)
    run, id_ = begin(keeper, engine)
    keeper.release(run)
    look(keeper)
    engine.land(large, 40)
    clock.now += 60
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> bool:
        begun.set()
        go_on.wait(20)
        ended.set()
        return True

    monkeypatch.setattr(keeper.runs, "write", slow)
    writer = threading.Thread(target=look, args=(keeper,))
    writer.start()
    try:
        assert begun.wait(20)
        opened(keeper, engine, id_)
        assert not ended.is_set()
    finally:
        go_on.set()
        writer.join()


def test_a_run_that_begins_is_kept_before_its_first_state(
    server: Callable[[], Keeper], engine: Engine
) -> None:
    first, second = server(), server()
    run = engine.open_run(CONFIG)
    run.play()
    id_ = first.keep(run, OWNER)
    look(first)
    found = opened(second, engine, id_)
    assert found.run.moment().goes_on
    assert found.run.state is None


@pytest.mark.parametrize("released", [True, False])
def test_a_run_that_begins_keeps_its_data(
    server: Callable[[], Keeper], engine: Engine, released: bool
) -> None:
    keeper = server()
    content = Drawing("spot", np.full((2, 2), 7, np.uint16)).to_bytes()
    digest = shelf.put(content)
    run = engine.open_run(RunConfig(target="picture", target_options={"data": digest}))
    run.play()
    keeper.keep(run, OWNER)
    if released:
        keeper.release(run)
    look(keeper)
    assert Data(keeper.store).get(digest) == content


def test_only_the_process_that_has_a_run_trains_it(
    server: Callable[[], Keeper], engine: Engine
) -> None:
    first, second = server(), server()
    run, id_ = begin(first, engine)
    other = opened(second, engine, id_).run
    engine.land(run, 500)
    look(first, everything=True)
    assert run.view().phase is Phase.PAUSED
    assert first.id_of(run) == ""
    engine.land(other, 30)
    look(second, everything=True)
    kept = second.runs.read(id_)
    assert kept is not None
    assert kept.state == other.state


def test_a_run_that_rested_here_and_went_on_elsewhere_is_shown_as_it_is(
    server: Callable[[], Keeper], engine: Engine
) -> None:
    first, second = server(), server()
    run, id_ = begin(first, engine)
    run.pause()
    look(first)
    assert opened(first, engine, id_).run is run
    other = opened(second, engine, id_).run
    other.set_hot(CONFIG.hot.model_copy(update={"learning_rate": 0.1}))
    other.play()
    engine.land(other, 500)
    look(second, everything=True)
    config = first.config(id_, OWNER)
    assert config is not None
    assert config.learning_rate == 0.1
    found = opened(first, engine, id_)
    assert found.run.state == other.state
    assert run.view().phase is Phase.CLOSED, "a page that has it opens it anew"
    engine.land(found.run, 600)
    look(first, everything=True)
    kept = second.runs.read(id_)
    assert kept is not None
    assert kept.state == found.run.state


def test_a_server_lets_go_of_a_resting_run_that_goes_on_elsewhere(
    server: Callable[[], Keeper], engine: Engine, clock: Clock
) -> None:
    first, second = server(), server()
    run, id_ = begin(first, engine)
    kept_here, _ = begin(first, engine)
    for each in (run, kept_here):
        each.pause()
    look(first)
    opened(second, engine, id_)
    clock.now += keeping.WRITE_SECONDS
    look(first)
    assert first.live(id_, OWNER) is None
    assert run.view().phase is Phase.CLOSED
    assert kept_here.view().phase is not Phase.CLOSED


def test_a_run_of_a_store_that_is_away_is_still_open(
    server: Callable[[], Keeper], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = server()
    run, id_ = begin(keeper, engine)

    def away(*_: object) -> list[str]:
        raise StoreError("The store of runs does not answer; trying again.")

    monkeypatch.setattr(keeper.runs, "elsewhere", away)
    assert opened(keeper, engine, id_).run is run


@pytest.mark.parametrize(("room", "days"), [(0, None), (10**9, 1e-5)])
def test_a_run_that_rests_on_a_page_is_not_swept(
    url: str,
    engine: Engine,
    clock: Clock,
    room: int,
    days: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeper = Keeper(Store(url), room=room, days=days, clock=clock)
    keeper.runs = Runs(keeper.store, clock)
    monkeypatch.setattr(keeping, "sweep", partial(sweep, clock=clock))
    (run, id_), (left, left_id) = begin(keeper, engine), begin(keeper, engine)
    for each in (run, left):
        each.pause()
    look(keeper)
    keeper.release(left)
    for _ in range(25):
        clock.now += 30
        look(keeper)
    assert keeper.runs.read(id_) is not None
    assert keeper.runs.read(left_id) is None
    keeper.release(run)
    look(keeper)
    clock.now += 700
    look(keeper)
    assert keeper.runs.read(id_) is None
    keeper.store.close()


@pytest.mark.parametrize(("days", "class_days"), [(None, 1.5), (1.5, 30.0)])
def test_classes_are_swept_whatever_the_days_of_runs(
    url: str, days: float | None, class_days: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = Clock()
    monkeypatch.setattr(keeping, "Classes", partial(Classes, clock=now))
    keeper = Keeper(Store(url), room=10**9, days=days, class_days=class_days, clock=now)
    classes = Classes(keeper.store, clock=now)
    id_, _ = classes.make(ClassPlan(), OWNER)
    now.now += 86_400
    look(keeper)
    assert classes.of_owner(OWNER)
    now.now += 86_400
    look(keeper)
    assert classes.get(id_) is None
    keeper.store.close()


def test_a_larger_budget_is_used_after_a_restart(
    server: Callable[[], Keeper], engine: Engine
) -> None:
    first, second = server(), server()
    run, id_ = begin(first, engine)
    engine.land(run, 2000, finished=True)
    run.set_hot(CONFIG.hot.model_copy(update={"budget": 4000.0}))
    run.play()
    look(first)
    again = opened(second, engine, id_).run
    assert again.moment().goes_on
    assert again.view().hot.budget == 4000.0


def test_no_slice_has_other_settings_than_those_that_are_fixed(
    server: Callable[[], Keeper], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = server(), server()
    _, id_ = begin(first, engine)
    played: list[float] = []
    play = Run.play

    def watched(run: Run) -> None:
        played.append(run.view().hot.learning_rate)
        play(run)

    monkeypatch.setattr(Run, "play", watched)
    found = second.open(id_, OWNER, engine.open_run, {"learning_rate": 0.1})
    assert found is not None
    assert played == [0.1]
    assert found.run.view().hot.budget == CONFIG.budget
    look(second)
    kept = second.runs.read(id_)
    assert kept is not None
    assert kept.hot.learning_rate == 0.1


def test_two_tabs_of_a_server_share_one_run(server: Callable[[], Keeper], engine: Engine) -> None:
    keeper = server()
    run, id_ = begin(keeper, engine)
    assert opened(keeper, engine, id_).run is run
    assert keeper.keep(run, OWNER) == id_


def test_a_stranger_gets_a_copy_that_rests(server: Callable[[], Keeper], engine: Engine) -> None:
    keeper = server()
    run, id_ = begin(keeper, engine)
    copy = opened(keeper, engine, id_, STRANGER)
    assert copy.id == ""
    assert copy.run is not run
    assert copy.run.state == run.state
    assert copy.run.view().phase is Phase.IDLE
    copy.run.play()
    engine.land(copy.run, 99)
    own = keeper.keep(copy.run, STRANGER)
    look(keeper, everything=True)
    kept = keeper.runs.read(id_)
    assert kept is not None
    assert (kept.state, kept.owner, own != id_) == (run.state, OWNER, True)
    assert not keeper.delete(id_, STRANGER)
    assert not keeper.runs.rename(id_, STRANGER, "mine")
    with pytest.raises(ValueError, match="no such run"):
        keeper.share_kept(id_, STRANGER)


def test_while_it_trains_it_is_written_every_few_seconds(
    server: Callable[[], Keeper], engine: Engine, clock: Clock
) -> None:
    keeper = server()
    run, id_ = begin(keeper, engine)

    def written() -> int:
        kept = keeper.runs.read(id_)
        assert kept is not None
        assert kept.header is not None
        return kept.header.step

    clock.now += 1.0
    engine.land(run, 40)
    look(keeper)
    assert written() == 20, "not every slice"
    clock.now += keeping.WRITE_SECONDS
    look(keeper)
    assert written() == 40
    engine.land(run, 60, seconds=60.0)
    look(keeper)
    assert written() == 60, "much training in a short time"
    engine.land(run, 80)
    run.pause()
    look(keeper)
    assert written() == 80, "what rests is written at once"
    engine.land(run, 80)
    look(keeper)
    kept = keeper.runs.read(id_)
    assert kept is not None
    assert (kept.training, kept.state) == (False, run.state)


def test_a_run_that_is_let_go_comes_back(server: Callable[[], Keeper], engine: Engine) -> None:
    keeper = server()
    run, id_ = begin(keeper, engine)
    engine.hosted[run.id].let_go("nobody had looked at it")
    assert keeper.live(id_, OWNER) is None
    again = opened(keeper, engine, id_)
    assert again.run is not run
    assert again.run.moment().goes_on


def test_a_run_that_is_closed_leaves_its_last_state(
    server: Callable[[], Keeper], engine: Engine
) -> None:
    keeper = server()
    run, id_ = begin(keeper, engine)
    engine.land(run, 77)
    last = run.state
    keeper.release(run)
    run.close()
    # Before the keeper's thread has written it.
    found = opened(keeper, engine, id_)
    assert found.run.state == last
    assert found.run.view().phase is Phase.IDLE


def test_a_run_whose_session_is_gone_goes_on_when_it_is_opened(
    server: Callable[[], Keeper], engine: Engine
) -> None:
    keeper = server()
    run, id_ = begin(keeper, engine)
    keeper.release(run, to_go_on=True)
    run.close()
    assert opened(keeper, engine, id_).run.moment().goes_on


def test_a_server_that_ends_writes_what_it_has(
    server: Callable[[], Keeper], engine: Engine
) -> None:
    keeper = server()
    run, id_ = begin(keeper, engine)
    engine.land(run, 50)
    keeper.start()
    keeper.close()
    kept = server().runs.read(id_)
    assert kept is not None
    assert kept.state == run.state


def test_what_was_trained_while_the_store_was_away_is_written_later(
    server: Callable[[], Keeper], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = server()
    run, id_ = begin(keeper, engine)

    def away(*_: object, **__: object) -> bool:
        raise StoreError("The store of runs does not answer; trying again.")

    with monkeypatch.context() as broken:
        broken.setattr(keeper.runs, "write", away)
        engine.land(run, 50)
        with pytest.raises(StoreError):
            look(keeper, everything=True)
        keeper.release(run)
        with pytest.raises(StoreError):
            look(keeper)
    look(keeper)
    kept = keeper.runs.read(id_)
    assert kept is not None
    assert kept.state == run.state


def test_a_deleted_run_is_gone_for_good(server: Callable[[], Keeper], engine: Engine) -> None:
    keeper = server()
    run, id_ = begin(keeper, engine)
    link = keeper.share(run, OWNER)
    assert keeper.delete(id_, OWNER)
    assert run.view().phase is Phase.CLOSED
    look(keeper, everything=True)
    assert keeper.open(id_, OWNER, engine.open_run) is None
    assert opened(keeper, engine, link, STRANGER).run.view().header is not None
    assert keeper.delete(link, OWNER)
    assert keeper.open(link, OWNER, engine.open_run) is None


@pytest.mark.parametrize(
    "id_",
    ["", "x", "../etc/passwd", "' OR 1=1 --", 99 * "é", "\x00", pytest.param(new_id(), id="an id")],
)
def test_ids_that_name_nothing(server: Callable[[], Keeper], engine: Engine, id_: str) -> None:
    keeper = server()
    assert keeper.open(id_, OWNER, engine.open_run) is None
    assert keeper.config(id_, OWNER) is None
