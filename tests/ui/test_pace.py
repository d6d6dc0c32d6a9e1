"""How long an architecture takes to a good picture on this server."""

from __future__ import annotations

import pytest

from flowplay.catalog import ARCHITECTURES
from flowplay.catalog import pace as paces
from flowplay.catalog.pace import PACES, REFERENCE, Pace, seconds_to_picture
from flowplay.ui.pace import time_to_picture


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
    assert time_to_picture("slow", 4.0) == "picture in about 20 s"
    assert time_to_picture("no", 4.0) == "picture in more than 36 s"


def test_nothing_is_said_before_it_is_measured() -> None:
    assert time_to_picture(REFERENCE, None) == ""
    assert time_to_picture("unknown", 2.0) == ""
    assert time_to_picture(REFERENCE, 1e-3) == "picture in about 1 s"
