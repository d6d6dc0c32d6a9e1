"""What looks again by itself: each run of a page has timers of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
import streamlit as st

from flowplay.engine import Run
from flowplay.ui.follow import follow, wait_for_news


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


class Waited:
    """A run whose next picture comes while somebody waits for the `comes`-th time."""

    def __init__(self, comes: int) -> None:
        self.comes = comes
        self.waits: list[float] = []

    def wait_for_news(self, version: int, seconds: float) -> bool:
        assert version == 3
        self.waits.append(seconds)
        return len(self.waits) == self.comes


class Clicked(dict[str, str]):
    """A session state that ends the script when it is read, as Streamlit's does for a click."""

    def get(self, key: str, default: object = None) -> Any:  # noqa: ANN401
        raise InterruptedError(key, default)


def test_a_wait_ends_with_the_next_picture_or_a_click(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Waited(comes=3)
    wait_for_news(cast("Run", run), 3, 60.0)
    assert len(run.waits) == 3
    monkeypatch.setattr(st, "session_state", Clicked())
    run = Waited(comes=3)
    with pytest.raises(InterruptedError):
        wait_for_news(cast("Run", run), 3, 60.0)
    assert len(run.waits) == 1
    assert run.waits[0] <= 0.1, "a click is followed within this time"
