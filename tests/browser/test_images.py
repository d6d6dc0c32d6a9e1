"""Images and their compression, as a person meets them in Chromium."""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np
from deadline import until
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from browser.conftest import App
from browser.test_learn import open_at
from browser.test_playground import PATIENCE, TRAIN, no_traceback

SMALL = "depth=1&width=8&budget=30"


def choose(page: Page, section: str) -> None:
    page.get_by_role("radiogroup").get_by_text(section, exact=True).click()
    expect(page).to_have_url(re.compile(f"section={section.lower()}"))


def test_a_digit_is_drawn_and_walked_after_training(app: App, page: Page) -> None:
    open_at(page, f"{app.url}/images?target=digits&architecture=glow&label=given&{SMALL}", TRAIN)
    page.click(TRAIN)
    expect(page.get_by_text("Finished · step 30", exact=False)).to_be_visible(timeout=2 * PATIENCE)
    expect(page.get_by_text("independent pixels 2.4", exact=False)).to_be_attached()
    choose(page, "Walk")
    walk = page.locator(".st-key-image_walk figure")
    slider = walk.locator("input.at")
    expect(walk).to_have_attribute("data-layer", "0")
    slider.focus()
    page.keyboard.press("End")
    expect(walk).to_have_attribute("data-layer", slider.get_attribute("max") or "")
    choose(page, "Draw")
    figure = page.locator(".st-key-draw figure")
    sheet = figure.locator("canvas.plot")
    expect(figure).to_have_attribute("data-ink", "0")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 20, steps=8)
    page.mouse.up()
    expect(page.get_by_test_id("stMetric").filter(has_text="Bayes")).to_be_visible()
    drawn = int(figure.get_attribute("data-ink") or 0)
    assert drawn > 40
    # The keyboard draws, too, and clears.
    sheet.focus()
    for key in ("Space", "Shift+ArrowLeft", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    until(lambda: int(figure.get_attribute("data-ink") or 0) > drawn, 30, "ink by keyboard")
    page.keyboard.press("Delete")
    expect(figure).to_have_attribute("data-ink", "0")
    no_traceback(page)


def given(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def crosses(count: int) -> list[bytes]:
    """Return pictures of crosses at random places."""
    rng = np.random.default_rng(0)
    files = []
    for _ in range(count):
        pixels = np.full((32, 32), 255, np.uint8)
        row, column = rng.integers(4, 28, 2)
        pixels[row - 2 : row + 2], pixels[:, column - 2 : column + 2] = 0, 0
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        files.append(file.getvalue())
    return files


def test_own_pictures_are_brought_learned_and_walked(app: App, page: Page) -> None:
    open_at(page, f"{app.url}/images?target=digits&architecture=glow&{SMALL}", TRAIN)
    page.locator(".st-key-own_bring summary").click()
    uploader = page.locator(".st-key-own_images_files input[type=file]")
    # What leads out of a ZIP is refused in a sentence.
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../up.png", crosses(1)[0])
    uploader.set_input_files(given("bad.zip", packed.getvalue()))
    expect(page.get_by_text("holds a file whose name leads out of it.")).to_be_visible()
    page.locator(".st-key-own_images_files").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("holds a file whose name leads out of it.")).to_have_count(0)
    uploader.set_input_files([given(f"{k}.png", one) for k, one in enumerate(crosses(60))])
    expect(page.get_by_text("images.", exact=False).first).to_be_visible()
    button = page.get_by_role("button", name="Learn these images")
    expect(button).to_be_enabled()
    button.click()
    expect(page).to_have_url(re.compile("target=own_images.*data=[0-9a-f]{64}"))
    page.click(TRAIN)
    expect(page.get_by_text("Finished · step 30", exact=False)).to_be_visible(timeout=2 * PATIENCE)
    choose(page, "Walk")
    expect(page.locator(".st-key-image_walk figure")).to_be_visible()
    choose(page, "Latent")
    expect(page.get_by_text("Own images have no labels", exact=False)).to_be_visible()
    no_traceback(page)


def test_test_images_are_compressed_and_come_back(app: App, page: Page) -> None:
    open_at(page, f"{app.url}/compress?target=digits&architecture=idf&width=16&budget=30", TRAIN)
    page.click(TRAIN)
    # The run has ended: no more new runs of the page take the buttons away.
    expect(page.locator(TRAIN)).to_have_text(re.compile("Continue"), timeout=2 * PATIENCE)
    page.locator(".st-key-compress_now button >> visible=true").click(timeout=2 * PATIENCE)
    page.locator(".st-key-compress_decode button >> visible=true").click(timeout=2 * PATIENCE)
    expect(page.get_by_text("All 360 images came back, bit for bit.")).to_be_visible()
    with page.expect_download() as download:
        page.locator(".st-key-compress_download button >> visible=true").click()
    assert download.value.suggested_filename == "digits.fpi"
    no_traceback(page)
