"""The page that looks inside, by Streamlit's own test runner, with and without a worker."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay.engine import Engine, EngineStatus, WorkError
from flowplay.training import worker

PAGE = Path(__file__).parents[2] / "pages" / "layers.py"


class HereEngine(Engine):
    """An engine whose calls are done at once, in this process; its runs never train."""

    ready = True
    failing = False

    def __init__(self) -> None:
        super().__init__(scheduler="tcp://127.0.0.1:9")

    @property
    def status(self) -> EngineStatus:
        return EngineStatus("ready" if self.ready else "starting", 1, "The workers are starting.")

    def call(self, name: str, *arguments: object) -> Future[bytes]:
        future: Future[bytes] = Future()
        if self.failing:
            future.set_exception(WorkError("The worker failed: no reason."))
        else:
            future.set_result(getattr(worker, name.partition(":")[2])(*arguments))
        return future


@pytest.fixture(scope="module")
def made() -> Iterator[HereEngine]:
    engine = HereEngine()
    yield engine
    engine.close()


@pytest.fixture
def engine(made: HereEngine, monkeypatch: pytest.MonkeyPatch) -> HereEngine:
    made.ready, made.failing = True, False
    for module in ("shell", "runs", "live", "inside", "work"):
        monkeypatch.setattr(f"flowplay.ui.{module}.engine", lambda: made)
    return made


def run(**query: str) -> AppTest:
    PagesManager.uses_pages_directory = False
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def captions(page: AppTest) -> str:
    return " ".join(caption.value for caption in page.caption)


def test_first_visit_looks_inside_the_labelled_example(engine: HereEngine) -> None:
    page = run()
    assert not page.exception
    assert "Example: a run of these settings" in captions(page)
    assert "no earlier states to rewind to" in captions(page)
    assert len(page.get("bidi_component")) == 1
    assert any("fine" in markdown.value for markdown in page.markdown)
    assert "load_state_dict" in page.code[0].value


def test_a_typed_point_gets_its_ledger(engine: HereEngine) -> None:
    page = run()
    page.number_input(key="point_x").set_value(0.25)
    page.number_input(key="point_y").set_value(-0.5)
    page.button(key="follow_point").click().run()
    assert not page.exception
    _, ledger = page.get("bidi_component")
    assert '"0.2500"' in ledger.proto.json
    assert "−0.5000" in ledger.proto.json.encode().decode("unicode_escape")


def test_another_config_is_untrained_and_says_what_to_do(engine: HereEngine) -> None:
    page = run(target="circles", architecture="nsf", depth="3")
    assert not page.exception
    assert any("as soon as a worker is ready" in info.value for info in page.info)
    assert page.query_params["target"] == "circles"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"architecture": "glow", "depth": "1"}, "Glow, 1 block"),
        ({"architecture": "ffjord", "depth": "3"}, "FFJORD, 3 intervals of time"),
        ({"architecture": "mixed", "recipe": "planar 1, nice 2"}, "Mixed: planar 1, nice 2"),
    ],
)
def test_the_headline_counts_what_the_family_is_made_of(
    engine: HereEngine, query: dict[str, str], said: str
) -> None:
    page = run(**query)
    assert not page.exception
    assert page.markdown[0].value.endswith(f", {said}")


def test_refused_values_are_said_here_too(engine: HereEngine) -> None:
    page = run(depth="100000")
    assert "depth = 100000 is more than 64: using 64." in {w.value for w in page.warning}


def test_without_a_worker_it_waits(engine: HereEngine) -> None:
    engine.ready = False
    page = run()
    assert not page.exception
    assert any("as soon as a worker is ready" in info.value for info in page.info)


def test_a_failure_is_a_sentence_and_can_be_tried_again(engine: HereEngine) -> None:
    engine.failing = True
    page = run()
    assert not page.exception
    assert any("no reason" in warning.value for warning in page.warning)
    engine.failing = False
    page.button(key="inside_again").click().run()
    assert not page.exception
    assert len(page.get("bidi_component")) == 1


def test_every_widget_has_a_tooltip(engine: HereEngine) -> None:
    page = run()
    for widget in [*page.button, *page.number_input]:
        assert widget.help, widget.label
