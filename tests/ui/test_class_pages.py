"""A class on its students' pages and on its teacher's, by Streamlit's own test runner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay.config import RunConfig
from flowplay.engine import Engine, Run
from flowplay.rules import flat_values
from flowplay.store.classes import Classes, ClassPlan
from flowplay.store.keeper import Keeper
from flowplay.store.store import Store
from flowplay.ui import classroom, keeping, runs
from flowplay.ui.joining import student_rules

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


def test_who_joins_a_paused_class_begins_when_it_is_resumed(classes: Classes) -> None:
    id_ = joined(classes, ClassPlan(autostart=True))
    pause(classes, id_)
    page = show(**{"class": id_})
    assert moving(page) == 0
    pause(classes, id_, paused=False)
    page.run()
    assert moving(page) == 1
