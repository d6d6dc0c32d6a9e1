"""Learning without data, as a person meets it in Chromium."""

from __future__ import annotations

import re

from deadline import until
from playwright.sync_api import Page, expect

from browser.conftest import App
from browser.test_playground import MODEL, address, frame, no_traceback, open_page, start_training


def test_a_board_trains_all_its_runs_in_place(app: App, page: Page) -> None:
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    page.goto(app.url + "/energies?board=divergences")
    models = page.locator("[class*=st-key-board_divergences] canvas.plot")
    row = page.locator("[class*=st-key-board_divergences]").first
    until(lambda: models.count() >= 3, 60, "target and two models are drawn")
    begun = page.get_by_text(re.compile(r"^Step 0 "))
    expect(begun.first).to_be_visible()
    page.get_by_role("button", name="Train all").click()
    until(lambda: begun.count() == 0, 60, "every run has moved")
    expect(row).to_contain_text("KL(q‖p)")
    page.get_by_role("button", name="Pause all").click()
    expect(page.get_by_role("button", name="Train all")).to_be_enabled()
    no_traceback(page)


def test_a_point_taken_away_changes_the_posterior_that_is_learned(app: App, page: Page) -> None:
    open_page(page, app.url + "/?target=posterior_line&architecture=flowpp&depth=2&budget=1000000")
    # For a moment the old picture may stand beside the new one.
    target = page.locator(".st-key-target_density canvas.plot").last
    expect(target).to_be_visible()
    expect(page.locator(MODEL)).to_be_visible()
    whole = address(page)
    points = page.locator(".st-key-used_points button").filter(has_text="(")
    count = points.count()
    before = target.evaluate("canvas => canvas.toDataURL()")
    points.first.click()
    until(lambda: address(page) != whole, 60, "the address names the points that are left")
    until(
        lambda: target.evaluate("canvas => canvas.toDataURL()") != before,
        60,
        "the exact posterior is another one",
    )
    assert points.count() == count, "the point can be put back"
    start_training(page)
    untrained = frame(page)
    until(lambda: frame(page) != untrained, 60, "the model moves")
    expect(page.get_by_text("Orange: mean and 90 % band")).to_be_visible()
    no_traceback(page)
