"""The page that looks inside, by Streamlit's own test runner, with and without a worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.engine import Engine, EngineStatus, WorkError
from flowplay.training import new_run, train_slice, worker
from flowplay.ui import gif, work
from flowplay.ui.components.inside_view import Pick
from flowplay.ui.look import WORKER, Look, densest_sample
from flowplay.wire import LayerFrames

PAGE = Path(__file__).parents[2] / "pages" / "layers.py"


class HereEngine(Engine):
    """An engine whose calls are done at once, in this process; its runs never train."""

    ready = True
    failing = False
    silent: frozenset[str] = frozenset()

    #: What has been computed, for all tests: the same state gives the same bytes.
    answers: ClassVar[dict[tuple[object, ...], bytes]] = {}

    def __init__(self) -> None:
        super().__init__(scheduler="tcp://127.0.0.1:9")

    @property
    def status(self) -> EngineStatus:
        return EngineStatus("ready" if self.ready else "starting", 1, "The workers are starting.")

    def call(self, name: str, *arguments: object) -> Future[bytes]:
        future: Future[bytes] = Future()
        function = name.partition(":")[2]
        if function in self.silent:
            return future
        if self.failing:
            future.set_exception(WorkError("The worker failed: no reason."))
            return future
        question = (function, *arguments)
        if question not in self.answers:
            self.answers[question] = getattr(worker, function)(*arguments)
        future.set_result(self.answers[question])
        return future


@pytest.fixture(scope="module")
def made() -> Iterator[HereEngine]:
    engine = HereEngine()
    yield engine
    engine.close()


@pytest.fixture
def engine(made: HereEngine, monkeypatch: pytest.MonkeyPatch) -> HereEngine:
    made.ready, made.failing, made.silent = True, False, frozenset()
    for module in ("shell", "runs", "live", "inside", "work"):
        monkeypatch.setattr(f"flowplay.ui.{module}.engine", lambda: made)
    return made


def run(**query: str) -> AppTest:
    PagesManager.uses_pages_directory = False
    page = AppTest.from_file(str(PAGE), default_timeout=120)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def components(page: AppTest) -> dict[str, Any]:
    """Return what the picture and the ledger are sent."""
    found = {}
    for element in page.get("bidi_component"):
        name = str(element.key).partition("_")[0]
        if name in ("inside", "ledger"):
            found[name] = element.proto
    return found


def numbers_of_x(page: AppTest) -> list[str]:
    """Return the coordinates of x in the ledger."""
    row = json.loads(components(page)["ledger"].json)["rows"][0]
    assert row["cells"][0] == "x"
    numbers: list[str] = row["cells"][1:3]
    return numbers


def captions(page: AppTest) -> str:
    return " ".join(caption.value for caption in page.caption)


def test_first_visit_looks_inside_the_labelled_example(engine: HereEngine) -> None:
    page = run()
    assert not page.exception
    assert "Example: a run of these settings" in captions(page)
    assert [slider.label for slider in page.select_slider] == ["Rewind training"]
    assert set(components(page)) == {"inside", "ledger"}
    assert any("fine" in markdown.value for markdown in page.markdown)
    assert "load_state_dict" in page.code[0].value


def test_a_typed_point_gets_its_ledger(engine: HereEngine) -> None:
    page = run()
    page.number_input(key="point_x").set_value(0.25)
    page.number_input(key="point_y").set_value(-0.5)
    page.button(key="follow_point").click().run()
    assert not page.exception
    assert numbers_of_x(page) == ["0.2500", "−0.5000"]
    assert page.number_input(key="point_x").value == pytest.approx(0.25)
    assert "Followed now" not in captions(page)


def test_a_point_is_followed_from_the_start_and_stands_in_the_fields(engine: HereEngine) -> None:
    page = run()
    # The one of the frames that came first, in large cells or in small ones.
    points = [
        densest_sample(LayerFrames.from_bytes(data))
        for (function, *_), data in engine.answers.items()
        if function == "layer_frames"
    ]
    fields = [page.number_input(key=name).value for name in ("point_x", "point_y")]
    point = next(p for p in points if fields == pytest.approx([p.x, p.y], abs=1e-6))
    assert numbers_of_x(page) == [f"{v:.4f}".replace("-", "−") for v in (point.x, point.y)]
    assert "a sample where the density is high" in captions(page)


def test_a_clicked_point_stands_in_the_fields(engine: HereEngine) -> None:
    page = run()
    page.session_state["_point"] = Pick(3, 0.1, 0.2)
    page.run()
    assert not page.exception
    shown = [f"{page.number_input(key=name).value:.4f}" for name in ("point_x", "point_y")]
    assert [text.replace("-", "−") for text in shown] == numbers_of_x(page)
    assert shown != ["0.1000", "0.2000"], "it is the point of the data that passes there"
    # What is typed then takes its place.
    page.number_input(key="point_x").set_value(0.75)
    page.button(key="follow_point").click().run()
    assert numbers_of_x(page)[0] == "0.7500"


@pytest.mark.parametrize("architecture", ["realnvp", "ffjord"])
def test_large_cells_are_shown_until_small_ones_are_there(
    engine: HereEngine, monkeypatch: pytest.MonkeyPatch, architecture: str
) -> None:
    state, _ = train_slice(new_run(RunConfig(architecture=architecture, seed=77)), steps=1)
    look = Look("a run", 1, None, True, state.to_bytes(), None)
    slow: list[Future[bytes]] = []
    call = engine.call

    def calls(name: str, *arguments: object) -> Future[bytes]:
        if not name.endswith(":layer_frames") or not arguments[-1]:
            return call(name, *arguments)
        slow.append(Future())
        return slow[-1]

    monkeypatch.setattr(engine, "call", calls)

    def script(architecture: str, state: bytes) -> None:
        from flowplay.config import RunConfig
        from flowplay.ui import inside
        from flowplay.ui.look import Look

        look = Look("a run", 1, None, True, state, None)
        inside._show(RunConfig(architecture=architecture, seed=77), look)

    arguments = (architecture, look.state)
    page = AppTest.from_function(script, default_timeout=120, args=arguments).run()
    assert not page.exception
    assert "Shown in large cells. Computing the density" in captions(page)
    assert set(components(page)) == {"inside", "ledger"}
    assert not page.get("download_button"), "nothing coarse is downloaded"
    assert len(slow) == 1
    slow[0].set_result(call(f"{WORKER}:layer_frames", *look.frames[1:]).result())
    page.run()
    assert not page.exception
    assert "large cells" not in captions(page)
    assert page.get("download_button")
    assert len(slow) == 1


@pytest.mark.parametrize(
    ("silent", "said"),
    [
        ("layer_frames", "The layers could not be computed: The workers are busy"),
        ("ledger", "The ledger could not be computed: The workers are busy"),
        ("diagnosis", "The check-up could not be done: The workers are busy"),
        ("exported_flow", "The weights could not be written: The workers are busy"),
    ],
)
def test_workers_that_never_answer_end_in_a_sentence(
    engine: HereEngine, monkeypatch: pytest.MonkeyPatch, silent: str, said: str
) -> None:
    engine.silent = frozenset({silent})
    monkeypatch.setattr(work, "PATIENCE", 0.05)
    page = run()
    assert not page.exception
    assert any(said in warning.value for warning in page.warning)
    # No download is offered that would still have to wait for a worker.
    weights = [b for b in page.get("download_button") if b.key == "export_weights"]
    assert bool(weights) == (silent in ("ledger", "diagnosis"))


def test_a_gif_is_drawn_when_asked_and_then_offered(engine: HereEngine) -> None:
    page = run()
    page.button(key="draw_gif").click().run()
    assert not page.exception
    (offered,) = [b for b in page.get("download_button") if b.key == "export_gif"]
    assert offered.proto.label == "Animation (GIF)"
    assert not [b for b in page.button if b.key == "draw_gif"]


def test_a_gif_that_takes_too_long_ends_in_a_sentence(
    engine: HereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = run()
    monkeypatch.setattr(gif, "SECONDS", 0.01)
    page.button(key="draw_gif").click().run()
    assert not page.exception
    assert any("Drawing the GIF took too long" in warning.value for warning in page.warning)


def test_a_model_without_layers_is_said_in_a_sentence(
    engine: HereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = replace(ARCHITECTURES["realnvp"], layered=False)
    monkeypatch.setattr(RunConfig, "entry", bare)
    page = run()
    assert not page.exception
    (info,) = page.info
    assert info.value.startswith("This model has no layers to look into")
    assert not components(page)


def test_another_config_is_untrained_and_says_what_to_do(engine: HereEngine) -> None:
    page = run(target="circles", architecture="nsf", depth="3")
    assert not page.exception
    first, waits = page.info
    assert "Press Train" in first.value
    assert waits.icon == ":material/hourglass:"
    assert "worker" in waits.value or "Building the model" in waits.value
    assert page.query_params["target"] == "circles"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"architecture": "glow", "depth": "1"}, "Glow, 1 block"),
        ({"architecture": "ffjord", "depth": "3"}, "FFJORD, 3 intervals of time"),
        ({"architecture": "ffjord", "depth": "1"}, "FFJORD, 1 interval of time"),
        ({"architecture": "mixed", "recipe": "planar 1, nice 2"}, "Mixed: planar 1, nice 2"),
    ],
)
def test_the_headline_counts_what_the_family_is_made_of(
    engine: HereEngine, query: dict[str, str], said: str
) -> None:
    page = run(**query)
    assert not page.exception
    assert page.markdown[0].value.endswith(f", {said}")


def _fields() -> None:
    import streamlit as st

    from flowplay.ui import inside
    from flowplay.ui.components.inside_view import Pick

    shown: tuple[float, bool] = st.session_state["shown"]
    inside._typed_point(Pick(2, shown[0], 0.0), 2, stay=shown[1])


def test_while_it_trains_the_first_point_does_not_overwrite_the_fields() -> None:
    page = AppTest.from_function(_fields)
    for shown, expected in (((1.0, True), 1.0), ((2.0, True), 1.0), ((3.0, False), 3.0)):
        page.session_state["shown"] = shown
        page.run()
        assert not page.exception
        assert page.number_input(key="point_x").value == expected


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
    assert "inside" in components(page)


def test_every_widget_has_a_tooltip(engine: HereEngine) -> None:
    page = run()
    for widget in [*page.button, *page.number_input]:
        assert widget.help, widget.label
