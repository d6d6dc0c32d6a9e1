"""The page Race: presets, contestants that are changed or sit out, its result; no worker needed."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import NASTY
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay.engine import Engine, Phase, Run
from flowplay.race import COLUMNS, PRESETS, Race, labels

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
    (table,) = [h for h in page.get("html") if 'class="race"' in h.proto.body]
    body = table.proto.body
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
