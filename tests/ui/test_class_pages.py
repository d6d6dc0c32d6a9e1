"""A class on its students' pages and on its teacher's, by Streamlit's own test runner."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
import streamlit as st
from sqlalchemy import update
from store.kept import kept
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay.config import RunConfig
from flowplay.engine import Engine, Run
from flowplay.rules import flat_values
from flowplay.store import StoreError
from flowplay.store.classes import Classes, ClassPlan
from flowplay.store.keeper import Keeper
from flowplay.store.schema import StoredRun
from flowplay.store.store import Store
from flowplay.ui import classroom, keeping, runs, wall
from flowplay.ui.example import example
from flowplay.ui.joining import student_rules
from flowplay.ui.settings import CLASS_PAUSED
from flowplay.wire import Header

PAGES = Path(__file__).parents[2] / "pages"
PLAN = ClassPlan(title="Couplings", config=RunConfig(depth=3, width=16))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine(scheduler="tcp://127.0.0.1:9")
    yield engine
    engine.close()


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    keeper = Keeper(Store(f"sqlite:///{tmp_path}/runs.sqlite"), room=10**9)
    yield keeper
    keeper.store.close()


@pytest.fixture
def classes(keeper: Keeper) -> Classes:
    return Classes(keeper.store)


@pytest.fixture(autouse=True)
def _use(engine: Engine, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("shell", "runs", "work", "live", "card", "recall", "inside", "board"):
        monkeypatch.setattr(f"flowplay.ui.{module}.engine", lambda: engine)
    for module in ("runs", "recall", "joining", "classroom", "teaching", "wall"):
        monkeypatch.setattr(f"flowplay.ui.{module}.browser", lambda: "mine")
    monkeypatch.setattr("flowplay.ui.race.page.engine", lambda: engine)
    monkeypatch.setattr(keeping, "_keeper", keeper)


def show(page: str = "playground", **query: str) -> AppTest:
    PagesManager.uses_pages_directory = False
    test = AppTest.from_file(str(PAGES / f"{page}.py"), default_timeout=60)
    for name, value in query.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


def joined(classes: Classes, plan: ClassPlan = PLAN) -> str:
    """Make a class that this browser has joined; return its id."""
    id_, _ = classes.make(plan, "teacher")
    classes.join(id_, "mine", "")
    return id_


def pause(classes: Classes, id_: str, *, paused: bool = True) -> None:
    """Do what the teacher's button does."""
    classes.pause(id_, paused=paused)
    classroom.forget_class(id_)


def held(page: AppTest) -> list[Run]:
    """Return all runs of a session."""
    state = page.session_state
    single = [each.run for each in state["_runs"].values()] if "_runs" in state else []
    return [*single, *(state["_board_runs"].values() if "_board_runs" in state else ())]


def moving(page: AppTest) -> int:
    """Return how many runs of a session train, or are to."""
    return sum(run.moment().goes_on or run.view().phase in runs.ACTIVE for run in held(page))


def test_hidden_options_are_fixed_as_hidden_settings_are(classes: Classes) -> None:
    plan = ClassPlan(config=RunConfig(architecture="nsf", depth=3), hidden=("bins", "depth"))
    id_ = joined(classes, plan)
    found, student = classes.get(id_), classes.student(id_, "mine")
    assert found is not None
    assert student is not None
    own = flat_values(plan.config)["bins"]
    assert dict(student_rules(found, student).fixed) == {"bins": own, "depth": 3}
    page = show(**{"class": id_, "architecture": "nsf", "bins": "30", "depth": "9"})
    assert page.session_state["bins"] == own
    said = {warning.value for warning in page.warning}
    assert said >= {f"bins is locked: using {own}, not 30.", "depth is locked: using 3, not 9."}
    page.session_state["bins"] = 30
    assert page.run().session_state["bins"] == own


@pytest.mark.parametrize(
    ("name", "button"),
    [
        ("playground", "train"),
        ("playground", "step"),
        ("playground", "continue_example"),
        ("energies", "board_play"),
        ("race", "race_train"),
        ("race", "race_step"),
    ],
)
def test_nothing_trains_once_a_class_is_paused_whatever_the_page_knows(
    classes: Classes, monkeypatch: pytest.MonkeyPatch, name: str, button: str
) -> None:
    # What is pressed before the page has looked again.
    monkeypatch.setattr(classroom, "class_banner", lambda shown: None)
    id_ = joined(classes, ClassPlan())
    page = show(name, **{"class": id_})
    pause(classes, id_)
    page.button(key=button).click().run()
    assert not page.exception
    assert held(page)
    assert moving(page) == 0
    pause(classes, id_, paused=False)
    page.button(key=button).click().run()
    assert moving(page) > 0


@pytest.mark.parametrize(
    ("name", "button"),
    [("playground", "train"), ("energies", "board_play"), ("race", "race_train")],
)
def test_a_class_is_paused_and_resumed_on_every_page(
    classes: Classes, name: str, button: str
) -> None:
    id_ = joined(classes)
    page = show(name, **{"class": id_})
    page.button(key=button).click().run()
    trained = moving(page)
    assert trained > 0
    pause(classes, id_)
    page.run()
    assert any("paused the class" in caption.value for caption in page.caption)
    assert moving(page) == 0
    pause(classes, id_, paused=False)
    page.run()
    assert not page.exception
    assert moving(page) == trained


