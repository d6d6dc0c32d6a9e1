"""What looks again by itself: each run of a page has timers of its own."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import streamlit as st

from flowplay.engine import Run, RunView
from flowplay.ui import follow as following
from flowplay.ui import live
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


@pytest.mark.parametrize(
    ("here", "asked", "timer", "waits"),
    [
        (["a"], ["a"], True, True),
        (["a"], ["a"], False, True),
        (["a"], ["a", "b"], False, False),
        (["a", "b"], ["a", "b"], False, False),
        # It would be drawn again only when its own timer says so, after the picture has come.
        (["a"], ["b"], True, True),
        (["a", "b"], ["a", "b"], True, True),
    ],
)
def test_a_wait_ends_for_a_click_in_another_fragment_but_not_for_its_timer(
    monkeypatch: pytest.MonkeyPatch, here: list[str], asked: list[str], timer: bool, waits: bool
) -> None:
    data = SimpleNamespace(fragment_id_queue=asked, is_auto_rerun=timer)
    context = SimpleNamespace(
        fragment_ids_this_run=here, script_requests=SimpleNamespace(_rerun_data=data)
    )
    monkeypatch.setattr(following, "get_script_run_ctx", lambda **_: context)
    run = Waited(comes=1)
    wait_for_news(cast("Run", run), 3, 60.0)
    assert bool(run.waits) == waits


def test_streamlit_keeps_what_is_due_where_it_is_looked_for() -> None:
    """These names are its own, and may change with its version."""
    from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

    requests = ScriptRequests()
    assert not requests._rerun_data.is_auto_rerun
    requests.request_rerun(RerunData(fragment_id="b", is_auto_rerun=True))
    assert requests._rerun_data.fragment_id_queue == ["b"]
    assert requests._rerun_data.is_auto_rerun


def test_only_a_later_look_waits_and_only_for_a_picture_to_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[tuple[int, float]] = []
    monkeypatch.setattr(live, "wait_for_news", lambda _run, *how: waited.append(how))
    monkeypatch.setattr(live, "engine", lambda: SimpleNamespace(snapshot_interval=2.0))

    def view(version: int, *, pending: bool = True) -> RunView:
        snapshot = b"" if version else None
        return cast("RunView", SimpleNamespace(version=version, snapshot=snapshot, pending=pending))

    wait = live.waits_for(cast("Run", None))
    for seen in (view(1), view(0), view(2, pending=False)):
        wait(seen)
        assert not waited
    wait(view(3))
    assert waited == [(3, 3.0)]
