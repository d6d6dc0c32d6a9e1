"""The tour's steps: when each is done, which apply, and what a bar may say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.engine import Phase, RunView
from flowplay.problems import DataProblem
from flowplay.targets import TARGETS
from flowplay.ui import tour as tours
from flowplay.ui.components.tour_view import WORDS, Said, read_said
from flowplay.ui.example import example
from flowplay.ui.tour import STEPS, Scene, Tour
from flowplay.wire import Header

APP = Path(__file__).parents[2] / "navigation.py"
BY_NAME = {step.name: step for step in STEPS}


def scene(**changes: object) -> Scene:
    """Return the session of a first visit: the example, untouched."""
    values: dict[str, object] = {
        "config": RunConfig(),
        "begun": RunConfig(),
        "view": view(Phase.FINISHED),
        "example": True,
        "acted": False,
    }
    return Scene(**(values | changes))  # type: ignore[arg-type]


def view(phase: Phase) -> RunView:
    return RunView(
        phase=phase,
        header=Header.of(example().snapshot),
        snapshot=example().snapshot,
        version=1,
        message="",
        in_flight=False,
        pending=False,
        hot=RunConfig().hot,
    )


def test_on_a_first_visit_nothing_is_done_by_itself() -> None:
    for name in ("target", "train", "scrub", "point", "ledger", "depth"):
        assert not BY_NAME[name].done(scene()), name


def test_steps_are_done_by_what_the_learner_does() -> None:
    assert BY_NAME["target"].done(scene(acted=True))
    assert BY_NAME["target"].done(scene(acted=True, config=RunConfig(target="circles")))
    assert BY_NAME["train"].done(scene(view=view(Phase.TRAINING)))
    assert BY_NAME["floor"].done(scene(view=view(Phase.TRAINING), example=False))
    assert not BY_NAME["floor"].done(scene(view=view(Phase.TRAINING), example=True))
    assert not BY_NAME["pause"].done(scene(view=view(Phase.TRAINING)))
    assert BY_NAME["pause"].done(scene(view=view(Phase.PAUSED)))
    assert BY_NAME["depth"].done(scene(config=RunConfig(depth=3)))
    assert BY_NAME["point"].done(scene(point=(1.0, 2.0)))


def test_the_ledger_s_steps_come_with_their_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tours, "_pages", lambda: {"playground", "guide"})
    assert [s.name for s in tours._steps()] == ["target", "train", "floor", "pause", "depth"]
    monkeypatch.setattr(tours, "_pages", lambda: {"playground", "guide", "layers"})
    assert [s.name for s in tours._steps()][4:] == ["scrub", "point", "ledger", "depth"]


class WithoutDensity(DataProblem):
    """Points of the plane, and nothing else."""

    dim, window, density = 2, (-1.0, 1.0, -1.0, 1.0), None
    training_points = held_out_points = None  # type: ignore[assignment]


def test_steps_that_cannot_be_done_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def applying() -> list[str]:
        return [step.name for step in STEPS if step.applies(RunConfig())]

    assert applying() == list(BY_NAME)
    with monkeypatch.context() as patch:
        patch.setattr(RunConfig, "problem", lambda config: WithoutDensity())
        assert "floor" not in applying()
        assert {"scrub", "point", "ledger", "depth"} <= set(applying())
    bare = replace(ARCHITECTURES["realnvp"], layered=False)
    monkeypatch.setattr(RunConfig, "entry", bare)
    assert applying() == ["target", "train", "floor", "pause", "depth"]
    # They are passed over wherever the tour stands, not only on their own pages.
    tour = Tour(phase="running", at=list(BY_NAME).index("scrub"))
    monkeypatch.setattr(tours, "_scene", lambda tour: scene())
    assert tours._advance(tour, list(STEPS), "playground")
    assert STEPS[tour.at].name == "depth"


def test_the_loss_near_the_line_waits_until_it_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    tour = Tour(phase="running", at=[*BY_NAME].index("floor"))
    shown = [scene(view=view(Phase.TRAINING), example=True)]
    monkeypatch.setattr(tours, "_scene", lambda tour: shown[0])
    assert not tours._advance(tour, list(STEPS), "playground")
    tour.hear(Said("next", "floor"), STEPS[tour.at])
    assert STEPS[tour.at].name == "floor", "nothing has happened yet"
    shown[0] = scene(view=view(Phase.TRAINING), example=False)
    assert tours._advance(tour, list(STEPS), "playground"), "the bar says so"
    assert "near the dashed line now" in tour.happened
    text, main, _ = tours._words(tour, list(STEPS), STEPS[tour.at])
    assert (text, main) == (tour.happened, "I have seen it")
    # Nothing passes by itself, whatever the loss does next.
    shown[0] = scene(view=view(Phase.TRAINING), example=True)
    assert not tours._advance(tour, list(STEPS), "playground")
    assert STEPS[tour.at].name == "floor"
    tour.hear(Said("next", "floor"), STEPS[tour.at])
    assert STEPS[tour.at].name == "pause"
    assert tour.happened == ""


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=6) | st.sampled_from([*WORDS]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(ANYTHING, ANYTHING)
def test_a_bar_s_word_is_one_of_few_or_nothing(word: object, step: object) -> None:
    said = read_said({"said": {"word": word, "step": step}})
    assert said is None or (said.word in WORDS and isinstance(said.step, str))
    assert read_said({"said": word}) is None or isinstance(word, dict)


@given(st.lists(st.tuples(st.sampled_from(sorted(WORDS)), st.sampled_from([*BY_NAME, "?"]))))
def test_whatever_is_said_the_tour_stands_somewhere(words: list[tuple[str, str]]) -> None:
    tour = Tour()
    for word, name in words:
        tour.hear(Said(word, name), STEPS[tour.at] if tour.at < len(STEPS) else None)
        assert 0 <= tour.at <= len(STEPS)
        assert tour.phase in ("offered", "running", "left", "done")


def test_the_app_offers_it_on_every_page() -> None:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.switch_page("pages/guide.py").run()
    assert not app.exception
    assert '"phase": "offered"' in app.get("bidi_component")[0].proto.json


def test_another_target_while_it_runs_breaks_no_page() -> None:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.query_params["target"], app.query_params["noise"] = "eight_gaussians", "0.8"
    app.session_state["_tour"] = Tour(phase="running", at=[*BY_NAME].index("floor"))
    app.run()
    app.radio(key="target").set_value("moons").run()
    assert not app.exception
    assert app.slider(key="noise").value == TARGETS["moons"].noise


@pytest.mark.parametrize("word", ["NLL", "nats", "entropy", "Jacobian"])
def test_no_step_uses_a_word_that_nothing_explains(word: str) -> None:
    told = [step.text for step in STEPS]
    told += [tours._near_floor(scene()), tours._near_floor(scene(example=False))]
    assert not [text for text in told if word in text]


@pytest.mark.parametrize("word", ["ledger", "log-det"])
def test_a_word_of_the_trade_comes_with_what_it_is(word: str) -> None:
    used = [step.text for step in STEPS if word in step.text]
    assert len(used) == 1
    assert {"ledger": "the table", "log-det": "stretches or squeezes"}[word] in used[0].lower()
