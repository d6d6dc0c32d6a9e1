"""The Playground page by Streamlit's own test runner: what it shows, whatever the URL says."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hostile import TIMES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

sys.path.append(str(Path(__file__).parents[1] / "engine"))

from fake_work import snapshot, state

from flowplay.catalog import ARCHITECTURES, IMAGE_ARCHITECTURES
from flowplay.catalog.entries import Likelihood
from flowplay.config import RunConfig, flat_names
from flowplay.engine import Engine, EngineStatus, Run, WorkError
from flowplay.targets import TARGETS
from flowplay.ui import picture_views, runs, shell, switches
from flowplay.ui.example import TOLD, example
from flowplay.ui.failure import DIVERGED
from flowplay.ui.runs import ACTIVE
from flowplay.ui.settings import identity
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
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def test_first_visit_shows_the_labelled_example() -> None:
    page = run()
    assert not page.exception
    told = page.get("progress")[0].proto.text
    assert told == TOLD
    assert [m.label for m in page.metric] == ["Gap to floor"], "one number at first"
    assert "replay" in density_data(page), "its training can be replayed"
    page.toggle(key="all_numbers").set_value(True).run()
    assert page.query_params["all_numbers"] == "1"
    assert [m.label for m in page.metric] == ["Held-out NLL", "Gap to floor", "Parameters"]
    snapshot = Snapshot.from_bytes(example().snapshot)
    assert page.metric[0].value == f"{snapshot.measurements['held_out'].value:.3f}"


def density_data(page: AppTest) -> str:
    """Return what the picture of the model is sent, as text."""
    return " ".join(str(node.proto) for node in page.get("bidi_component"))


def test_present_is_in_the_link_and_hides_the_title() -> None:
    page = run(present="1")
    assert not page.exception
    assert page.toggle(key="present").value
    assert page.query_params["present"] == "1"
    page.toggle(key="present").set_value(False).run()
    assert "present" not in page.query_params


def test_what_trained_goes_on_training_with_other_settings() -> None:
    page = run(depth="3")
    page.slider(key="depth").set_value(4).run()
    assert shown_run(page).view().phase not in ACTIVE, "nothing trained, so nothing begins"
    page.button(key="train").click().run()
    before = shown_run(page)
    page.slider(key="depth").set_value(5).run()
    assert not page.exception
    assert shown_run(page).config.depth == 5
    assert shown_run(page).view().phase in ACTIVE
    assert before.view().phase not in ACTIVE
    page.radio(key="target").set_value("circles").run()
    assert shown_run(page).view().phase in ACTIVE


def test_the_run_before_can_be_returned_to(engine: Engine) -> None:
    config = RunConfig(target="circles", depth=3)
    opened = engine.open_run(config, state(70), snapshot(70))
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    PagesManager.uses_pages_directory = False
    page.query_params["target"], page.query_params["depth"] = "circles", "3"
    page.session_state["_runs"] = {identity(config): runs._SessionRun(opened, config.hot)}
    page.run()
    page.slider(key="depth").set_value(9).run()
    button = page.button(key="run_before")
    assert button.label.endswith("Two circles, RealNVP, step 70")
    button.click().run()
    assert not page.exception
    assert shown_run(page) is opened
    assert page.slider(key="depth").value == 3


def _loss_chart(page: AppTest) -> dict[str, object]:
    protos = [node.proto for node in page.get("bidi_component")]
    (chart,) = [json.loads(p.json) for p in protos if '"references"' in p.json]
    assert isinstance(chart, dict)
    return chart


def test_at_first_the_chart_of_the_loss_speaks_in_plain_words() -> None:
    page = run()
    plain = _loss_chart(page)
    assert (plain["names"], plain["short"]) == (["training", "unseen data"],) * 2
    assert (plain["label"], plain["unit"]) == ("no model gets lower on average", "")
    page.toggle(key="all_numbers").set_value(True).run()
    full = _loss_chart(page)
    assert (full["names"], full["unit"]) == (["train NLL", "held-out NLL"], "nats")
    assert str(full["label"]).startswith("entropy floor 0.2")
    for same in ("rows", "bounds", "floor", "alt"):
        assert plain[same] == full[same]
    assert "held-out NLL" in str(plain["alt"])


def test_presenting_keeps_the_way_back_and_the_note_on_a_copy() -> None:
    style = switches._PRESENTING
    hidden = style[: style.index("display: none")]
    assert "example_told" in hidden
    for kept in ("example_note", "run_before"):
        assert kept not in hidden


def test_widgets_show_their_values_even_if_the_run_that_sets_them_is_cut_off() -> None:
    page = run(depth="7", seed="3", learning_rate="0.02", architecture="nsf", bins="6")
    page.run()
    assert not page.exception
    assert list(page.slider(key="depth").proto.default) == [7]
    assert list(page.slider(key="bins").proto.default) == [6]
    rate = page.select_slider(key="learning_rate")
    assert rate.options[int(rate.proto.default[0])] == "0.02"
    assert page.number_input(key="seed").proto.default == 3
    assert page.number_input(key="budget").proto.default == 2000
    architecture = page.radio(key="architecture")
    assert "spline" in architecture.options[architecture.proto.default]


def test_widget_keys_are_the_names_of_a_config() -> None:
    page = run(architecture="nsf", bins="5")
    fields = set(RunConfig.model_fields) - {"version", "options", "target_options"}
    for name in fields | {"bins", "noise"}:
        assert name in page.session_state, name
    for key in ("train", "pause", "step", "reset"):
        assert page.button(key=key)
    kinds = ("slider", "select_slider", "number_input", "selectbox", "radio", "toggle", "checkbox")
    drawn = {widget.key for kind in (*kinds, "segmented_control") for widget in page.get(kind)}
    drawn |= {widget.key for widget in page.get("button_group")}
    assert fields | {"bins", "noise"} <= drawn, (fields | {"bins", "noise"}) - drawn
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


def test_a_refused_recipe_is_told_by_its_wrong_word_and_the_box_shows_what_is_used() -> None:
    page = run(architecture="mixed")
    page.text_input(key="recipe").set_value("planar 2, foo 3").run()
    told = "recipe = planar·2··foo·3 is not understood: foo is no family ("
    assert any(w.value.startswith(told) for w in page.warning)
    assert any(w.value.endswith("using planar 2, nsf 4.") for w in page.warning)
    assert page.text_input(key="recipe").value == "planar 2, nsf 4"
    page.toggle(key="all_numbers").set_value(True).run()
    assert any(w.value.startswith(told) for w in page.warning), "until a setting changes"
    page.text_input(key="recipe").set_value("planar 3,maf 1").run()
    assert not any("recipe" in w.value for w in page.warning)
    assert page.text_input(key="recipe").value == "planar 3, maf 1", "in its usual form"
    assert not page.exception


def test_another_family_brings_its_own_defaults_and_keeps_what_was_set() -> None:
    page = run(width="32")
    choose(page, "nsf")
    assert not page.exception
    assert page.slider(key="depth").value == ARCHITECTURES["nsf"].defaults["depth"]
    assert page.select_slider(key="width").value == 32
    page.slider(key="depth").set_value(7).run()
    choose(page, "planar")
    assert page.slider(key="depth").value == 7
    assert "bins" not in page.query_params
    assert not page.exception


def test_architectures_come_in_groups() -> None:
    page = run(architecture="maf")
    groups = page.pills(key="architecture_group")
    assert groups.options[:4] == ["Simplest", "Coupling", "Autoregressive", "Continuous"]
    assert groups.value == "Autoregressive", "that of the link"
    shown = page.radio(key="architecture")
    assert [option.split(") ")[-1] for option in shown.options] == ["MAF", "IAF", "Graphical"]
    assert all(option.startswith("![](data:image/svg+xml") for option in shown.options)
    groups.set_value("Continuous").run()
    assert page.radio(key="architecture").value == "ffjord"
    assert page.query_params["architecture"] == "ffjord"
    assert page.slider(key="depth").value == 6, "its own default"
    images = run(target="digits")
    assert [p.key for p in images.pills] == [], "few need no groups"
    assert len(images.radio(key="architecture").options) == 6


def test_another_target_brings_its_own_noise() -> None:
    page = run(noise="0.1")
    page.radio(key="target").set_value("checkerboard").run()
    assert not page.exception
    assert page.slider(key="noise").value == TARGETS["checkerboard"].noise


@given(
    query=st.dictionaries(
        st.sampled_from([*flat_names(), "options", "version", "autostart"]),
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
    max_examples=40 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_query_string_breaks_the_page(query: dict[str, str]) -> None:
    page = run(**query)
    assert not page.exception
    assert page.button(key="train")


def choose(page: AppTest, architecture: str) -> None:
    """Choose an architecture as a visitor does: its group, then its name."""
    page.pills(key="architecture_group").set_value(ARCHITECTURES[architecture].group).run()
    page.radio(key="architecture").set_value(architecture).run()


def shown_run(page: AppTest) -> Run:
    """Return the run that the session looked at last."""
    run: Run = list(page.session_state["_runs"].values())[-1].run
    return run


@pytest.mark.parametrize("button", ["train", "step"])
def test_a_button_takes_what_was_typed_just_before(button: str) -> None:
    page = run()
    page.number_input(key="seed").set_value(7)
    page.button(key=button).click().run()
    assert not page.exception
    begun = shown_run(page)
    assert begun.config.seed == 7
    assert begun.view().phase in ACTIVE, "it trains, and no run of the seed before does"
    assert all(
        held.run.view().phase not in ACTIVE
        for held in page.session_state["_runs"].values()
        if held.run is not begun
    )


def failed(engine: Engine, sentence: str, *, step: int | None) -> AppTest:
    """Open the page of a run that has failed: at a step, or before its first state."""
    config = RunConfig(target="circles")
    if step is None:
        opened = engine.open_run(config)
        opened.show()
        assert opened._hosted.begin("a worker", 0.2) is not None
        opened._hosted.raised(sentence)
    else:
        opened = engine.open_run(config, state(step), snapshot(step, failure=sentence))
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    PagesManager.uses_pages_directory = False
    page.query_params["target"] = "circles"
    page.session_state["_runs"] = {identity(config): runs._SessionRun(opened, config.hot)}
    return page.run()


def test_a_diverged_run_says_so_and_goes_on_with_a_lower_rate(engine: Engine) -> None:
    told = "Training diverged at step 1,250: lower the learning rate."
    page = failed(engine, told, step=1200)
    assert not page.exception
    assert [e.value for e in page.error] == [told + DIVERGED]
    button = page.button(key="go_on")
    assert button.label == "Go on from step 1,200 with learning rate 0.0003"
    assert not page.button(key="train").disabled
    assert not page.button(key="step").disabled
    button.click().run()
    assert not page.exception
    begun = shown_run(page)
    assert begun.view().phase in ACTIVE
    assert begun.view().hot.learning_rate == page.session_state["learning_rate"] == 0.0003
    assert not page.error


def test_a_diverged_run_goes_on_with_the_rate_that_is_set(engine: Engine) -> None:
    page = failed(engine, "Training diverged at step 1,250.", step=1200)
    page.select_slider(key="learning_rate").set_value(0.001).run()
    button = page.button(key="go_on")
    assert button.label == "Go on from step 1,200 with learning rate 0.001"
    button.click().run()
    assert not page.exception
    assert shown_run(page).view().hot.learning_rate == 0.001


def test_a_run_that_did_not_diverge_is_tried_again_without_a_word_on_its_rate(
    engine: Engine,
) -> None:
    page = failed(engine, "The worker failed: no reason.", step=1200)
    assert page.button(key="go_on").label == "Try again from step 1,200"
    assert not any("learning rate is" in caption.value for caption in page.caption)


def _toggle() -> None:
    from types import SimpleNamespace

    import streamlit as st

    from flowplay.ui.live import samples_toggle

    problem = SimpleNamespace(window=st.session_state["window"])
    entry = SimpleNamespace(likelihood="exact")
    samples_toggle(SimpleNamespace(entry=entry, problem=lambda: problem))  # type: ignore[arg-type]


def test_samples_are_offered_only_in_the_plane() -> None:
    for window, offered in (((0.0, 1.0, 0.0, 1.0), 1), (None, 0)):
        page = AppTest.from_function(_toggle)
        page.session_state["window"] = window
        page.run()
        assert not page.exception
        assert len(page.toggle) == offered


def test_the_temperature_stands_beside_the_samples_and_moves_where_there_are_some() -> None:
    page = run(temperature="0.6")
    assert page.slider(key="temperature").value == 0.6
    assert page.slider(key="temperature").disabled
    page.toggle(key="show_samples").set_value(True).run()
    assert not page.slider(key="temperature").disabled
    page.slider(key="temperature").set_value(0.8).run()
    assert not page.exception
    assert page.query_params["temperature"] in ("0.8", ["0.8"])
    gan = run(architecture="gan")
    assert not gan.slider(key="temperature").disabled
    assert not [t for t in gan.toggle if t.key == "show_samples"]


def test_points_of_a_problem_are_drawn_once() -> None:
    drawn: list[int] = []

    class Points:
        def training_points(self, n: int, seed: int) -> None:
            drawn.append(n)

    problem = Points()
    for _ in range(3):
        picture_views._points(problem)
    assert len(drawn) == 1


def test_a_run_that_was_refused_says_why_and_cannot_go_on(engine: Engine) -> None:
    page = failed(engine, "A step needs too much memory; lower width.", step=None)
    assert not page.exception
    assert [e.value for e in page.error] == ["A step needs too much memory; lower width."]
    assert "go_on" not in [b.key for b in page.button]
    assert "could not start" in " ".join(caption.value for caption in page.caption)


def test_a_walk_that_fails_is_asked_for_again_only_by_its_button(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def failing(name: str, *arguments: object) -> Future[bytes]:
        asked.append(name)
        future: Future[bytes] = Future()
        future.set_exception(WorkError("no reason."))
        return future

    monkeypatch.setattr(engine, "call", failing)
    page = run()
    for _ in range(3):
        page.run()
    assert any("The walk could not be computed: no reason." in w.value for w in page.warning)
    assert asked == ["flowplay.training.worker:layer_frames"]
    page.button(key="walk_again").click().run()
    assert not page.exception
    assert len(asked) == 2


def test_a_page_without_a_run_looks_at_none(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "_engine", engine)
    before = len(engine._viewers)
    app = AppTest.from_file(str(PAGE.parents[1] / "navigation.py"), default_timeout=60).run()
    watching = len(engine._viewers)
    assert watching >= max(1, before)
    app.switch_page("pages/guide.py").run()
    assert not app.exception
    assert len(engine._viewers) == watching - 1
    app.switch_page("pages/playground.py").run()
    assert len(engine._viewers) == watching


@pytest.mark.parametrize(
    ("likelihood", "labels", "heading"),
    [
        ("none", ["Energy distance", "Parameters"], "what training minimizes"),
        (
            "bound",
            ["Held-out bound of the NLL", "Gap to floor (upper bound)", "Parameters"],
            "upper bound of the negative log-likelihood",
        ),
    ],
)
def test_before_the_first_picture_the_catalog_says_what_will_be_measured(
    monkeypatch: pytest.MonkeyPatch, likelihood: Likelihood, labels: list[str], heading: str
) -> None:
    made = replace(ARCHITECTURES["nsf"], likelihood=likelihood, loss_name="energy distance")
    known = {**ARCHITECTURES, "nsf": made}
    monkeypatch.setattr("flowplay.config.architectures_for", lambda data: known)
    page = run(architecture="nsf", all_numbers="1")
    assert not page.exception
    assert [m.label for m in page.metric] == labels
    assert any(heading in m.value for m in page.markdown)
    if likelihood == "bound":
        assert "upper bound" in page.metric[1].help


def test_an_unreachable_scheduler_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "Cannot reach the Dask scheduler at tcp://127.0.0.1:9; trying again."
    stub = SimpleNamespace(status=EngineStatus("unreachable", 0, sentence))
    monkeypatch.setattr(shell, "engine", lambda: stub)
    assert sentence in {w.value for w in run().warning}


def test_the_bundled_example_is_of_the_defaults_and_honest() -> None:
    """Its numbers are what its weights give: judged again, on its own held-out points."""
    from flowplay.training.live_run import LiveRun

    bundled = example()
    state, snapshot = RunState.from_bytes(bundled.state), Snapshot.from_bytes(bundled.snapshot)
    live = LiveRun(state)
    assert live.config == bundled.config == RunConfig()
    assert snapshot.header.step == state.step == RunConfig().budget
    shown = snapshot.measurements["held_out"].value
    assert live.objective.judge(live.model)[0] == pytest.approx(shown, abs=1e-3)


def test_a_target_of_images_brings_what_learns_images() -> None:
    page = run(architecture="planar", all_numbers="1")
    page.button_group(key="target_group").set_value("Images").run()
    assert not page.exception
    assert page.radio(key="target").value == "digits"
    assert page.radio(key="architecture").value == "glow"
    images = IMAGE_ARCHITECTURES["glow"].defaults
    assert page.slider(key="depth").value == images["depth"]
    assert [m.label for m in page.metric] == ["Held-out bound of bits/dim", "Parameters"]
    assert any("upper bound of the bits per dimension" in m.value for m in page.markdown)
    assert "show_samples" not in {toggle.key for toggle in page.toggle}
    page.button_group(key="target_group").set_value("Data").run()
    assert not page.exception
    assert page.slider(key="depth").value == ARCHITECTURES["glow"].defaults["depth"]


def test_a_link_to_images_is_read() -> None:
    page = run(target="digits", architecture="nsf", dequantization="uniform", bins="5")
    assert not page.exception
    assert page.radio(key="architecture").value == "nsf"
    assert page.slider(key="bins").value == 5
    assert page.query_params["dequantization"] == "uniform"
