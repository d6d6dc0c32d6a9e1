"""The page that compresses, by Streamlit's own test runner, with calls done in this process."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from here_engine import HereEngine
from numpy.typing import NDArray
from PIL import Image
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay.config import RunConfig
from flowplay.figures.sizes import sizes_figure
from flowplay.training import new_run, train_slice
from flowplay.ui.example import Example

PAGE = Path(__file__).parents[2] / "pages" / "compress.py"

CONFIG = RunConfig(target="digits", architecture="idf", width=16, budget=20)


@pytest.fixture(scope="module")
def made() -> Iterator[HereEngine]:
    engine = HereEngine()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def trained() -> Example:
    state, snapshot = train_slice(new_run(CONFIG), steps=20)
    return Example(CONFIG, state.to_bytes(), snapshot.to_bytes())


@pytest.fixture
def page(made: HereEngine, trained: Example, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    made.failing = False
    for module in ("shell", "runs", "live", "inside", "work"):
        monkeypatch.setattr(f"flowplay.ui.{module}.engine", lambda: made)
    monkeypatch.setattr("flowplay.ui.runs.example", lambda: trained)
    PagesManager.uses_pages_directory = False
    opened = AppTest.from_file(str(PAGE), default_timeout=120)
    for name, value in CONFIG.to_flat().items():
        opened.query_params[name] = value
    return opened


def test_test_images_are_compressed_and_come_back(page: AppTest) -> None:
    page.run()
    assert not page.exception
    page.button(key="compress_now").click().run()
    assert not page.exception
    values = {metric.label: metric.value for metric in page.metric}
    assert values["Images"] == "360"
    assert page.get("plotly_chart")
    page.button(key="compress_decode").click().run()
    assert "bit for bit" in page.success[-1].value


def test_own_images_are_compressed_or_refused_in_a_sentence(page: AppTest) -> None:
    page.run()
    page.radio(key="compress_source").set_value("own").run()
    assert page.button(key="compress_now").disabled
    cases: list[tuple[NDArray[np.generic], str]] = [
        (np.zeros((3, 8, 8), np.uint8), ""),
        (np.zeros((3, 5)), "uint8"),
    ]
    for images, part in cases:
        file = io.BytesIO()
        np.save(file, images)
        page.file_uploader(key="compress_upload").set_value(
            ("own.npy", file.getvalue(), "application/octet-stream")
        ).run()
        page.button(key="compress_now").click().run()
        assert not page.exception
        if part:
            assert part in page.warning[-1].value
        else:
            assert {m.label: m.value for m in page.metric}["Images"] == "3"


def test_a_picture_becomes_images_that_are_compressed(page: AppTest) -> None:
    page.run()
    page.radio(key="compress_source").set_value("own").run()
    file = io.BytesIO()
    Image.fromarray(np.arange(32 * 24, dtype=np.uint8).reshape(24, 32)).save(file, "PNG")
    whole, damaged = file.getvalue(), file.getvalue()[:50]
    page.file_uploader(key="compress_upload").set_value(("own.png", whole, "image/png")).run()
    for fit, count in (("scale", "1"), ("cut", "12")):
        page.segmented_control(key="compress_fit").set_value(fit).run()
        page.button(key="compress_now").click().run()
        assert not page.exception
        assert {m.label: m.value for m in page.metric}["Images"] == count
    page.file_uploader(key="compress_upload").set_value(("own.png", damaged, "image/png")).run()
    assert page.warning[-1].value.endswith(".")
    assert page.button(key="compress_now").disabled


def test_a_failure_is_said_and_can_be_tried_again(page: AppTest, made: HereEngine) -> None:
    made.failing = True
    page.query_params["seed"] = "1"
    page.run()
    assert not page.exception
    assert "Press Train" in page.caption[-1].value


def test_another_model_is_told_what_the_page_needs(page: AppTest) -> None:
    page.query_params.clear()
    page.run()
    assert not page.exception
    assert "integer flow" in page.info[-1].value


def test_bars_are_sorted_and_the_own_file_stands_out() -> None:
    figure = sizes_figure(("This model", 50), {"zlib": 90, "lzma": 70}, 48.5)
    assert list(figure.data[0].y) == ["zlib", "lzma", "This model"]
    assert len(set(figure.data[0].marker.color)) == 2
