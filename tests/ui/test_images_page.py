"""The page Images, by Streamlit's own test runner, with calls done in this process."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from here_engine import HereEngine
from PIL import Image
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from flowplay import shelf
from flowplay.config import RunConfig
from flowplay.training import new_run, train_slice
from flowplay.ui.components.draw_view import read_drawn
from flowplay.ui.example import Example
from flowplay.wire import ImageSet

PAGE = Path(__file__).parents[2] / "pages" / "images.py"

CONFIG = RunConfig.from_flat(
    {"target": "digits", "architecture": "glow", "label": "given", "depth": 1, "width": 8}
)


@pytest.fixture(scope="module")
def made() -> Iterator[HereEngine]:
    engine = HereEngine()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def trained() -> Example:
    state, snapshot = train_slice(new_run(CONFIG), steps=10)
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


SECTIONS = ["train", "scales", "walk", "latent", "draw", "noise", "anomalies"]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_opens_by_its_address(page: AppTest, section: str) -> None:
    page.query_params["section"] = section
    page.run()
    assert not page.exception
    assert not [w for w in page.warning if "could not" in w.value]
    assert page.query_params["section"] == section
    assert page.query_params["architecture"] == "glow"
    # A setting of the section changes nothing of the run.
    if section == "scales":
        page.selectbox(key="scales_image").set_value(5).run()
        page.button(key="scales_again").click().run()
    if section == "noise":
        page.button(key="noise_without").click().run()
        page.button(key="noise_checkpoint").click().run()
        assert len(page.get("plotly_chart")) == 3
        assert "MiB" in page.metric[-1].value
    if section == "anomalies":
        page.radio(key="anomalies_complexity").set_value("zlib").run()
    if section == "train":
        page.slider(key="temperature").set_value(0.5).run()
        assert page.query_params["temperature"] == "0.5"
    assert not page.exception
    assert page.query_params["section"] == section
    if section in ("walk", "noise"):
        told = [caption.value for caption in page.caption]
        assert any("bits of an image whose label is known" in caption for caption in told)
        assert any("at most 3.3 bits more, that is 0.052 bits per dimension" in c for c in told)


def test_a_run_of_something_else_is_offered_images(page: AppTest) -> None:
    page.query_params.clear()
    page.query_params["target"] = "circles"
    page.run()
    assert not page.exception
    assert "about images" in page.info[0].value


def drawn(count: int) -> list[tuple[str, bytes, str]]:
    """Return pictures as files that a visitor gives."""
    rng = np.random.default_rng(0)
    files = []
    for number in range(count):
        file = io.BytesIO()
        Image.fromarray(rng.integers(256, size=(20, 20), dtype=np.uint8)).save(file, "PNG")
        files.append((f"{number}.png", file.getvalue(), "image/png"))
    return files


def test_own_images_are_seen_and_then_learned_with_the_settings_of_the_run(page: AppTest) -> None:
    page.query_params["section"] = "latent"
    page.run()
    uploader = page.file_uploader(key="own_images_files")
    uploader.set_value(drawn(3)).run()
    assert not page.exception
    assert "3 different images of 8 × 8 pixels; at least 20" in page.warning[-1].value
    assert not [button for button in page.button if button.key == "own_learn_images"]
    uploader = page.file_uploader(key="own_images_files")
    uploader.set_value([*drawn(25), ("notes.png", b"no picture", "image/png")]).run()
    assert not page.exception
    said = [caption.value for caption in page.caption]
    assert any("25 images. 1 file was left out" in caption for caption in said)
    page.button(key="own_learn_images").click().run()
    assert not page.exception
    assert page.query_params["target"] == "own_images"
    assert ImageSet.from_bytes(shelf.get(page.query_params["data"])).levels.shape == (25, 8, 8, 1)
    # The same model, but without labels.
    assert page.query_params["width"] == "8"
    assert "label" not in page.query_params
    assert page.query_params["section"] == "train"
    said = [caption.value for caption in page.caption]
    assert any("18 to train on, 2 for live figures, and 5 test images" in c for c in said)


def test_own_images_are_learned_from_the_page_of_another_run(page: AppTest) -> None:
    page.query_params.clear()
    page.query_params["target"] = "circles"
    page.run()
    page.file_uploader(key="own_images_files").set_value(drawn(25)).run()
    page.button(key="own_learn_images").click().run()
    assert not page.exception
    assert page.query_params["target"] == "own_images"
    assert page.query_params["architecture"] == "glow"


@pytest.mark.parametrize(
    ("architecture", "section"), [*(("glow", section) for section in SECTIONS), ("vae", "walk")]
)
def test_every_section_shows_own_images_or_says_why_not(
    made: HereEngine,
    monkeypatch: pytest.MonkeyPatch,
    page: AppTest,
    architecture: str,
    section: str,
) -> None:
    config = RunConfig.from_flat(
        {"target": "own_images", "architecture": architecture, "depth": 1, "width": 8}
    )
    state, snapshot = train_slice(new_run(config), steps=2)
    kept = Example(config, state.to_bytes(), snapshot.to_bytes())
    monkeypatch.setattr("flowplay.ui.runs.example", lambda: kept)
    page.query_params.clear()
    page.query_params.update({**config.to_flat(), "section": section})
    page.run()
    assert not page.exception
    assert not [w for w in page.warning if "could not" in w.value]
    said = [caption.value for caption in page.caption]
    if section == "latent":
        assert any("have no labels" in caption for caption in said)
    if architecture == "vae":
        assert "no z has as many numbers" in page.info[0].value


def test_a_failure_is_said_in_a_sentence(page: AppTest, made: HereEngine) -> None:
    page.query_params["section"] = "walk"
    page.run()
    made.failing = True
    page.selectbox(key="walk_image").set_value(9).run()
    assert not page.exception
    assert "no reason" in page.warning[-1].value


def test_an_untrained_run_says_what_to_do(page: AppTest) -> None:
    page.query_params["seed"] = "4"
    page.query_params["section"] = "latent"
    page.run()
    assert not page.exception
    assert "Press Train" in page.caption[-1].value


@pytest.mark.parametrize(
    "sent",
    [None, "x", {"drawn": 3}, {"drawn": [0] * 63}, {"drawn": [17] * 64}, {"drawn": [True] * 64}],
)
def test_what_is_no_drawing_is_none(sent: object) -> None:
    assert read_drawn(sent, 64, 16) is None


def test_a_drawing_is_read() -> None:
    assert read_drawn({"drawn": [16] * 64}, 64, 16) == [16] * 64
