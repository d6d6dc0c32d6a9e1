"""The page on change of variables: what it shows for every choice, and whatever a browser sends."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay.onedim import BASES, FIRST_KNOTS, KINDS, MOST_MAPS, SPLINE, Spline, repair_stack
from flowplay.onedim.stack import FIRST_STACK
from flowplay.ui.change import Settings
from flowplay.ui.components.dials import message, number_of

PAGE = Path(__file__).parents[2] / "pages" / "change_of_variables.py"


@pytest.fixture
def page() -> AppTest:
    PagesManager.uses_pages_directory = False
    return AppTest.from_file(str(PAGE), default_timeout=30).run()


def view(page: AppTest, index: int = 0) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(page.get("bidi_component")[index].proto.json)
    return data


def test_the_page_opens_with_both_integrals_and_the_sum_beside_the_whole(page: AppTest) -> None:
    assert not page.exception
    change = view(page)
    assert (change["exact"], change["naive"]) == ("1.0000", "2.0000")
    assert change["refusal"] == ""
    assert [step["map"] for step in view(page, 1)["steps"]] == [s.name for s in FIRST_STACK]
    plane = view(page, 2)
    assert plane["area"] == pytest.approx(abs(plane["determinant"]))


def test_every_base_meets_every_map(page: AppTest) -> None:
    for base in BASES:
        for name in (*KINDS, SPLINE):
            page.session_state["base"] = base
            page.session_state["map"] = name
            page.run()
            assert not page.exception, (base, name)
            data = view(page)
            refused = name == "logit" and base != "uniform"
            assert data["exact"] == ("—" if refused else "1.0000"), (base, name)
            assert ("takes values in (0, 1)" in data["refusal"]) == refused
            assert (data["knots"] is not None) == (name == SPLINE)


def test_the_axes_stay_while_a_slider_moves(page: AppTest) -> None:
    change: Settings = page.session_state["_change"]
    seen = []
    for message_, a in enumerate((0.2, 3.0, -1.0), start=1):
        sent = {"number": message_, "epoch": 0, "map": "affine", "values": {"a": a, "b": 1}}
        change.read(sent, "affine")
        page.run()
        seen.append(view(page))
    assert seen[0]["windows"] == seen[1]["windows"] == seen[2]["windows"]
    assert seen[0]["ticks"] == seen[1]["ticks"]
    assert seen[0]["above"] == "↑ up to 2", "what is cut off is told"
    assert seen[1]["above"] == ""


def test_no_stretch_is_refused_with_the_reason_and_nothing_old_passes_as_its_picture(
    page: AppTest,
) -> None:
    change: Settings = page.session_state["_change"]
    assert view(page)["isCurrent"]
    change.read({"number": 1, "epoch": 0, "map": "affine", "values": {"a": 0, "b": 1}}, "affine")
    page.run()
    assert not page.exception
    shown = view(page)
    assert "a = 0 maps every z to the same point" in shown["refusal"]
    assert not shown["isCurrent"]
    assert shown["point"] == 1.0
    assert (shown["exact"], shown["naive"]) == ("—", "—")
    assert "1.0000" not in shown["alt"]
    assert shown["number"] == 1
    page.button(key="change_reset").click().run()
    assert view(page)["refusal"] == ""
    # What was under way when the reset came is not of this time any more.
    change.read({"number": 2, "epoch": 0, "map": "affine", "values": {"a": -3}}, "affine")
    assert change.values["affine"]["a"] == 2.0


def test_the_first_page_of_a_new_server_finds_its_way_to_the_page_list() -> None:
    PagesManager.uses_pages_directory = True
    page = AppTest.from_file(str(PAGE), default_timeout=30).run()
    assert not page.exception
    assert not PagesManager.uses_pages_directory


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)
STEPS = st.lists(
    st.fixed_dictionaries({"map": st.sampled_from([*KINDS, SPLINE, "nope"]), "values": ANYTHING}),
    max_size=9,
)


@given(st.fixed_dictionaries({"number": ANYTHING, "values": ANYTHING, "knots": ANYTHING}))
@settings(max_examples=150, deadline=None)
def test_no_message_breaks_the_settings(sent: dict[str, Any]) -> None:
    for name in (*KINDS, SPLINE):
        change = Settings()
        change.read(sent | {"map": name, "epoch": 0}, name)
        Spline(change.knots)
        assert set(change.values[name]) == set(KINDS[name].defaults) if name in KINDS else True
        assert change.number >= 0
    change = Settings()
    change.read(sent | {"map": SPLINE, "epoch": 0}, "affine")
    assert change.knots == FIRST_KNOTS


@given(ANYTHING | STEPS)
@settings(max_examples=150, deadline=None)
def test_no_message_breaks_the_stack(sent: object) -> None:
    steps, refused = repair_stack(sent, FIRST_STACK)
    assert 1 <= len(steps) <= MOST_MAPS
    assert all(
        step.name == SPLINE or set(step.values) == set(KINDS[step.name].defaults) for step in steps
    )
    assert all(sentence.endswith(".") for sentence in refused)


@pytest.mark.parametrize("state", [None, "x", {"sent": [1]}, SimpleNamespace()])
def test_a_state_that_is_no_message_is_an_empty_one(state: object) -> None:
    assert message(state) == {}
    assert number_of({"number": "7"}) == 0
