"""What a plugin brings is trained by the real engine and drawn by the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import App, serve

FOLDER = Path(__file__).parents[1] / "plugin"


@pytest.fixture
def app_with_plugin() -> Iterator[App]:
    yield from serve(FLOWPLAY_PLUGINS="toy_plugin", PYTHONPATH=str(FOLDER))


def test_page_shows_picture_and_curve(app_with_plugin: App, page: Page) -> None:
    page.goto(
        app_with_plugin.url
        + "/?target=toy_triangle&architecture=toy_generator&budget=400&autostart=1"
    )
    page.wait_for_function(
        "document.querySelector('.st-key-density canvas.plot')?.dataset.frame?.endsWith('-400')",
        timeout=60_000,
    )
    expect(page.locator(".st-key-loss .legend .train")).to_have_text("energy distance")
    expect(page.locator(".st-key-loss .legend .held-out")).to_be_hidden()
    expect(page.locator(".st-key-density")).to_contain_text("this model gives no density")
    expect(page.locator(".st-key-target_density")).to_contain_text("density is not known")
    # Nothing here has a likelihood or a floor.
    expect(page.locator(".st-key-headline")).not_to_contain_text("NLL")
    expect(page.locator(".st-key-headline")).not_to_contain_text("Gap")
    expect(page.get_by_text("Exact density")).to_have_count(0)
