"""The guide page: its sections, its links, what it generates from the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from flowplay.catalog import FLOW_FAMILIES
from flowplay.engine import WorkError
from flowplay.guide import SECTIONS, TOPICS, not_yet
from flowplay.ui import timing_table, work

APP = Path(__file__).parents[2] / "navigation.py"


class MeasuringEngine:
    """An engine whose workers answer at once; those of one family fail."""

    failing = ""

    def call(self, name: str, config: str) -> Future[bytes]:
        assert name == "flowplay.training.worker:measure_timing"
        answer: Future[bytes] = Future()
        if self.failing and f'"architecture":"{self.failing}"' in config:
            answer.set_exception(WorkError("broken"))
        else:
            answer.set_result(b'{"points": 10000, "log_prob_ms": 12.4, "sample_ms": 3456.0}')
        return answer


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[MeasuringEngine]:
    engine = MeasuringEngine()
    monkeypatch.setattr(work, "engine", lambda: engine)
    timing_table._measured.clear()
    yield engine
    timing_table._measured.clear()


@pytest.fixture
def page() -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    return app.switch_page("pages/guide.py").run()


def text(page: AppTest) -> str:
    return "\n".join(element.value for element in page.markdown)


def test_every_section_is_there_with_its_links(page: AppTest) -> None:
    assert not page.exception
    assert [header.value for header in page.header] == [section.title for section in SECTIONS]
    links = [link.proto for link in page.get("page_link")]
    assert len(links) > len(SECTIONS)
    wanted = {f"architecture={name}" for name in FLOW_FAMILIES}
    assert wanted <= {link.query_string for link in links}


def test_every_topic_is_in_a_table(page: AppTest) -> None:
    shown = text(page)
    assert all(f"| {topic.heading} |" in shown for topic in TOPICS)
    below = shown[shown.index("What is missing") :]
    assert all(f"| {topic.heading} | {topic.later} |" in below for topic in not_yet())


def test_every_card_comes_from_the_catalog(page: AppTest) -> None:
    shown = {element.value.strip("$\n ") for element in page.latex}
    for architecture in FLOW_FAMILIES.values():
        assert architecture.equation in shown
        assert architecture.jacobian in shown


def test_times_are_measured_when_asked_and_kept_for_the_server(
    engine: MeasuringEngine, page: AppTest
) -> None:
    assert "12 ms" not in text(page)
    page.button(key="measure").click().run()
    for _ in FLOW_FAMILIES:  # A timer does this in a browser.
        page.run()
    assert not page.exception
    assert text(page).count("| 12 ms |") == len(FLOW_FAMILIES)
    assert text(page).count("| 3,456 ms |") == len(FLOW_FAMILIES)
    other = AppTest.from_file(str(APP), default_timeout=60).switch_page("pages/guide.py").run()
    assert "12 ms" in text(other)


def test_a_family_that_cannot_be_measured_says_so_and_can_be_asked_again(
    engine: MeasuringEngine, page: AppTest
) -> None:
    engine.failing = "nsf"
    page.button(key="measure").click().run()
    for _ in FLOW_FAMILIES:
        page.run()
    assert text(page).count("failed") == 2
    engine.failing = ""
    page.button(key="measure").click().run()
    page.run()
    assert "failed" not in text(page)
    assert not page.exception


def test_bits_follow_the_numbers(page: AppTest) -> None:
    page.number_input(key="bits_nll").set_value(0.0).run()
    assert page.metric[0].value == "0.000"
    assert not page.exception
