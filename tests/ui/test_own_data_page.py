"""Own data on the Playground, by Streamlit's own test runner."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from here_engine import HereEngine
from PIL import Image
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay import shelf
from flowplay.config import RunConfig
from flowplay.engine import Run
from flowplay.problems.own.drawing import CANVAS
from flowplay.reading.picture import read_picture
from flowplay.training import new_run, train_slice
from flowplay.ui import runs
from flowplay.ui.components.paint_view import Painted
from flowplay.ui.example import Example
from flowplay.wire import Drawing, RunState, Table

PAGE = Path(__file__).parents[2] / "pages" / "playground.py"

FACE = RunConfig(target="painted", depth=2, width=8, budget=100)


@pytest.fixture(scope="module")
def made() -> Iterator[HereEngine]:
    engine = HereEngine()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def trained() -> Example:
    state, snapshot = train_slice(new_run(FACE), steps=10)
    return Example(FACE, state.to_bytes(), snapshot.to_bytes())


class Canvas:
    """What the browser's half of the canvas gets, and what it sends when its button is pressed."""

    def __init__(self) -> None:
        self.shown: dict[str, object] = {}
        self.dots = np.zeros((CANVAS, CANVAS), np.uint16)
        self.sends: Painted | ValueError | None = None

    def view(self, dots: np.ndarray, **shown: object) -> None:
        self.dots, self.shown = dots, shown
        st.button("Send", key="sent", on_click=shown["on_painted"])  # type: ignore[arg-type]

    def read(self, *_: object) -> Painted | None:
        if isinstance(self.sends, ValueError):
            raise self.sends
        return self.sends


@pytest.fixture
def canvas(monkeypatch: pytest.MonkeyPatch) -> Canvas:
    canvas = Canvas()
    monkeypatch.setattr("flowplay.ui.painting.paint_view", canvas.view)
    monkeypatch.setattr("flowplay.ui.painting.read_painted", canvas.read)
    return canvas


@pytest.fixture
def page(
    made: HereEngine, trained: Example, canvas: Canvas, monkeypatch: pytest.MonkeyPatch
) -> AppTest:
    for module in ("shell", "runs", "live", "work", "card"):
        monkeypatch.setattr(f"flowplay.ui.{module}.engine", lambda: made)
    monkeypatch.setattr("flowplay.ui.runs.example", lambda: trained)
    PagesManager.uses_pages_directory = False
    opened = AppTest.from_file(str(PAGE), default_timeout=120)
    for name, value in FACE.to_flat().items():
        opened.query_params[name] = value
    return opened


def shown_run(page: AppTest) -> Run:
    held = list(page.session_state["_runs"].values())[-1]
    run: Run = held.run
    return run


def spot(row: int, dots: int = 50) -> np.ndarray:
    weights = np.zeros((CANVAS, CANVAS), np.uint16)
    weights[row, 50] = dots
    return weights


def test_what_is_painted_becomes_the_target(page: AppTest, canvas: Canvas) -> None:
    page.run()
    assert not page.exception
    assert canvas.shown["is_target"]
    assert canvas.dots.sum() > 500, "the canvas opens with what is learned"
    load = canvas.shown["load"]
    canvas.sends = Painted("learn", spot(20), "")
    page.button(key="sent").click().run()
    assert not page.exception
    digest = page.session_state["data"]
    assert (Drawing.from_bytes(shelf.get(digest)).weights == spot(20)).all()
    assert page.query_params["data"] == digest
    assert (canvas.dots == spot(20)).all()
    assert canvas.shown["load"] == load, "what is on the browser's canvas stays"
    assert shown_run(page).state is None, "a new run"
    # Another choice of data is put on the canvas.
    page.selectbox(key="data").set_value("smiley").run()
    assert canvas.shown["load"] != load
    assert canvas.dots.sum() > 500