class _Paused(NamedTuple):
    """What a page knows of a run that its class has paused: it notes when it goes on."""

    id: str
    played: list[str]

    def pause(self) -> None:
        """Nothing: it rests."""

    def play(self) -> None:
        self.played.append(self.id)


def test_a_run_of_another_page_goes_on_when_that_page_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(st, "rerun", lambda: None)
    played: list[str] = []
    here, there = (cast("Run", _Paused(id_, played)) for id_ in ("here", "there"))
    runs.pause_with_class([here])
    runs.pause_with_class([there])
    assert CLASS_PAUSED in st.session_state
    classroom._obey([there], paused=False)
    assert played == ["there"]
    assert CLASS_PAUSED not in st.session_state
    classroom._obey([there], paused=False)
    classroom._obey([here], paused=False)
    classroom._obey([here], paused=False)
    assert played == ["there", "here"]


def test_who_joins_a_paused_class_begins_when_it_is_resumed(classes: Classes) -> None:
    id_ = joined(classes, ClassPlan(autostart=True))
    pause(classes, id_)
    page = show(**{"class": id_})
    assert moving(page) == 0
    pause(classes, id_, paused=False)
    page.run()
    assert moving(page) == 1


def test_a_run_that_comes_back_to_a_paused_class_goes_on_when_it_is_resumed(
    classes: Classes, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_, bundled = joined(classes), example()
    config = RunConfig(depth=5)
    run = kept(
        owner="mine",
        config=config,
        hot=config.hot.model_copy(update={"budget": 9000.0}),
        training=True,
        state=bundled.state,
        snapshot=bundled.snapshot,
        header=Header.of(bundled.snapshot),
        earlier={},
    )
    keeper.runs.write(run, "another server", known=None)
    pause(classes, id_)
    with monkeypatch.context() as blind:
        blind.setattr(classroom, "class_banner", lambda shown: None)
        page = show(**{"class": id_, "run": run.id})
    assert page.query_params["run"] == run.id
    assert moving(page) == 0
    pause(classes, id_, paused=False)
    page.run()
    assert moving(page) == 1


def test_a_live_link_follows_the_teacher_after_a_reload(classes: Classes) -> None:
    page = show()
    page.button(key="train").click().run()
    first = page.query_params["run"]
    page.button(key="follow_me").click().run()
    link, failed = page.session_state["_following"]
    assert not failed
    assert classes.followed(link) == ("mine", first)
    # Another page of this browser, which shows what it showed: the link stays where it is.
    beside = show(depth="9")
    assert classes.followed(link) == ("mine", first)
    again = show(run=first)
    assert classes.followed(link) == ("mine", first)
    again.slider(key="depth").set_value(5).run()
    # What trained goes on training with the new settings: it is another run.
    second = again.query_params["run"]
    assert second != first
    assert classes.followed(link) == ("mine", second)
    beside.button(key="train").click().run()
    assert classes.followed(link) == ("mine", beside.query_params["run"])
    classes.stop_following("mine")
    again.slider(key="depth").set_value(6).run()
    assert classes.followed(link) is None


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a wall shows, after it has been drawn."""
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(wall, "wall_view", lambda told, key: shown.extend(told))
    return shown


def test_a_run_of_another_version_spoils_only_its_own_tile(
    classes: Classes, keeper: Keeper, tiles: list[dict[str, Any]]
) -> None:
    id_, key = classes.make(PLAN, "mine")
    for browser in ("a", "b"):
        run = kept()
        keeper.runs.write(run, "another server", known=None)
        classes.join(id_, browser, browser)
        classes.note(id_, browser, run=run.id)
        if browser == "a":
            with keeper.store.writing() as session:
                session.execute(update(StoredRun).values(config='{"version": 99}'))
    page = show("classroom", key=key)
    assert not page.warning
    other, own = tiles
    assert "another version" in other["facts"]
    assert own["facts"].startswith("step ")
    found = classes.get(id_)
    assert found is not None
    rows = list(csv.DictReader(io.StringIO(wall.results_csv(found))))
    assert [row["name"] for row in rows] == ["a", "b"]
    assert ["another version" in row["note"] for row in rows] == [True, False]
    assert [row["steps"] for row in rows] == ["", "7"]


def test_a_store_that_goes_away_is_said_and_ends_no_page(
    classes: Classes, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_, key = classes.make(PLAN, "mine")
    classes.join(id_, "mine", "")
    away = "The store of runs does not answer; trying again."

    def fail(*_: object, **__: object) -> None:
        raise StoreError(away)

    student = show(**{"class": id_})
    with monkeypatch.context() as failing:
        failing.setattr(Classes, "students", fail)
        failing.setattr(Classes, "note", fail)
        assert any(away in warning.value for warning in show("classroom", key=key).warning)
        found = classes.get(id_)
        assert found is not None
        assert away in wall.results_csv(found)
        student.button(key="train").click().run()
        assert not student.exception
        pause(classes, id_)
        assert not student.run().exception
        assert moving(student) == 0, "what cannot be noted does not keep it from being paused"
    student.run()
    assert [each.run for each in classes.students(id_)] == [student.query_params["run"]]
