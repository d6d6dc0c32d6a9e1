"""The guide page: its sections, its links, what it generates from the catalog."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from flowplay.catalog import FLOW_FAMILIES
from flowplay.engine import WorkError
from flowplay.guide import SECTIONS, TOPICS, Section, not_yet
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


def opened(section: str = "") -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60).switch_page("pages/guide.py")
    if section:
        app.query_params["section"] = section
    return app.run()


def text(page: AppTest) -> str:
    return "\n".join(element.value for element in page.markdown)


def links(page: AppTest) -> list[str]:
    return [link.proto.query_string for link in page.get("page_link")]


def test_the_contents_have_every_section_with_its_picture() -> None:
    page = opened()
    assert not page.exception
    assert {f"section={section.key}" for section in SECTIONS} <= set(links(page))
    assert sum("<svg" in element.value for element in page.markdown) == len(SECTIONS)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.key)
def test_every_section_opens_alone_with_its_neighbours(section: Section) -> None:
    page = opened(section.key)
    assert not page.exception
    assert [title.value for title in page.title] == [section.title]
    at = SECTIONS.index(section)
    around = {s.key for n, s in enumerate(SECTIONS) if abs(n - at) == 1}
    found = {link for link in links(page) if link.startswith("section=")}
    assert found == {f"section={key}" for key in around}


def test_an_unknown_section_is_refused_in_a_sentence_and_the_contents_are_shown() -> None:
    page = opened("<script>nope")
    assert not page.exception
    assert page.warning[0].value == "The guide has no section ·script·nope: here are all."
    assert f"section={SECTIONS[0].key}" in links(page)


def test_every_family_can_be_tried() -> None:
    assert {f"architecture={name}" for name in FLOW_FAMILIES} <= set(links(opened("families")))


def test_every_topic_is_in_a_table() -> None:
    shown = text(opened("topics"))
    assert all(f"| {topic.heading} |" in shown for topic in TOPICS)
    assert ("What is missing" in shown) == bool(not_yet())
    assert all(f"| {topic.heading} | {topic.later} |" in shown for topic in not_yet())


def test_every_table_scrolls_in_a_box_that_has_its_style_with_it() -> None:
    for key in ("likelihood", "costs", "hyperparameters", "topics"):
        for element in opened(key).markdown:
            for table in re.finditer(r"^\|.*(?:\n\|.*)+", element.value, re.MULTILINE):
                before = element.value[: table.start()].rstrip()
                assert before.endswith('overflow-x: auto">'), key


def test_every_card_comes_from_the_catalog() -> None:
    shown = {element.value.strip("$\n ") for element in opened("families").latex}
    for architecture in FLOW_FAMILIES.values():
        assert architecture.equation in shown
        assert architecture.jacobian in shown


def test_times_are_measured_when_asked_and_kept_for_the_server(
    engine: MeasuringEngine,
) -> None:
    page = opened("costs")
    assert "12 ms" not in text(page)
    page.button(key="measure").click().run()
    for _ in FLOW_FAMILIES:  # A timer does this in a browser.
        page.run()
    assert not page.exception
    assert text(page).count("| 12 ms |") == len(FLOW_FAMILIES)
    assert text(page).count("| 3,456 ms |") == len(FLOW_FAMILIES)
    assert "12 ms" in text(opened("costs"))


def test_a_family_that_cannot_be_measured_says_so_and_can_be_asked_again(
    engine: MeasuringEngine,
) -> None:
    page = opened("costs")
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


def test_bits_follow_the_numbers() -> None:
    page = opened("bits")
    page.number_input(key="bits_nll").set_value(0.0).run()
    assert page.metric[0].value == "0.000"
    assert not page.exception


def test_the_entropy_follows_the_units_and_the_gap_does_not() -> None:
    page = opened("negative-nll")
    page.number_input(key="units_factor").set_value(1.0).run()
    before = [float(metric.value.replace("−", "-")) for metric in page.metric]
    page.number_input(key="units_factor").set_value(0.1).run()
    after = [float(metric.value.replace("−", "-")) for metric in page.metric]
    moved = 2 * math.log(0.1)
    assert after[0] == pytest.approx(before[0] + moved, abs=2e-3)
    assert after[1] == pytest.approx(before[1] + moved, abs=2e-3)
    assert after[2] == before[2]
    assert after[0] < 0