def test_a_painting_starts_from_a_target_and_is_not_yet_learned(
    page: AppTest, canvas: Canvas
) -> None:
    page.run()
    load = canvas.shown["load"]
    canvas.sends = Painted("start", None, "moons")
    page.button(key="sent").click().run()
    assert not page.exception
    assert canvas.shown["load"] != load
    assert not canvas.shown["is_target"]
    assert canvas.dots.sum() >= 3_900
    assert page.session_state["data"] == "smiley"


def test_a_run_goes_on_with_what_is_painted(
    page: AppTest, canvas: Canvas, made: HereEngine, trained: Example
) -> None:
    page.run()
    before = shown_run(page)
    next(iter(page.session_state["_runs"].values())).given_step = None  # trained by this visitor
    assert canvas.shown["can_update"], "the example has been trained"
    canvas.sends = Painted("update", spot(30), "")
    page.button(key="sent").click().run()
    assert not page.exception
    run = shown_run(page)
    assert run.id != before.id
    assert run.view().phase in runs.ACTIVE
    assert before.view().phase not in runs.ACTIVE
    assert run.state is not None
    state = RunState.from_bytes(run.state)
    assert (state.weights == RunState.from_bytes(trained.state).weights).all()
    assert state.config.target_options["data"] == page.session_state["data"]
    assert any("changed at step 10" in caption.value for caption in page.caption)
    # The run before is there still, as it was.
    page.button(key="run_before").click().run()
    assert shown_run(page).id == before.id
    assert not page.exception


def test_what_is_refused_is_said_and_changes_nothing(page: AppTest, canvas: Canvas) -> None:
    page.run()
    canvas.sends = ValueError("The canvas is empty: paint something first.")
    page.button(key="sent").click().run()
    assert canvas.shown["refusal"] == str(canvas.sends)
    assert page.session_state["data"] == "smiley"
    page.run()
    assert canvas.shown["refusal"] == ""


def test_a_link_that_locks_its_data_has_no_canvas(page: AppTest, canvas: Canvas) -> None:
    page.query_params["lock"] = "data"
    page.run()
    assert not page.exception
    assert not canvas.shown


GONE = "f" * 64


@pytest.mark.parametrize("kind", ["painted", "picture", "table", "own_images"])
def test_missing_data_are_told_and_an_example_opens_instead(page: AppTest, kind: str) -> None:
    page.query_params.clear()
    page.query_params.update({"target": kind, "data": GONE, "depth": "2", "width": "8"})
    page.run()
    assert not page.exception
    assert "not here" in page.title[0].value
    assert GONE[:12] in page.warning[0].value
    page.button(key="own_example").click().run()
    assert not page.exception
    assert page.session_state["data"] != GONE
    assert "data" not in page.query_params, "an example that is the default"
    assert "See a normalizing flow learn" in page.title[0].value


def test_data_that_are_brought_to_the_page_of_a_dead_link_are_learned(
    page: AppTest, canvas: Canvas
) -> None:
    page.query_params.clear()
    page.query_params.update({"target": "painted", "data": GONE, "depth": "2", "width": "8"})
    page.run()
    assert canvas.dots.sum() == 0
    canvas.sends = Painted("learn", spot(40), "")
    page.button(key="sent").click().run()
    assert not page.exception
    assert page.query_params["data"] == page.session_state["data"] != GONE
    assert "See a normalizing flow learn" in page.title[0].value


def test_other_data_than_those_of_a_dead_link_are_told(page: AppTest) -> None:
    page.query_params.clear()
    page.query_params.update({"target": "picture", "data": GONE, "depth": "2", "width": "8"})
    page.run()
    page.text_input(key="own_name").set_value("flow").run()
    page.button(key="own_learn_name").click().run()
    assert not page.exception
    told = [caption.value for caption in page.caption]
    assert any("other data than those of the link" in caption for caption in told)
    assert "See a normalizing flow learn" in page.title[0].value
    page.selectbox(key="data").set_value("heart").run()
    assert not page.exception


