"""The look inside as a person meets it, in Chromium."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from deadline import until
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect

from browser.conftest import App
from browser.test_playground import PATIENCE, no_traceback, open_page, settled, step_shown
from flowplay.training.layer_frames import flow_of
from flowplay.training.ledger import double
from flowplay.training.live_run import LiveRun
from flowplay.ui.example import example
from flowplay.wire import RunState

PLOT = ".st-key-inside canvas.plot[data-frames]"
SLIDER = ".st-key-inside .way input"
LEDGER = ".st-key-ledger tbody tr"
LINK = "See inside: every layer"


def open_layers(page: Page, url: str, query: str = "") -> Locator:
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page.goto(f"{url}/layers{query}")
    expect(page.locator(PLOT)).to_be_visible()
    return page.locator(".st-key-inside")


def scrub(page: Page, value: float) -> None:
    """Move the slider as a hand does, and wait for the picture to follow."""
    page.locator(SLIDER).evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }",
        value,
    )


def picture(page: Page) -> str:
    return str(page.locator(PLOT).evaluate("canvas => canvas.toDataURL()"))


def numbers(row: Locator) -> list[float]:
    return [float(t.replace("−", "-")) for t in row.all_inner_texts() if t]


def test_one_click_keeps_the_run_and_scrubbing_asks_nobody(app: App, page: Page) -> None:
    sizes: list[int] = []

    def count(socket: WebSocket) -> None:
        socket.on("framesent", lambda data: sizes.append(len(data)))
        socket.on("framereceived", lambda data: sizes.append(len(data)))

    page.on("websocket", count)
    open_page(page, app.url + "/?target=circles&depth=8&width=16&budget=2000&autostart=1")
    expect(page.locator(".st-key-train button >> visible=true")).to_contain_text("Continue")
    page.get_by_role("link", name=LINK).click()
    expect(page.locator(PLOT)).to_have_attribute("data-frames", "10")
    expect(page.get_by_text("RealNVP, 8 layers")).to_be_visible()
    expect(page.get_by_text("Shown: step 2,000, the last one.")).to_be_visible()
    expect(page.get_by_text("Python that rebuilds this flow")).to_be_visible()
    assert "target=circles" in page.url
    assert max(sizes) <= 1.5e6

    settled(page)
    page.context.set_offline(True)
    before, seen = len(sizes), set()
    for value in (9, 8, 6.5, 3, 0):
        scrub(page, value)
        expect(page.locator(PLOT)).to_have_attribute("data-t", f"{value:.3f}")
        seen.add(picture(page))
    assert len(seen) == 5, "every place looks different"
    expect(page.locator(".st-key-inside .where")).to_have_text("z₀: the base")
    scrub(page, 8)  # Play goes on from where it is.
    page.locator(".st-key-inside .play").click()
    expect(page.locator(PLOT)).to_have_attribute("data-t", "9.000")
    for name in ("layer", "total", "error", "none"):
        page.locator(".st-key-inside select").select_option(name)
        seen.add(picture(page))
    page.locator(".st-key-inside").get_by_text("Normalize").click()
    expect(page.locator(PLOT)).to_have_attribute("data-direction", "normalize")
    assert len(seen) == 9
    assert len(sizes) == before, "scrubbing sends nothing"
    page.context.set_offline(False)
    no_traceback(page)


def test_a_clicked_point_s_ledger_adds_up(app: App, page: Page) -> None:
    figure = open_layers(page, app.url)
    rows = page.locator(LEDGER)
    # A point is followed from the start.
    expect(rows).to_have_count(14)
    followed = rows.first.inner_text()
    scrub(page, 7.3)
    box = page.locator(PLOT).bounding_box()
    assert box is not None
    page.locator(PLOT).click(position={"x": box["width"] * 0.45, "y": box["height"] * 0.4})
    expect(rows.first).not_to_have_text(followed)
    expect(page.locator(PLOT)).to_have_attribute("data-path", "14")
    expect(page.locator(PLOT)).to_have_attribute("data-t", "7.000")
    # It stands in the fields, too.
    fields = [page.locator(f".st-key-{name} input") for name in ("point_x", "point_y")]

    def told() -> list[list[float]]:
        typed = [float(field.input_value()) for field in fields]
        return [numbers(rows.first.locator("td"))[:2], typed]

    until(lambda: told()[0] == told()[1], 60, f"the fields follow: {told()}")
    expect(page.locator(f"{LEDGER}.here")).to_have_attribute("data-k", "7")
    base, total, last, log_prob = numbers(page.locator(".st-key-ledger dd"))
    assert last == log_prob
    assert last == pytest.approx(base + total, abs=1.01e-4)
    # The log-det of the marked row, by hand.
    here = page.locator(f"{LEDGER}.here td").nth(2).inner_text()
    expect(page.locator(".st-key-ledger .worked .sign")).to_contain_text(
        f"{here}. This is log|det|"
    )
    entries = numbers(page.locator(".st-key-ledger .worked .entries i"))
    by_hand = -math.log(abs(entries[0] * entries[3] - entries[1] * entries[2]))
    assert by_hand == pytest.approx(float(here.replace("−", "-")), abs=1e-2)
    shares = numbers(page.locator(f"{LEDGER} td:nth-child(4)").filter(has_text=re.compile(r"\d")))
    assert sum(shares) == pytest.approx(total, abs=13 * 0.51e-4)
    # The table leads the picture, too.
    rows.last.click()
    expect(page.locator(PLOT)).to_have_attribute("data-t", "0.000")
    # What is typed is followed as well.
    page.locator(".st-key-point_x input").fill("0.5")
    page.locator(".st-key-point_y input").fill("0.25")
    page.get_by_role("button", name="Follow x").click()
    expect(rows.first).to_contain_text("0.5000")
    flow = double(flow_of(LiveRun(RunState.from_bytes(example().state))))
    with torch.no_grad():
        expected = float(flow.log_prob(torch.tensor([[0.5, 0.25]], dtype=torch.float64)))
    assert numbers(page.locator(".st-key-ledger dd"))[2] == pytest.approx(expected, abs=0.51e-4)
    expect(figure).to_be_visible()
    no_traceback(page)


def test_training_can_be_rewound(app: App, page: Page) -> None:
    open_layers(page, app.url, "?depth=3&width=8&budget=120&seed=5")
    expect(page.get_by_text("This flow is untrained")).to_be_visible()
    page.locator(".st-key-train button >> visible=true").click()
    rewind = page.get_by_role("slider", name="Rewind training").first
    expect(rewind).to_be_visible()
    # Until then the larger cells of the training are still seen.
    expect(page.get_by_text("Python that rebuilds this flow")).to_be_visible()
    scrub(page, 2)
    token = page.locator(PLOT).get_attribute("data-token")
    trained = picture(page)
    rewind.focus()
    page.keyboard.press("Home")
    expect(page.locator(PLOT)).not_to_have_attribute("data-token", str(token))
    expect(page.locator(PLOT)).to_have_attribute("data-t", "2.000")
    until(lambda: picture(page) != trained, 60, "the earlier state is drawn")
    rewind.focus()
    page.keyboard.press("End")
    expect(page.locator(PLOT)).to_have_attribute("data-token", str(token))
    expect(page.locator(PLOT)).to_have_attribute("data-t", "2.000")
    page.locator(SLIDER).focus()
    page.keyboard.press("PageUp")
    expect(page.locator(PLOT)).to_have_attribute("data-t", "3.000")
    # The menu keeps the run, too.
    page.get_by_role("link", name="Playground", exact=True).first.click()
    until(lambda: step_shown(page) == 120, 60, "the same run in the Playground")
    assert "seed=5" in page.url
    no_traceback(page)


def test_the_exported_page_moves_offline(
    app: App, page: Page, browser: Browser, tmp_path: Path
) -> None:
    open_layers(page, app.url)
    button = page.get_by_role("button", name="Animation (HTML)")
    expect(button).to_be_visible()
    with page.expect_download() as waiting:
        button.click()
    page.get_by_role("button", name="Draw a GIF").click()
    drawn = page.get_by_role("button", name="Animation (GIF)")
    expect(drawn).to_be_visible(timeout=3 * PATIENCE)
    with page.expect_download() as animation:
        drawn.click()
    assert Path(animation.value.path()).read_bytes().startswith(b"GIF89a")
    with page.expect_download() as weights:
        page.get_by_role("button", name="Weights").click()
    assert Path(weights.value.path()).stat().st_size > 100_000
    path = tmp_path / "flow.html"
    waiting.value.save_as(path)
    context = browser.new_context(offline=True)
    alone = context.new_page()
    errors: list[Any] = []
    alone.on("pageerror", lambda error: errors.append(error))
    alone.goto(path.as_uri())
    plot = alone.locator("canvas.plot[data-frames]")
    expect(plot).to_have_attribute("data-frames", "14")
    first = plot.get_attribute("data-t")
    until(lambda: plot.get_attribute("data-t") != first, 60, "it plays by itself")
    assert not errors
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut(app: App, browser: Browser, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    open_layers(page, app.url)
    wide = "document.documentElement.scrollWidth > window.innerWidth"
    until(lambda: not page.evaluate(wide), 30, "the page does not scroll sideways")
    no_traceback(page)
    context.close()
