"""What the look inside sends to the browser, and what it believes of what comes back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowplay.ui.components.inside_view import FARTHEST, HTML, Pick, read_pick
from flowplay.ui.standalone import standalone_html

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.one_of(JSON, st.fixed_dictionaries({"k": JSON, "x": JSON, "y": JSON})))
def test_nothing_from_outside_is_believed(value: object) -> None:
    pick = read_pick(value, layers=3)
    if pick is not None:
        assert 0 <= pick.k <= 3
        assert abs(pick.x) <= FARTHEST
        assert abs(pick.y) <= FARTHEST


@pytest.mark.parametrize(
    "value",
    [
        None,
        [1, 2, 3],
        {"k": True, "x": 0.0, "y": 0.0},
        {"k": 1.0, "x": 0.0, "y": 0.0},
        {"k": -1, "x": 0.0, "y": 0.0},
        {"k": 1, "x": float("nan"), "y": 0.0},
        {"k": 1, "x": 1e9, "y": 0.0},
        {"k": 1, "x": 0.0},
    ],
)
def test_what_no_picture_can_say_is_refused(value: object) -> None:
    assert read_pick(value, layers=3) is None


def test_a_point_of_the_picture_is_read() -> None:
    assert read_pick({"k": 3, "x": 0.5, "y": -2, "token": "t"}, layers=3) == Pick(3, 0.5, -2.0)


def test_every_control_has_a_tooltip() -> None:
    for tag in re.findall(r"<(?:select|button|input type=\"range\")[^>]*>", HTML, re.DOTALL):
        assert "title=" in tag, tag
    labels = re.findall(r"<label[^>]*>", HTML)
    assert len(labels) == 5
    assert all("title=" in label for label in labels)


def test_the_standalone_page_loads_nothing() -> None:
    page = standalone_html(b"frames", "<b>Moons</b>")
    assert "&lt;b&gt;Moons" in page
    assert "<b>Moons" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=", page)
