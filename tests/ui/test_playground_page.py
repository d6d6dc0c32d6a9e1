"""The Playground page by Streamlit's own test runner: what it shows, whatever the URL says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.engine import Engine, EngineStatus
from flowplay.targets import TARGETS
from flowplay.ui import shell
from flowplay.ui.example import example
from flowplay.wire import RunState, Snapshot

PAGE = Path(__file__).parents[2] / "pages" / "playground.py"


class IdleEngine(Engine):
    """An engine that never gets a worker: pages must not depend on one."""

    def __init__(self) -> None:
        super().__init__(scheduler="tcp://127.0.0.1:9")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = IdleEngine()
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def _use(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (
        "flowplay.ui.shell",
        "flowplay.ui.runs",
        "flowplay.ui.work",
        "flowplay.ui.live",
        "flowplay.ui.card",
    ):
        monkeypatch.setattr(f"{module}.engine", lambda: engine)


def run(**query: str) -> AppTest:
    PagesManager.uses_pages_directory = False
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def test_first_visit_shows_the_labelled_example() -> None:
    page = run()
    assert not page.exception
    assert any("Example: a run of these settings" in c.value for c in page.caption)
    assert [m.label for m in page.metric] == ["Held-out NLL", "Gap to floor", "Parameters"]
    snapshot = Snapshot.from_bytes(example().snapshot)
    assert page.metric[0].value == f"{snapshot.measurements['held_out'].value:.3f}"


def test_widget_keys_are_the_names_of_a_config() -> None:
    page = run(architecture="nsf", bins="5")
    fields = set(RunConfig.model_fields) - {"version", "options", "target_options"}
    for name in fields | {"bins", "noise"}:
        assert name in page.session_state, name
    for key in ("train", "pause", "step", "reset"):
        assert page.button(key=key)
    assert page.slider(key="bins").value == 5


def test_refused_values_are_said_in_a_sentence_each() -> None:
    page = run(depth="100000", width="-3", target="nope", seed="abc")
    assert not page.exception
    said = {w.value for w in page.warning}
    assert {
        "depth = 100000 is more than 64: using 64.",
        "width = -3 is less than 4: using 4.",
        "target = nope is not understood: using moons.",
        "seed = abc is not understood: using 0.",
    } <= said
    assert page.slider(key="depth").value == 64


def test_a_refused_recipe_is_told_until_it_is_mended() -> None:
    page = run(architecture="mixed")
    page.text_input(key="recipe").set_value("planar 2, nope 3").run()
    assert any("names a family other than" in w.value for w in page.warning)
    assert page.text_input(key="recipe").value == "planar 2, nope 3", "it must stay to be mended"
    page.text_input(key="recipe").set_value("planar 2, nsf 4").run()
    assert not any("recipe" in w.value for w in page.warning)
    assert not page.exception


def test_another_family_brings_its_own_defaults_and_keeps_what_was_set() -> None:
    page = run(width="32")
    page.selectbox(key="architecture").set_value("nsf").run()
    assert not page.exception
    assert page.slider(key="depth").value == ARCHITECTURES["nsf"].defaults["depth"]
    assert page.select_slider(key="width").value == 32
    page.slider(key="depth").set_value(7).run()
    page.selectbox(key="architecture").set_value("planar").run()
    assert page.slider(key="depth").value == 7
    assert "bins" not in page.query_params
    assert not page.exception


def test_another_target_brings_its_own_noise() -> None:
    page = run(noise="0.1")
    page.radio(key="target").set_value("checkerboard").run()
    assert not page.exception
    assert page.slider(key="noise").value == TARGETS["checkerboard"].noise


@given(
    query=st.dictionaries(
        st.sampled_from([*RunConfig.model_fields, "bins", "autostart"]),
        st.one_of(
            st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12),
            st.integers().map(str),
            st.floats().map(str),
            st.sampled_from([*TARGETS, *ARCHITECTURES, "seconds", "1"]),
        ),
        max_size=6,
    )
)
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_query_string_breaks_the_page(query: dict[str, str]) -> None:
    page = run(**query)
    assert not page.exception
    assert page.button(key="train")


def test_an_unreachable_scheduler_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "Cannot reach the Dask scheduler at tcp://127.0.0.1:9; trying again."
    stub = SimpleNamespace(status=EngineStatus("unreachable", 0, sentence))
    monkeypatch.setattr(shell, "engine", lambda: stub)
    assert sentence in {w.value for w in run().warning}


def test_the_bundled_example_is_of_the_defaults_and_honest() -> None:
    """Its numbers are what its weights give: judged again, on its own held-out points."""
    from flowplay.training.live_run import LiveRun
    from flowplay.training.snapshots import held_out_loss

    bundled = example()
    state, snapshot = RunState.from_bytes(bundled.state), Snapshot.from_bytes(bundled.snapshot)
    live = LiveRun(state)
    assert live.config == bundled.config == RunConfig()
    assert snapshot.header.step == state.step == RunConfig().budget
    shown = snapshot.measurements["held_out"].value
    assert held_out_loss(live) == pytest.approx(shown, abs=1e-3)
