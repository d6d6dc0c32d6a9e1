"""What the live density sends to the browser."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.testing.v1 import AppTest

from flowplay.figures.colors import PALETTE
from flowplay.ui.components.density_view import density_view


def _page() -> None:
    import numpy as np
    import streamlit as st

    from flowplay.ui.components.density_view import density_view

    step = st.session_state.get("step", 0)
    density_view(
        np.arange(12, dtype=np.uint8).reshape(3, 4) + step,
        bounds=(-2, 2, 0, 4),
        scale=1.0,
        alt="a <b>density</b>",
        key="density",
        points=np.array([[-2.0, 0.0], [2.0, 4.0], [0.0, 2.0], [99.0, np.nan]], np.float32),
        note="exact",
        frame_id=f"step {step}",
    )
    st.button("step", key="next", on_click=lambda: st.session_state.update(step=step + 1))


def _start(page: Callable[[], None]) -> AppTest:
    test = AppTest.from_function(page, default_timeout=30).run()
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


def test_picture_travels_as_bytes_with_its_meaning() -> None:
    data = _data(_start(_page))
    assert (data["height"], data["width"], data["scale"]) == (3, 4, 1.0)
    assert base64.b64decode(data["code"]) == bytes(range(12))
    assert data["bounds"] == [-2, 2, 0, 4]
    assert (data["alt"], data["note"], data["frame"]) == ("a <b>density</b>", "exact", "step 0")
    assert data["ticks"]["bar"][-1] == [1.0, "1"]


def test_points_keep_their_row_and_what_is_no_number_is_out_of_sight() -> None:
    points = np.frombuffer(base64.b64decode(_data(_start(_page))["points"]), "<i2").reshape(-1, 2)
    np.testing.assert_array_equal(points[:3] / 2**14, [[0, 0], [1, 1], [0.5, 0.5]])
    assert (points[3] == [2**15 - 1, -(2**15)]).all()


def test_a_new_frame_updates_the_same_element() -> None:
    test = _start(_page)
    before = _proto(test).id
    test.button(key="next").click().run()
    assert not test.exception
    assert _proto(test).id == before
    assert _data(test)["frame"] == "step 1"


def test_palette_is_sent_as_it_is_and_the_script_without_comments() -> None:
    proto = _proto(_start(_page))
    assert base64.b64encode(PALETTE.tobytes()).decode() in proto.html_content
    assert "export default" in proto.js_content
    assert "@param" not in proto.js_content
    assert ".plot" in proto.css_content


@pytest.mark.parametrize(
    ("code", "scale", "bounds"),
    [
        (np.zeros((2, 2), np.float32), 1.0, (0, 1, 0, 1)),
        (np.zeros(4, np.uint8), 1.0, (0, 1, 0, 1)),
        (np.zeros((2, 2), np.uint8), 0.0, (0, 1, 0, 1)),
        (np.zeros((2, 2), np.uint8), float("nan"), (0, 1, 0, 1)),
        (np.zeros((2, 2), np.uint8), 1.0, (1, 0, 0, 1)),
    ],
)
def test_what_is_no_picture_is_refused(
    code: NDArray[np.uint8], scale: float, bounds: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match="must"):
        density_view(code, bounds=bounds, scale=scale, alt="", key="k")
