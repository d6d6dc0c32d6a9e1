"""The page Race: presets, contestants that are changed or sit out, its result; no worker needed."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hostile import NASTY
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay.config import RunConfig
from flowplay.engine import Engine, Phase, Run
from flowplay.race import COLUMNS, PRESETS, Race, SampleFigure, labels
from flowplay.ui.race import results

sys.path.append(str(Path(__file__).parents[1] / "engine"))

PAGE = Path(__file__).parents[2] / "pages" / "race.py"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine(scheduler="tcp://127.0.0.1:9")
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def _use(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("shell", "runs", "work", "live", "race.page", "race.results"):
        monkeypatch.setattr(f"flowplay.ui.{module}.engine", lambda: engine)


def open_page(**query: str) -> AppTest:
    PagesManager.uses_pages_directory = False
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def address(page: AppTest) -> dict[str, str]:
    params = dict(page.query_params.items())
    return {key: value if isinstance(value, str) else value[-1] for key, value in params.items()}


def race_of(page: AppTest) -> Race:
    race: Race = page.session_state["_race"]
    return race


def runs_of(page: AppTest) -> list[Run]:
    held: dict[str, Run] = page.session_state["_board_runs"]
    return list(held.values())


def phases(page: AppTest) -> list[Phase]:
    return [run.view().phase for run in runs_of(page)]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_opens_with_a_run_for_each_contestant(name: str) -> None:
    page = open_page(preset=name)
    race = race_of(page)
    assert race == PRESETS[name].race
    assert len(runs_of(page)) == len(race.contestants), "no run is there twice"
    assert page.selectbox(key="race_preset").value == name
    assert [t.label for t in page.toggle] == labels(race)
    assert page.button(key="race_pause").disabled
    again = open_page(**address(page))
    assert race_of(again) == race, "the address holds the whole race"


def test_one_button_trains_pauses_steps_and_resets_all() -> None:
    page = open_page(preset="seeds")
    first = {run.id for run in runs_of(page)}
    page.button(key="race_train").click().run()
    assert set(phases(page)) == {Phase.WAITING}
    assert page.button(key="race_train").disabled
    page.button(key="race_pause").click().run()
    assert Phase.WAITING not in phases(page)
    page.button(key="race_step").click().run()
    assert set(phases(page)) == {Phase.WAITING}
    page.button(key="race_pause").click().run()
    page.button(key="race_reset").click().run()
    assert not page.exception
    assert len(runs_of(page)) == 4
    assert not first & {run.id for run in runs_of(page)}


def test_all_runs_of_a_race_are_in_one_group() -> None:
    page = open_page(preset="seeds")
    groups = {run._hosted.group for run in runs_of(page)}
    assert len(groups) == 1
    assert groups != {""}


def test_who_sits_out_does_not_train_and_comes_back_while_others_do() -> None:
    page = open_page(preset="depth", out="2")
    assert not page.toggle(key="race_in_1").value
    page.button(key="race_train").click().run()
    assert phases(page) == [Phase.WAITING, Phase.IDLE, Phase.WAITING]
    page.toggle(key="race_in_1").set_value(True).run()
    assert set(phases(page)) == {Phase.WAITING}
    assert "out" not in address(page)
    page.toggle(key="race_in_2").set_value(False).run()
    assert phases(page) == [Phase.WAITING, Phase.WAITING, Phase.IDLE]
    assert address(page)["out"] == "3"
    assert not page.exception


def test_a_contestant_is_changed_added_and_removed() -> None:
    page = open_page(preset="transformers")
    page.button(key="race_change_1").click().run()
    page.selectbox(key="race_edit_architecture").set_value("maf").run()
    page.slider(key="race_edit_depth").set_value(3).run()
    page.button(key="race_use").click().run()
    assert not page.exception
    changed = race_of(page).contestants[1]
    assert (changed.architecture, changed.depth) == ("maf", 3)
    assert address(page)["2.architecture"] == "maf"
    page.button(key="race_add").click().run()
    page.slider(key="race_edit_depth").set_value(7).run()
    page.button(key="race_use").click().run()
    assert [c.depth for c in race_of(page).contestants] == [12, 3, 7]
    page.button(key="race_change_1").click().run()
    page.button(key="race_remove").click().run()
    assert [c.depth for c in race_of(page).contestants] == [12, 7]
    assert page.selectbox(key="race_preset").value == "own"
    assert not page.exception


def test_target_seconds_and_batches_are_those_of_all() -> None:
    page = open_page(preset="transformers")
    page.selectbox(key="race_target").set_value("spiral").run()
    page.number_input(key="race_seconds").set_value(5.0).run()
    page.button(key="race_all").click().run()
    page.number_input(key="race_edit_seed").set_value(7).run()
    page.select_slider(key="race_edit_batch_size").set_value(64).run()
    page.button(key="race_use").click().run()
    assert not page.exception
    for config in race_of(page).contestants:
        assert (config.target, config.budget, config.batch_size) == ("spiral", 5.0, 64)
        assert (config.budget_unit, config.seed) == ("seconds", 7)
    assert all(run.view().hot.budget == 5.0 for run in runs_of(page)[-2:])


@pytest.mark.parametrize("nasty", NASTY)
def test_a_hostile_address_opens_a_race_and_is_answered_in_sentences(nasty: str) -> None:
    nasty = nasty.encode(errors="replace").decode()
    page = open_page(
        **{"preset": nasty, "contestants": nasty, "2.architecture": nasty, "out": nasty}
    )
    told = [warning.value for warning in page.warning]
    assert told
    assert all(sentence.endswith(".") and "<" not in sentence for sentence in told)
    assert len(race_of(page).contestants) >= 2


def trained(page: AppTest, opened: Engine) -> None:
    """Let the contestants have trained for a few steps, without a worker."""
    from flowplay.training import new_run, train_slice

    held: dict[str, Run] = page.session_state["_board_runs"]
    for key, config in zip(list(held), race_of(page).contestants, strict=True):
        state, snapshot = train_slice(new_run(config), steps=4)
        held[key] = opened.open_run(config, state.to_bytes(), snapshot.to_bytes())


def test_the_result_is_a_figure_and_three_files(engine: Engine) -> None:
    small = {"depth": "2", "width": "8", "2.architecture": "planar", "samples": "500"}
    page = open_page(**small)
    trained(page, engine)
    page.run()
    assert not page.exception
    assert "Result so far" in [heading.value for heading in page.subheader]
    assert len(page.get("plotly_chart")) == 1
    assert len(page.get("download_button")) == 3
    body = table_of(page)
    assert body.count("<th ") == sum(not column.optional for column in COLUMNS)
    assert body.count(' <span class="kind">exact</span>') == 2
    assert "★" in body
    loss = next(
        e.proto
        for e in page.get("bidi_component")
        if "optimizer" not in e.proto.json and '"lines"' in e.proto.json
    )
    frame: dict[str, Any] = json.loads(loss.json)
    assert [line["name"] for line in frame["lines"]] == ["RealNVP", "Planar"]
    assert frame["floor"] == pytest.approx(race_of(page).base.problem().floor.value)  # type: ignore[union-attr]


def answered(what: object) -> Future[bytes]:
    future: Future[bytes] = Future()
    future.set_result(json.dumps(what).encode())
    return future


class Resting:
    """A run that rests at a step, and what a worker is asked of it."""

    id = "run"
    config = RunConfig()
    state = b""

    def __init__(self) -> None:
        self.step, self.phase, self.asked = 0, Phase.PAUSED, list[tuple[str, int]]()
        self.session: dict[str, Any] = {}

    def view(self) -> SimpleNamespace:
        header = SimpleNamespace(step=self.step)
        return SimpleNamespace(header=header, phase=self.phase, pending=False)

    def ask(self, kind: str, key: tuple[str, int], *_: object) -> Future[bytes]:
        self.asked.append((kind, key[1]))
        if kind == "race":
            return answered({"points": 5000, "sample_ms": 4.0, "log_prob_ms": None})
        part = {"value": float(self.step), "error": 0.1, "data": 0.2, "data_error": 0.3}
        return answered({"sliced_w2": part})


@pytest.fixture
def resting(monkeypatch: pytest.MonkeyPatch) -> Resting:
    run = Resting()
    ready = SimpleNamespace(status=SimpleNamespace(phase="ready"))
    monkeypatch.setattr(results, "engine", lambda: ready)
    monkeypatch.setattr(results, "ask", run.ask)
    monkeypatch.setattr(results, "st", SimpleNamespace(session_state=run.session))
    return run


def test_samples_are_compared_with_data_wherever_a_contestant_rests(resting: Resting) -> None:
    runs: list[Any] = [resting]
    for step in (0, 100, 5000, 5000):
        resting.step = step
        assert not results.measure(runs)
    timed, judged = (
        [step for kind, step in resting.asked if kind == wanted]
        for wanted in ("race", "race_samples")
    )
    assert timed == [0, 100], "times of a run that trains on stay"
    assert judged == [100, 5000]
    resting.step, resting.phase = 6000, Phase.FINISHED
    assert not results.measure(runs)
    assert resting.asked[-2:] == [("race", 6000), ("race_samples", 6000)]
    known = resting.session[results._MEASURED]["run"]
    assert known["samples"]["sliced_w2"] == (6000.0, 0.1, 0.2, 0.3)
    assert known["sample_ms"] == 8.0, "scaled to as many as the column says"
    assert known["log_prob_ms"] is None


def test_figures_of_an_earlier_step_are_not_shown(engine: Engine) -> None:
    small = {"depth": "2", "width": "8", "2.architecture": "planar", "samples": "500"}
    page = open_page(**small)
    trained(page, engine)
    samples = {"sliced_w2": SampleFigure(0.25, 0.01, 0.1, 0.01)}
    times = {"sample_ms": 5.0, "log_prob_ms": 6.0, "timed": 1}
    page.session_state["_race_measured"] = {
        run.id: {"samples": samples, "step": step, **times}
        for run, step in zip(runs_of(page), (4, 3), strict=True)
    }
    page.run()
    assert not page.exception
    assert "Samples to data" not in table_of(page), "one is of an earlier step"
    assert "10,000 samples" in table_of(page)
    for known in page.session_state["_race_measured"].values():
        known["step"] = 4
    page.run()
    assert table_of(page).count("0.250 ± 0.010") == 2


def test_the_result_is_shown_before_all_is_measured(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowplay.ui.race.page.measure", lambda _: True)
    page = open_page(depth="2", width="8", samples="500")
    trained(page, engine)
    page.run()
    assert not page.exception
    assert "Result so far" in [heading.value for heading in page.subheader]
    assert any("Measuring" in caption.value for caption in page.caption)
    assert len(page.get("plotly_chart")) == 1


def table_of(page: AppTest) -> str:
    (table,) = [h for h in page.get("html") if 'class="race"' in h.proto.body]
    body: str = table.proto.body
    return body


def test_the_csv_has_a_row_for_each_contestant() -> None:
    from flowplay.race import Standing
    from flowplay.race.results import results_csv

    race = PRESETS["conditioners"].race
    rows = list(
        csv.DictReader(
            io.StringIO(
                results_csv([Standing(label, "exact") for label in labels(race)], race.contestants)
            )
        )
    )
    assert [row["architecture"] for row in rows] == ["realnvp", "maf", "nsf", "nsf"]
    assert rows[3]["conditioning"] == "autoregressive"
