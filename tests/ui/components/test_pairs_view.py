"""What the picture of all pairs sends to the browser, and what it takes back."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from flowplay.ui.components.pairs_view import read_pair


def _page() -> None:
    import numpy as np

    from flowplay.ui.components.pairs_view import pairs_view

    pairs_view(
        np.array([[-4.0, 0.0, 99.0]]),
        np.full((900, 3), np.nan),
        columns=["a", "b", "c"],
        pair=(0, 2),
        alt="pairs",
        key="pairs",
        on_pick=lambda: None,
    )


def test_points_travel_as_bytes_within_four_standard_deviations() -> None:
    test = AppTest.from_function(_page, default_timeout=30).run()
    assert not test.exception
    (element,) = test.get("bidi_component")
    data: dict[str, Any] = json.loads(element.proto.json)
    assert list(base64.b64decode(data["data"])) == [0, 128, 255]
    assert np.frombuffer(base64.b64decode(data["samples"]), np.uint8).size == 400 * 3
    assert data["pair"] == [0, 2]


@pytest.mark.parametrize(
    "sent",
    [None, 3, {}, {"across": 1, "up": 1}, {"across": True, "up": 0}, {"across": 0, "up": 7}],
)
def test_what_no_picture_can_have_sent_is_passed_over(sent: object) -> None:
    assert read_pair({"pair": sent}, 3) is None
    assert read_pair(sent, 3) is None
