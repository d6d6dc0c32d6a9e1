"""What looks again by itself: each run of a page has timers of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st

from flowplay.ui.follow import follow


def test_each_run_of_the_page_has_a_fragment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit identifies a fragment by its function's name and place, and drops unknown ones."""
    names: list[str] = []
    looks: list[float | None] = []

    def fragment(look: Callable[[], None], run_every: float | None) -> Callable[[], Any]:
        names.append(look.__qualname__)
        looks.append(run_every)
        return look

    def page(every: float | None) -> None:
        def look() -> None:
            names.append("drawn")

        follow(look, every)

    monkeypatch.setattr(st, "fragment", fragment)
    page(0.5)
    page(None)
    assert names[1::2] == ["drawn", "drawn"]
    assert names[0] != names[2]
    assert looks == [0.5, None]