def open_at(page: AppTest, **settings: str) -> None:
    page.query_params.clear()
    page.query_params.update({"depth": "2", "width": "8", **settings})
    page.run()
    assert not page.exception


def told(page: AppTest) -> str:
    return " ".join(caption.value for caption in page.caption)


def test_what_of_a_picture_becomes_dense_is_seen_before_it_is_learned(page: AppTest) -> None:
    open_at(page, target="picture")
    assert not any(button.key == "own_learn_picture" for button in page.button)
    file = io.BytesIO()
    image = Image.linear_gradient("L")
    image.save(file, "PNG")
    given = ("slope.png", file.getvalue(), "image/png")
    page.file_uploader(key="own_picture_file").set_value(given).run()
    assert not page.exception
    assert "the dark parts are dense, 85 % of 192 × 192 cells" in told(page)
    page.slider(key="own_threshold").set_value(0.5).run()
    assert "the dark parts are dense, 50 % of" in told(page)
    assert "data" not in page.query_params, "nothing is learned yet"
    page.segmented_control(key="own_ink").set_value("bright").run()
    page.slider(key="own_contrast").set_value(2.0).run()
    page.button(key="own_learn_picture").click().run()
    assert not page.exception
    kept = Drawing.from_bytes(shelf.get(page.session_state["data"]))
    read = read_picture(file.getvalue(), ink="bright", threshold=0.5, contrast=2.0, title="slope")
    assert (kept.weights == read.weights).all()
    assert kept.title == "slope"
    assert page.query_params["data"] == page.session_state["data"]


@pytest.mark.parametrize(
    ("target", "field", "name", "data"),
    [
        ("picture", "own_picture_file", "no.png", b"no picture"),
        ("table", "own_table_file", "none.csv", b""),
        ("table", "own_table_file", "none.parquet", b"PAR1"),
    ],
)
def test_a_file_that_is_no_data_is_refused_at_once(
    page: AppTest, target: str, field: str, name: str, data: bytes
) -> None:
    open_at(page, target=target)
    page.file_uploader(key=field).set_value((name, data, "")).run()
    assert not page.exception
    assert page.warning[-1].value.endswith(".")
    assert not any(str(button.key).startswith("own_learn_p") for button in page.button)


def test_while_something_is_read_the_page_says_so(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    @contextlib.contextmanager
    def spinner(text: str, **_: object) -> Iterator[None]:
        said.append(text)
        yield

    monkeypatch.setattr("flowplay.ui.reading.st.spinner", spinner)
    open_at(page, target="table")
    page.text_area(key="own_table_text").set_value("a,b\n" + "1,2\n3,5\n4,4\n" * 9).run()
    assert said == ["Reading the table…"]
    page.button(key="own_learn_table").click().run()
    assert len(said) == 2
    assert "3 different complete rows" in page.warning[-1].value


def test_a_copy_of_a_run_whose_data_were_changed_says_so(
    page: AppTest, trained: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FACE.model_copy(update={"target_options": {"noise": 0.2, "data": "smiley"}})
    changed = RunState.from_bytes(trained.state).with_target(other)
    state, snapshot = train_slice(changed, steps=5)
    copy = Example(other, state.to_bytes(), snapshot.to_bytes())
    monkeypatch.setattr("flowplay.ui.runs.example", lambda: copy)
    open_at(page, **{name: str(value) for name, value in other.to_flat().items()})
    assert "The data were changed at step 10" in told(page)


def test_data_that_come_back_open_the_link_as_it_was(page: AppTest) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 2))
    content = Table("mine", ["a", "b"], rows).to_bytes()
    digest = shelf.put(content)
    page.query_params.clear()
    page.query_params.update({"target": "table", "data": digest, "depth": "2", "width": "8"})
    page.run()
    assert not page.exception
    assert page.selectbox(key="data").value == digest
