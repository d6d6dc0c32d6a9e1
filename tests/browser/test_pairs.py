"""Pairs of a table's columns, as a person meets them in Chromium."""

from __future__ import annotations

import contextlib
import re

from deadline import until
from playwright.sync_api import Page, expect

from browser.conftest import App
from browser.test_learn import open_at
from browser.test_playground import PATIENCE, TRAIN, no_traceback


def trained(page: Page) -> None:
    page.click(TRAIN)
    expect(page.locator(TRAIN)).to_have_text(re.compile("Continue"), timeout=2 * PATIENCE)


def test_pairs_of_columns_are_all_shown_and_one_is_chosen(app: App, page: Page) -> None:
    open_at(page, f"{app.url}/?target=table&budget=50&depth=2&width=8", TRAIN)
    trained(page)
    canvas = page.locator(".st-key-density_view canvas.plot")
    expect(canvas).to_have_attribute("aria-label", re.compile("All pairs of the 4 columns"))
    across, up = (page.get_by_role("combobox", name=n, exact=True) for n in ("Across", "Up"))

    def pick() -> bool:
        # The page is drawn once more after the run has ended, and may lose a click.
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.4 * box["height"])
        with contextlib.suppress(AssertionError):
            expect(across).to_have_value(re.compile("petal width"), timeout=5_000)
            return True
        return False

    until(pick, 90, "the pair is chosen")
    expect(up).to_have_value(re.compile("sepal width"))
    no_traceback(page)
