"""What a plugin brings is trained by the real engine and drawn by the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import App, serve
from browser.test_playground import MODEL, PATIENCE, no_traceback, open_page

FOLDER = Path(__file__).parents[1] / "plugin"


@pytest.fixture
def app_with_plugin() -> Iterator[App]:
    yield from serve(FLOWPLAY_PLUGINS="toy_plugin", PYTHONPATH=str(FOLDER))


def test_page_shows_picture_and_curve(app_with_plugin: App, page: Page) -> None:
    query = "/?target=toy_triangle&architecture=toy_generator&budget=400&autostart=1"
    open_page(page, app_with_plugin.url + query)
    trained = re.compile("-400$")
    expect(page.locator(MODEL)).to_have_attribute("data-frame", trained, timeout=2 * PATIENCE)
    picker = page.locator(".st-key-target [data-selected=true]")
    expect(picker.locator("img")).to_have_count(1)
    expect(page.locator(".st-key-loss .legend .train")).to_have_text("energy distance")
    expect(page.locator(".st-key-loss .legend .held-out")).to_be_hidden()
    expect(page.locator(".st-key-density")).to_contain_text("this model gives no density")
    expect(page.locator(".st-key-target_density")).to_contain_text("density is not known")
    # Nothing here has a likelihood or a floor.
    expect(page.locator(".st-key-headline")).not_to_contain_text("NLL")
    expect(page.locator(".st-key-headline")).not_to_contain_text("Gap")
    expect(page.get_by_text("Exact density")).to_have_count(0)
    expect(page.get_by_text("Show samples")).to_have_count(0)
    expect(page.get_by_role("link", name="See inside: every layer")).to_have_count(0)
    page.get_by_role("link", name="See inside", exact=True).first.click()
    expect(page.get_by_text("This model has no layers to look into")).to_be_visible()
    no_traceback(page)


def test_a_flow_on_points_has_an_nll_and_no_gap(app_with_plugin: App, page: Page) -> None:
    open_page(page, app_with_plugin.url + "/?target=toy_triangle&budget=40&autostart=1")
    trained = re.compile("-40-192$")
    expect(page.locator(MODEL)).to_have_attribute("data-frame", trained, timeout=2 * PATIENCE)
    expect(page.locator(".st-key-headline")).to_contain_text("NLL")
    expect(page.locator(".st-key-headline")).not_to_contain_text("Gap")
    expect(page.get_by_text("entropy floor")).to_have_count(0)
    no_traceback(page)
