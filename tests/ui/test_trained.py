"""A page that asks workers while its run trains notices what has changed meanwhile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flowplay.engine import Phase
from flowplay.ui import trained


@pytest.mark.parametrize(
    ("drawn", "now", "again"),
    [
        (Phase.TRAINING, Phase.FINISHED, True),
        (Phase.TRAINING, Phase.TRAINING, False),
        (Phase.FINISHED, Phase.FINISHED, False),
    ],
)
def test_a_run_that_ended_while_its_page_was_drawn_is_seen(
    drawn: Phase, now: Phase, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("streamlit.rerun", lambda: asked.append("rerun"))
    monkeypatch.setattr(trained, "follow", lambda look, every: look())
    run: Any = SimpleNamespace(view=lambda: SimpleNamespace(phase=now, header=None))
    view: Any = SimpleNamespace(phase=drawn, header=None)
    trained.wait_for(run, view, first=False)
    assert bool(asked) is again
