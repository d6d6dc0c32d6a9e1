"""An address that a session wrote is its own, also when the browser sends it late."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from flowplay.engine import Engine, Run
from flowplay.ui import written
from flowplay.ui.runs import ACTIVE
from flowplay.ui.written import Written

PAGES = Path(__file__).parents[2] / "pages"


def test_an_address_that_was_replaced_just_now_is_the_session_s_own() -> None:
    own = Written()
    assert not own.has({"target": "rings"})
    own.write({})
    own.write({"target": "circles"})
    own.write({"target": "rings"})
    assert own.has({"target": "circles"}), "sent before the browser heard of rings"
    assert own.has({})
    assert not own.has({"target": "spiral"})
    assert own.has({"target": "rings"})


def test_after_a_while_an_earlier_address_is_one_that_somebody_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = Written()
    own.write({"target": "circles"})
    own.write({"target": "rings"})
    monkeypatch.setattr(written, "LATE", 0.0)
    assert not own.has({"target": "circles"})


def test_back_and_forward_are_followed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Written()
    own.write({"target": "circles"})
    own.write({"target": "rings"})
    gone_back = SimpleNamespace(is_history_navigation=True)
    monkeypatch.setattr(written, "get_script_run_ctx", lambda: gone_back)
    assert not own.has({"target": "circles"})
    assert own.has({"target": "rings"})


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    engine = Engine(scheduler="tcp://127.0.0.1:9")
    for module in ("shell", "runs", "work", "live", "card"):
        monkeypatch.setattr(f"flowplay.ui.{module}.engine", lambda: engine)
    yield engine
    engine.close()


def test_fast_clicks_undo_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "LATE", 600.0)
    page = AppTest.from_file(str(PAGES / "playground.py"), default_timeout=60).run()
    page.radio(key="target").set_value("circles").run()
    page.radio(key="target").set_value("rings").run()
    page.query_params.clear()
    page.query_params["target"] = "circles"
    page.button(key="train").click().run()
    assert not page.exception
    assert page.radio(key="target").value == "rings"
    assert page.query_params["target"] == "rings"
    shown: Run = list(page.session_state["_runs"].values())[-1].run
    assert shown.config.target == "rings"
    assert shown.view().phase in ACTIVE, "the click counts"
