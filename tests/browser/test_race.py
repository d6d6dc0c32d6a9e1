"""A race of four, as a person meets it in Chromium."""

from __future__ import annotations

from deadline import until
from playwright.sync_api import Browser, Page, expect

from browser.conftest import App
from browser.test_playground import PATIENCE, address, no_traceback

PICTURES = ".st-key-race_pictures canvas.plot"
TRAIN = ".st-key-race_train button >> visible=true"
SMALL = "1.depth=2&2.architecture=nsf&2.depth=2&3.architecture=maf&3.depth=2&4.architecture=planar"

#: Notes every new frame of every picture, and whether a picture was ever replaced.
WATCH = """canvases => {
    window.race = canvases.map(canvas => ({canvas, frames: new Set()}));
    setInterval(() => window.race.forEach(seen => {
        if (seen.canvas.isConnected) seen.frames.add(seen.canvas.dataset.frame);
    }), 20);
}"""


def open_race(page: Page, url: str, contestants: int) -> None:
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page.goto(url)
    until(
        lambda: page.locator(PICTURES + "[data-frame]").count() == 1 + contestants,
        150,
        "the target and every contestant are drawn",
    )


def frames(page: Page) -> list[int]:
    """Return how many frames of each contestant have been seen."""
    seen: list[int] = page.evaluate("window.race.slice(1).map(seen => seen.frames.size)")
    return seen


def test_four_models_race_in_place_and_the_result_is_shown(app: App, page: Page) -> None:
    open_race(page, app.url + f"/race?{SMALL}&budget=8", 4)
    page.locator(TRAIN).click()
    expect(page.locator(TRAIN)).to_be_disabled()
    page.locator(PICTURES).evaluate_all(WATCH)
    until(lambda: min(frames(page)) >= 5, 90, "every picture has moved, in its place")
    loss = page.locator(".st-key-race_loss .plot")
    loss.hover()
    readout = page.locator(".st-key-race_loss .readout")
    expect(readout).to_be_visible()
    for name in ("RealNVP", "Neural spline", "MAF", "Planar"):
        expect(readout).to_contain_text(name)
    page.mouse.move(0, 0)
    expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=150_000)
    expect(page.locator(".st-key-race_summary .js-plotly-plot")).to_be_visible()
    table = page.locator(".race table")
    expect(table.locator("tbody tr")).to_have_count(4)
    assert table.locator(".leads").count() >= 4
    expect(table.locator(".kind").filter(has_text="exact")).to_have_count(4)
    assert "2.architecture=nsf" in address(page)
    # Until all is measured, the page is drawn anew and would take the buttons away.
    measuring = page.get_by_text("Measuring how near samples")
    expect(measuring).to_have_count(0, timeout=150_000)
    for key, name in (("csv", "race.csv"), ("png", "race.png"), ("html", "race.html")):
        with page.expect_download() as download:
            page.locator(f".st-key-race_{key} button >> visible=true").click()
        assert download.value.suggested_filename == name
    no_traceback(page)


def test_one_pause_for_all_and_who_sits_out_stays(app: App, page: Page) -> None:
    open_race(page, app.url + f"/race?{SMALL}&budget=1000&out=4", 4)
    page.locator(TRAIN).click()
    captions = page.locator(".st-key-race_pictures [data-testid=stCaptionContainer]")
    until(
        lambda: sum("Step 0" in text for text in captions.all_inner_texts()) == 1,
        90,
        "all but the one who sits out have moved",
    )
    assert "sits out" in captions.last.inner_text()
    page.locator(".st-key-race_pause button >> visible=true").click()
    expect(page.locator(TRAIN)).to_be_enabled()
    until(lambda: len(set(captions.all_inner_texts())) == 4, 60, "each has its own step")
    page.locator(".st-key-race_reset button >> visible=true").click()
    until(
        lambda: all("Step 0" in text for text in captions.all_inner_texts()),
        60,
        "all are untrained",
    )
    no_traceback(page)


def test_on_a_phone_contestants_stack(app: App, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    open_race(page, app.url + "/race?preset=seeds", 4)
    boxes = [canvas.bounding_box() for canvas in page.locator(PICTURES).all()]
    tops = [box["y"] for box in boxes if box is not None]
    assert tops == sorted(set(tops)), "one below the other"
    narrow = "document.documentElement.scrollWidth <= 390"
    until(lambda: page.evaluate(narrow), 30, "nothing sticks out")
    no_traceback(page)
    context.close()
