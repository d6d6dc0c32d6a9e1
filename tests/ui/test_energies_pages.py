"""Energies on pages: their group, figures, data that can be changed, and boards of several runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay.catalog import FLOW_FAMILIES
from flowplay.config import RunConfig
from flowplay.engine import Engine, Phase, Run
from flowplay.engine.viewers import Viewers
from flowplay.figures.predictive import predictive_svg
from flowplay.numbers import fixed
from flowplay.problems import PROBLEMS, Energy, make_problem
from flowplay.training import new_run, train_slice
from flowplay.ui import boards, runs
from flowplay.ui.posterior import match
from flowplay.wire import PredictivePicture

sys.path.append(str(Path(__file__).parents[1] / "engine"))

PAGES = Path(__file__).parents[2] / "pages"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine(scheduler="tcp://127.0.0.1:9")
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def _use(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("shell", "runs", "work", "live", "card", "board"):
        monkeypatch.setattr(f"flowplay.ui.{module}.engine", lambda: engine)


def open_page(name: str, **query: str) -> AppTest:
    PagesManager.uses_pages_directory = False
    page = AppTest.from_file(str(PAGES / name), default_timeout=60)
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    """A short run, which the Playground opens as if it were the example."""
    from flowplay.ui.example import Example

    config = RunConfig.from_flat({"target": "posterior_logistic", "depth": 2, "width": 8})
    state, snapshot = train_slice(new_run(config), steps=3)
    bundled = Example(config, state.to_bytes(), snapshot.to_bytes())
    monkeypatch.setattr(runs, "example", lambda: bundled)
    return config


def test_energies_are_a_group_of_their_own() -> None:
    page = open_page("playground.py", target="u3")
    assert page.radio(key="target").value == "u3"
    energies = [name for name, kind in PROBLEMS.items() if issubclass(kind, Energy)]
    assert len(page.radio(key="target").options) == len(energies)
    page.button_group(key="target_group").set_value("Data").run()
    assert page.radio(key="target").value == "moons"
    page.button_group(key="target_group").set_value("Energies").run()
    assert page.radio(key="target").value == "u1"
    assert not page.exception


@pytest.mark.parametrize("architecture", FLOW_FAMILIES)
def test_the_page_says_which_direction_is_the_cheap_one(architecture: str) -> None:
    family = FLOW_FAMILIES[architecture]
    page = open_page("playground.py", target="u1", architecture=architecture)
    (note,) = [c.value for c in page.caption if "for a draw:" in c.value]
    cheap = family.inverse_cost if family.turns else family.forward_cost
    assert f"for a draw: {cheap}" in note
    assert ("the other way round" in note) == family.turns


def test_figures_of_an_energy_name_the_divergence_and_the_true_constant(
    trained: RunConfig,
) -> None:
    page = open_page("playground.py", **trained.to_flat(), all_numbers="1")
    labels = [metric.label for metric in page.metric]
    energy = trained.problem()
    assert isinstance(energy, Energy)
    assert labels[:3] == ["KL(q‖p)", "KL(p‖q)", "ELBO"]
    assert f"log Z estimate (true {fixed(energy.log_z)})" in labels
    assert all(metric.value != "…" for metric in page.metric)
    assert any("KL(q‖p), in nats, estimated" in m.value for m in page.markdown)


def test_a_point_can_be_taken_away_and_put_back(trained: RunConfig) -> None:
    page = open_page("playground.py", **trained.to_flat())
    every = make_problem("posterior_logistic").data  # type: ignore[attr-defined]
    group = page.button_group(key="used_points")
    assert list(group.value or []) == list(range(len(every)))
    group.set_value(list(range(1, len(every)))).run()
    assert not page.exception
    assert str(page.text_input(key="pairs").value).count(",") == len(every) - 2
    assert len(page.button_group(key="used_points").options) == len(every), "it is still listed"
    page.button_group(key="used_points").set_value(list(range(len(every)))).run()
    assert "pairs" not in page.query_params, "the data are the usual ones again"


def test_a_point_can_be_added(trained: RunConfig) -> None:
    page = open_page("playground.py", **trained.to_flat())
    page.number_input(key="new_x").set_value(1.0)
    page.number_input(key="new_y").set_value(1.0)
    page.button(key="add_point").click().run()
    assert not page.exception
    assert str(page.text_input(key="pairs").value).endswith(", 1 1")


def test_pairs_of_a_link_are_shown_and_bad_ones_refused_in_a_sentence() -> None:
    page = open_page("playground.py", target="posterior_line", pairs="1 2, 2 1")
    assert len(page.button_group(key="used_points").options) == 2
    page = open_page("playground.py", target="posterior_line", pairs="<b>1")
    assert any("pairs" in w.value and "no list of pairs" in w.value for w in page.warning)


def test_the_prediction_is_drawn_of_the_snapshot() -> None:
    config = RunConfig.from_flat({"target": "posterior_line", "depth": 2, "width": 8})
    _, snapshot = train_slice(new_run(config), steps=1)
    picture = snapshot.picture(PredictivePicture)
    assert picture is not None
    assert (picture.low <= picture.high).all()
    svg = predictive_svg(
        picture.inputs,
        exact=picture.mean,
        data=np.array([[0.0, 1.0]]),
        output="<y>",
        mean=picture.mean,
        low=picture.low,
        high=picture.high,
    )
    assert svg.count("<polyline") == 2
    assert "&lt;y&gt;" in svg
    assert "NaN" not in svg


def test_points_are_found_among_the_known_ones() -> None:
    assert match([(0, 1), (1, 1), (0, 1)], [(0, 1), (0, 1)]) == [0, 2]
    assert match([(0, 1)], [(0, 1), (0, 1)]) is None
    assert match([], []) == []


@pytest.mark.parametrize("key", boards.BOARDS)
def test_every_board_shows_its_targets_and_runs(key: str, engine: Engine) -> None:
    page = open_page("energies.py", board=key)
    board = boards.BOARDS[key]
    headings = [m.value for m in page.markdown]
    for row in board.rows:
        assert f"**{row.title}**: exact" in headings
        assert len(row.configs) == len(board.columns)
        assert len({config.problem().window for config in row.configs}) == 1
    for heading in board.columns:
        assert headings.count(f"**{heading}**") == len(board.rows)
    held: dict[str, Run] = page.session_state["_board_runs"]
    assert len(held) == len(board.configs), "no run is there twice"
    page.button(key="board_play").click().run()
    assert {run.view().phase for run in held.values()} == {Phase.WAITING}
    assert page.button(key="board_play").disabled
    page.button(key="board_pause").click().run()
    assert Phase.WAITING not in {run.view().phase for run in held.values()}
    page.button(key="board_reset").click().run()
    assert not page.exception
    again: dict[str, Run] = page.session_state["_board_runs"]
    assert len(again) == len(board.configs)


def test_a_link_to_no_board_opens_the_first() -> None:
    page = open_page("energies.py", board="<nonsense>")
    assert page.button_group(key="board_pick").value == next(iter(boards.BOARDS))


def test_figure_3_is_that_of_the_paper() -> None:
    rows = boards.BOARDS["figure3"].rows
    assert [row.configs[0].target for row in rows] == ["u1", "u2", "u3", "u4"]
    assert [[c.depth for c in row.configs] for row in rows] == [[2, 8, 32]] * 4
    assert {c.architecture for row in rows for c in row.configs} == {"planar"}


def test_who_looks_at_several_runs_looks_away_from_all() -> None:
    viewers = Viewers()
    viewers.watch("a", "1", lambda: True, 0.0)
    viewers.watch("a/x", "2", lambda: True, 0.0)
    viewers.watch("a/y", "3", lambda: True, 0.0)
    viewers.watch("ab", "4", lambda: True, 0.0)
    assert viewers.looked_at(0.0) == {"1", "2", "3", "4"}
    viewers.look_away("a")
    assert viewers.looked_at(0.0) == {"4"}
