"""How long an architecture takes to a good picture on this server."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from flowplay.catalog import ARCHITECTURES
from flowplay.catalog import pace as paces
from flowplay.catalog.pace import PACES, REFERENCE, Pace, seconds_to_picture
from flowplay.problems import PROBLEMS, Energy
from flowplay.ui import controls
from flowplay.ui.pace import measured_for, time_to_picture


def test_what_was_measured_is_in_the_catalog() -> None:
    assert set(PACES) <= set(ARCHITECTURES)
    assert PACES[REFERENCE].steps is not None
    assert all(pace.steps or pace.given_up for pace in PACES.values())


def test_a_server_twice_as_slow_takes_twice_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {REFERENCE: Pace(400, 2.0), "slow": Pace(1000, 10.0), "no": Pace(None, 9.0, 2000)}
    monkeypatch.setattr(paces, "PACES", table)
    assert seconds_to_picture(REFERENCE, 2.0) == pytest.approx((0.8, False))
    assert seconds_to_picture("slow", 2.0) == pytest.approx((10.0, False))
    assert seconds_to_picture("slow", 4.0) == pytest.approx((20.0, False))
    assert seconds_to_picture("no", 4.0) == pytest.approx((36.0, True))
    assert seconds_to_picture("unknown", 2.0) is None
    assert time_to_picture("slow", 4.0) == "good picture in about 20 s"
    assert time_to_picture("no", 4.0) == "good picture in more than 36 s"


def test_nothing_is_said_before_it_is_measured() -> None:
    assert time_to_picture(REFERENCE, None) == ""
    assert time_to_picture("unknown", 2.0) == ""
    assert time_to_picture(REFERENCE, 1e-3) == "good picture in about 1 s"


def test_times_are_told_of_points_of_the_plane_alone() -> None:
    told = {name for name in PROBLEMS if measured_for(name)}
    assert {"moons", "spiral", "painted"} <= told
    for name in told:
        assert PROBLEMS[name].gives == "points"
        assert not issubclass(PROBLEMS[name], Energy)
    assert not told & {"digits", "patches", "own_images", "table"}


def _picker() -> None:
    import streamlit as st

    from flowplay.catalog import architectures_for
    from flowplay.problems import PROBLEMS
    from flowplay.ui.controls import architecture_picker

    known = architectures_for(PROBLEMS[st.session_state["target"]].gives)
    st.session_state.setdefault("architecture", next(iter(known)))
    architecture_picker(known)


@pytest.mark.parametrize(("target", "told"), [("moons", True), ("u1", False), ("digits", False)])
def test_the_picker_gives_no_times_of_another_problem(
    target: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controls, "reference_step", lambda: 2.0)
    test = AppTest.from_function(_picker, default_timeout=30)
    test.session_state["target"] = target
    test.run()
    assert not test.exception
    captions = list(test.radio(key="architecture").proto.captions)
    assert any("good picture in" in caption for caption in captions) is told
    helps = [group.proto.help for group in test.get("button_group")]
    assert any("measured on moons" in text for text in helps) is told
