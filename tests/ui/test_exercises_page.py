"""The exercises on the guide: reached by trained runs of the session, never by an address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from flowplay.config import RunConfig
from flowplay.guide import EXERCISES
from flowplay.ui import runs
from flowplay.ui.example import example
from flowplay.wire import Measurement, Snapshot

APP = Path(__file__).parents[2] / "navigation.py"

CIRCLES = RunConfig.from_flat(dict(EXERCISES[0].query))


def trained(config: RunConfig, gap: float, parameters: int = 10, train: str = "nats") -> object:
    """Return a run as the page sees it, with a held-out NLL of its own."""
    density = config.problem().density
    assert density is not None
    bundled = Snapshot.from_bytes(example().snapshot)
    snapshot = replace(
        bundled,
        header=replace(bundled.header, step=300, parameters=parameters),
        measurements={
            "train": Measurement("loss", density.entropy + gap, train, "estimate"),
            "held_out": Measurement("held-out NLL", density.entropy + gap, "nats", "exact"),
        },
    )
    view = SimpleNamespace(snapshot=snapshot.to_bytes(), header=snapshot.header)
    return SimpleNamespace(config=config, view=lambda: view)


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60).switch_page("pages/guide.py")
    for name, value in ({"section": "exercises"} | query).items():
        app.query_params[name] = value
    return app.run()


def said(page: AppTest) -> str:
    return "\n".join(element.value for element in page.markdown)


def test_an_address_alone_reaches_nothing() -> None:
    for exercise in EXERCISES:
        page = opened(**exercise.query, reached="5", step="500", gap="0.001")
        assert not page.exception
        assert "**0 of 5 reached**" in said(page)
        assert said(page).count("no run that counts") == len(EXERCISES)


def test_a_trained_run_reaches_a_goal_and_the_session_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs, "trained_runs", lambda: [trained(CIRCLES, 0.2, 4321)])
    page = opened()
    assert not page.exception
    assert "Not yet. Your best: gap 0.200 with 4,321 parameters" in said(page)
    monkeypatch.setattr(runs, "trained_runs", lambda: [trained(CIRCLES, 0.041, 4321)])
    page.run()
    assert "**1 of 5 reached**" in said(page)
    assert "Reached: gap 0.041 with 4,321 parameters" in said(page)
    monkeypatch.setattr(runs, "trained_runs", list)
    page.run()
    assert "**1 of 5 reached**" in said(page), "the run was let go since"


def test_a_loss_that_is_no_likelihood_does_not_count_as_overfitting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moons = RunConfig(architecture="flow_matching")
    monkeypatch.setattr(runs, "trained_runs", lambda: [trained(moons, -0.5, train="")])
    assert "**0 of 5 reached**" in said(opened())
