"""What an address that names a run opens, by Streamlit's own test runner and without a worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hostile import NASTY
from store.kept import kept
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay.config import RunConfig
from flowplay.engine import Engine
from flowplay.store import new_id
from flowplay.store.keeper import Keeper
from flowplay.store.store import Store
from flowplay.ui import keeping, recall, runs
from flowplay.ui.example import example
from flowplay.wire import Header

PAGES = Path(__file__).parents[2] / "pages"
CONFIG = RunConfig(depth=5, seed=3)


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


@pytest.fixture(autouse=True)
def _use(engine: Engine, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("shell", "runs", "work", "live", "card", "recall", "inside"):
        monkeypatch.setattr(f"flowplay.ui.{module}.engine", lambda: engine)
    for browser in (runs, recall):
        monkeypatch.setattr(browser, "browser", lambda: "mine")
    monkeypatch.setattr("flowplay.ui.my_runs.browser", lambda: "mine")
    monkeypatch.setattr(keeping, "_keeper", keeper)


def show(page: str = "playground", **query: str) -> AppTest:
    PagesManager.uses_pages_directory = False
    test = AppTest.from_file(str(PAGES / f"{page}.py"), default_timeout=60)
    for name, value in query.items():
        test.query_params[name] = value
    return test.run()


def write(
    keeper: Keeper,
    *,
    owner: str = "mine",
    training: bool = False,
    hot: Mapping[str, float] | None = None,
) -> str:
    """Keep a run, which has the state and the picture of the example, under other settings."""
    bundled = example()
    run = kept(
        owner=owner,
        config=CONFIG,
        hot=CONFIG.hot.model_copy(update={"budget": 9000.0} | dict(hot or {})),
        training=training,
        state=bundled.state,
        snapshot=bundled.snapshot,
        header=Header.of(bundled.snapshot),
        earlier={},
        title="<b>mine</b>",
    )
    keeper.runs.write(run, "another server", known=None)
    return run.id


def sentences(page: AppTest) -> str:
    return " ".join(element.value for element in (*page.info, *page.warning))


def test_an_address_alone_brings_back_run_and_settings(keeper: Keeper) -> None:
    id_ = write(keeper, training=True)
    page = show(run=id_)
    assert not page.exception
    assert (page.slider(key="depth").value, page.session_state["seed"]) == (5, 3)
    assert page.query_params["run"] == id_
    assert page.query_params["depth"] == "5"
    assert page.metric[0].value != "…"
    assert page.button(key="train").disabled, "it goes on by itself"
    assert not page.button(key="pause").disabled


def test_a_link_shows_a_copy_at_once(keeper: Keeper) -> None:
    run = keeper.runs.read(write(keeper, owner="somebody"))
    assert run is not None
    page = show(shared=(link := keeper.runs.share(run)))
    assert not page.exception
    assert page.metric[0].value != "…"
    assert not page.button(key="train").disabled, "it rests"
    said = [c.value for c in page.caption if "A copy of a run" in c.value]
    assert len(said) == 1
    assert r"\<b\>mine\<\/b\>" in said[0], "a title is no markup"
    assert page.query_params["shared"] == link
    page.button(key="train").click().run()
    assert "shared" not in page.query_params
    assert page.query_params["run"] != run.id
    again = keeper.runs.read(link)
    assert again is not None
    assert again.state == run.state


def test_a_strangers_run_is_a_copy_too(keeper: Keeper) -> None:
    id_ = write(keeper, owner="somebody", training=True)
    page = show(run=id_)
    assert not page.exception
    assert not page.button(key="train").disabled, "it rests"
    assert any("A copy of a run" in c.value for c in page.caption)


@pytest.mark.parametrize("page", ["playground", "layers", "compress"])
def test_every_page_of_a_run_knows_the_address(keeper: Keeper, page: str) -> None:
    id_ = write(keeper)
    shown = show(page, run=id_)
    assert not shown.exception
    assert shown.query_params["run"] == id_


def test_what_cannot_be_opened_is_said(keeper: Keeper) -> None:
    id_ = write(keeper)
    assert "not kept here" in sentences(show(run=new_id()))
    page = show(run=id_, depth="7")
    assert "other settings than that run" in sentences(page)
    assert page.slider(key="depth").value == 7, "the settings of an address keep their meaning"
    assert "run" not in page.query_params
    locked = show(run=id_, lock="depth")
    assert "does not allow" in sentences(locked)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("name", "fixed", "kept_with"),
    [("learning_rate", 0.003, 0.2), ("budget", 2000.0, 9000.0), ("temperature", 1.0, 0.5)],
)
def test_a_run_that_was_kept_with_other_values_gets_those_that_are_locked(
    keeper: Keeper, name: str, fixed: float, kept_with: float, training: bool
) -> None:
    id_ = write(keeper, training=training, hot={name: kept_with})
    page = show(run=id_, lock=name)
    assert not page.exception
    assert page.query_params["run"] == id_
    held = page.session_state["_runs"]
    [run] = [each.run for each in held.values()]
    assert getattr(run.view().hot, name) == fixed
    # Whoever has it in a tab without the lock.
    run.set_hot(run.view().hot.model_copy(update={name: kept_with}))
    page.run()
    assert getattr(run.view().hot, name) == fixed


@pytest.mark.parametrize("name", ["run", "shared"])
@pytest.mark.parametrize("text", [t for t in NASTY if t.isprintable()])
def test_hostile_addresses(name: str, text: str) -> None:
    page = show(**{name: text})
    assert not page.exception
    assert "not kept here" in sentences(page)
    assert text not in sentences(page)


def test_a_store_that_is_away_keeps_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Keeper(Store("postgresql://nobody@127.0.0.1:1/none"), room=1)
    monkeypatch.setattr(keeping, "_keeper", away)
    page = show(run=(id_ := new_id()), depth="5")
    assert not page.exception
    assert "as soon as it does" in sentences(page)
    assert page.query_params["run"] == id_
    assert not show("runs").exception


def test_my_runs_lists_and_changes_only_ones_own(keeper: Keeper) -> None:
    mine, other = write(keeper), write(keeper, owner="somebody")
    page = show("runs")
    assert not page.exception
    keys = {button.key for button in page.button}
    assert f"delete_{mine}" in keys
    assert f"delete_{other}" not in keys
    page.text_input(key=f"title_{mine}").input("<i>new</i>").run()
    kept_run = keeper.runs.read(mine)
    assert kept_run is not None
    assert kept_run.title == "<i>new</i>"
    page.button(key=f"share_{mine}").click().run()
    [entry] = keeper.runs.of("mine", most=9)
    assert len(entry.links) == 1
    assert any(f"/r/{entry.links[0]}" in code.value for code in page.code)
    page.button(key=f"delete_{entry.links[0]}").click().run()
    page.button(key=f"share_{mine}").click().run()
    [entry] = keeper.runs.of("mine", most=9)
    page.button(key=f"delete_{mine}").click().run()
    assert any(f"/r/{entry.links[0]}" in code.value for code in page.code), "it is there still"
    assert "<i>" not in "".join(text.value for text in page.markdown)
    page.button(key=f"delete_{entry.links[0]}").click().run()
    assert not page.exception
    assert keeper.runs.read(entry.links[0]) is None
    assert "no runs yet" in sentences(page)
    assert keeper.runs.read(other) is not None
