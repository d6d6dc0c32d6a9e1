"""What a browser sends of a canvas: a painting, or a sentence."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowplay.problems import PROBLEMS, DataProblem, make_problem
from flowplay.problems.own.canvas import MOST_DOTS, dots_of, on_canvas, read_dots, write_dots
from flowplay.problems.own.drawing import CANVAS
from flowplay.ui.components.paint_view import read_painted
from flowplay.wire import Drawing


def pairs(*values: int) -> str:
    return base64.b64encode(np.array(values, "<u2").tobytes()).decode()


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, CANVAS * CANVAS - 1), st.integers(1, 500), min_size=1))
def test_dots_come_back_as_they_were_written(cells: dict[int, int]) -> None:
    weights = np.zeros((CANVAS, CANVAS), np.uint16)
    weights.reshape(-1)[list(cells)] = list(cells.values())
    assert (read_dots(write_dots(weights)) == weights).all()


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (None, "no painting"),
        (3, "no painting"),
        ("é", "no painting"),
        ("AAA", "no painting"),
        ("x" * 10**6, "no painting"),
        (pairs(5), "no painting"),
        (pairs(CANVAS * CANVAS, 1), "no painting"),
        (pairs(7, 1, 7, 1), "no painting"),
        (pairs(8, 1, 7, 1), "no painting"),
        ("", "empty"),
        (pairs(7, 0), "empty"),
        (pairs(7, 65_535, 8, 65_535), "at most 100,000 dots, not 131,070"),
    ],
)
def test_what_is_no_painting_is_refused_in_a_sentence(sent: object, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        read_dots(sent)
    assert str(refused.value).endswith(".")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=30) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        JSON,
        st.fixed_dictionaries(
            {"painted": st.one_of(JSON, st.fixed_dictionaries({"act": JSON, "start": JSON}))}
        ),
        st.binary(max_size=64).map(
            lambda b: {"painted": {"act": "learn", "dots": base64.b64encode(b).decode()}}
        ),
    )
)
def test_whatever_a_browser_sends_is_a_painting_or_a_sentence(sent: object) -> None:
    refusal, total = ".", 1
    try:
        found = read_painted(sent, ["moons"])
        if found is not None and found.dots is not None:
            total = int(found.dots.sum(dtype=np.int64))
    except ValueError as error:
        refusal = str(error)
    assert refusal.endswith(".")
    assert 0 < total <= MOST_DOTS


def test_a_target_is_put_on_the_canvas_as_dots() -> None:
    for name, kind in PROBLEMS.items():
        if not issubclass(kind, DataProblem) or make_problem(name).window is None:
            continue
        problem = make_problem(name)
        assert isinstance(problem, DataProblem)
        dots = dots_of(problem)
        assert 3_700 <= dots.sum() <= 4_000, name
    # Up is up: the pinwheel has no symmetry that would hide it.
    moons = make_problem("moons")
    assert isinstance(moons, DataProblem)
    rows, columns = np.nonzero(dots_of(moons))
    upper = rows < np.median(rows)
    assert columns[upper].mean() < columns[~upper].mean()


def test_a_picture_is_put_on_the_canvas_scaled_down() -> None:
    weights = np.zeros((30, 60), np.uint16)
    weights[:15, :30] = 60_000
    dots = on_canvas(Drawing("picture", weights))
    assert dots.shape == (CANVAS, CANVAS)
    assert 0 < dots.sum() <= MOST_DOTS
    rows, columns = np.nonzero(dots)
    assert columns.max() < CANVAS / 2
    assert rows.min() >= CANVAS / 4
    assert rows.max() < CANVAS / 2
    assert (on_canvas(Drawing("own", dots)) == dots).all()
