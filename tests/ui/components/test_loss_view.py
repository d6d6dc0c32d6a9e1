"""What the live loss sends to the browser."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.testing.v1 import AppTest

from flowplay.figures.colors import BLUE, ORANGE


def _page() -> None:
    import numpy as np
    import streamlit as st

    from flowplay.ui.components.loss_view import loss_view
    from flowplay.wire import Curve

    state = st.session_state
    n = state.get("n", 4)
    steps = 10.0 * np.arange(n)
    train = state.get("train", np.stack([steps + 10, np.exp(-steps / 20)], axis=1))
    held_out = state.get("held_out", np.stack([2 * steps, 0.1 + np.exp(-steps / 10)], axis=1))
    curves = {"train": Curve("train NLL", "nats", train)}
    if held_out is not None:
        curves["held_out"] = Curve("held-out NLL", "nats", held_out)
    loss_view(
        curves,
        entropy=state.get("entropy", 0.289),
        alt="a <b>loss</b>",
        key="loss",
        height=280,
    )
    st.button("more", key="more", on_click=lambda: state.update(n=n + 1))


def _start(**state: object) -> AppTest:
    test = AppTest.from_function(_page, default_timeout=30)
    for name, value in state.items():
        test.session_state[name] = value
    test.run()
    assert not test.exception
    return test


def _proto(test: AppTest) -> BidiComponent:
    (element,) = test.get("bidi_component")
    proto = element.proto
    assert isinstance(proto, BidiComponent)
    return proto


def _data(test: AppTest) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(_proto(test).json)
    return data


def _rows(data: dict[str, Any]) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(data["rows"]), "<f4").reshape(3, -1)


def test_both_curves_travel_on_the_union_of_their_steps() -> None:
    data = _data(_start())
    steps, train, held_out = _rows(data)
    np.testing.assert_array_equal(steps, [0, 10, 20, 30, 40, 60])
    np.testing.assert_allclose(train, [np.nan, 1, *np.exp([-0.5, -1, -1.5]), np.nan], rtol=1e-6)
    np.testing.assert_allclose(held_out[[0, 2, 4, 5]], 0.1 + np.exp([0, -1, -2, -3]), rtol=1e-6)
    assert data["bounds"][:2] == [0, 60]
    assert (data["alt"], data["height"]) == ("a <b>loss</b>", 280)


def test_a_curve_that_is_not_there_has_no_name() -> None:
    data = _data(_start(held_out=None))
    assert data["names"] == ["train NLL", ""]
    assert np.isnan(_rows(data)[2]).all()
    assert data["unit"] == "nats"


def test_floor_stands_inside_with_its_label() -> None:
    data = _data(_start())
    assert (data["floor"], data["label"]) == (0.289, "entropy floor 0.289")
    assert data["bounds"][2] < 0.289 < data["bounds"][3]


@pytest.mark.parametrize("entropy", [None, float("nan")])
def test_unknown_floor_is_not_drawn(entropy: float | None) -> None:
    data = _data(_start(entropy=entropy))
    assert (data["floor"], data["label"]) == (None, "")
    assert np.isfinite(data["bounds"]).all()


def test_ticks_are_few_and_aligned() -> None:
    ticks = _data(_start())["ticks"]
    assert ticks["x"][0] == [0.0, "0"]
    for axis in ticks.values():
        assert 2 <= len(axis) <= 6
    assert len({len(label.partition(".")[2]) for _, label in ticks["y"]}) == 1


@pytest.mark.parametrize("last", [1, 2, 3, 5, 7, 10, 250, 12345, 10**6, 2 * 10**7])
def test_steps_are_whole(last: int) -> None:
    data = _data(_start(train=np.zeros((0, 2)), held_out=np.array([[0.0, 2.0], [last, 1.0]])))
    assert len(data["ticks"]["x"]) >= 2
    labels = [label for _, label in data["ticks"]["x"]]
    assert labels == [f"{int(label.replace(',', '')):,}" for label in labels]


def test_a_huge_loss_keeps_its_power_of_ten() -> None:
    data = _data(_start(train=np.zeros((0, 2)), held_out=np.array([[0.0, 3e9], [9, 1e9]])))
    labels = [label for _, label in data["ticks"]["y"]]
    assert any("× 10" in label for label in labels)
    assert all("." not in label.partition("×")[2] for label in labels)


def test_no_curve_yet_leaves_axes_only() -> None:
    data = _data(_start(train=np.zeros((0, 2)), held_out=np.zeros((0, 2))))
    assert _rows(data).shape == (3, 0)
    assert data["bounds"][:2] == [0, 1]
    assert data["bounds"][2] < 0.289 < data["bounds"][3]


def test_what_is_no_number_is_left_out() -> None:
    broken = np.array([[0, np.nan], [10, np.inf], [20, 1.0]])
    data = _data(_start(train=broken, held_out=broken[2:]))
    np.testing.assert_array_equal(_rows(data), [[20], [1], [1]])


def test_a_new_frame_updates_the_same_element() -> None:
    test = _start()
    before = _proto(test).id
    test.button(key="more").click().run()
    assert not test.exception
    assert _proto(test).id == before
    assert _rows(_data(test))[0, -1] == 80


def test_script_goes_without_comments_behind_what_is_shared() -> None:
    proto = _proto(_start())
    assert proto.js_content.index("function mounting") < proto.js_content.index("class LossView")
    assert "@param" not in proto.js_content
    assert ".unseen" in proto.css_content
    assert ORANGE in proto.html_content
    assert BLUE in proto.html_content


def test_frame_is_small() -> None:
    steps = np.arange(0.0, 5000, 10)
    curve = np.stack([steps, 1 + np.exp(-steps / 100)], axis=1)
    proto = _proto(_start(train=curve, held_out=curve[::2]))
    # What the curves take; the script and the style beside them do not grow.
    assert len(proto.json) < 10_000
    assert len(proto.SerializeToString()) < 24_000
