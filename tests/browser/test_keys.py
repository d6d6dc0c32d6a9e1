"""The page's keys, and a phone's thumb."""

from __future__ import annotations

import pytest
from deadline import until
from playwright.sync_api import Browser, Page, expect

from browser.conftest import App
from browser.test_playground import PROGRESS, no_traceback, open_page

#: What a thumb touches, with the smaller side of each in pixels.
_SMALL = """() => [...document.querySelectorAll('button, a[href], select, label:has(input)')]
  .filter((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
  .filter((e) => !e.closest('p, li, td, [data-testid="stSidebar"]'))
  .filter((e) => e.id !== 'flowplay-skip' && !e.innerText.startsWith('Skip to'))
  .map((e) => [e, e.getBoundingClientRect()])
  .filter(([, b]) => b.width > 0 && Math.min(b.width, b.height) < 39.5)
  .map(([e, b]) => `${e.innerText || e.outerHTML.slice(0, 120)}: ${b.width} x ${b.height}`)"""


def has_focus(page: Page) -> str:
    return str(page.evaluate("document.activeElement.innerText"))


def test_train_is_the_first_stop_of_tab_and_space_trains_and_pauses(app: App, page: Page) -> None:
    open_page(page, app.url + "/?depth=3&budget=1000000")
    link = page.locator("#flowplay-skip:not([hidden])")
    expect(link).to_have_count(1)
    page.keyboard.press("Tab")
    assert has_focus(page) == "Go to Train"
    page.keyboard.press("Enter")
    until(lambda: "Train" in has_focus(page), 20, "the keyboard is at Train")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    expect(page.locator(PROGRESS)).to_contain_text("Training")
    page.keyboard.press("Space")
    expect(page.locator(PROGRESS)).to_contain_text("Paus")
    no_traceback(page)


def test_a_question_mark_lists_the_keys_and_help_is_no_stop_of_tab(app: App, page: Page) -> None:
    open_page(page, app.url)
    # The link comes with the script that hears the keys.
    expect(page.locator("#flowplay-skip:not([hidden])")).to_have_count(1)
    page.keyboard.press("?")
    listed = page.get_by_role("dialog", name="Keys")
    expect(listed).to_contain_text("One layer back or on")
    page.keyboard.press("Escape")
    expect(listed).to_be_hidden()
    icons = page.locator('[data-testid="stTooltipIcon"] [tabindex="0"]')
    until(lambda: icons.count() == 0, 20, "no icon is a stop of Tab")


def test_arrows_go_through_the_layers(app: App, page: Page) -> None:
    open_page(page, app.url + "/layers")
    picture = page.locator(".st-key-inside canvas.plot")
    expect(picture).to_have_attribute("data-t", "13.000")
    page.keyboard.press("ArrowLeft")
    expect(picture).to_have_attribute("data-t", "12.000")
    page.keyboard.press("ArrowRight")
    expect(picture).to_have_attribute("data-t", "13.000")


@pytest.mark.parametrize("path", ["/?target=checkerboard", "/layers"])
def test_on_a_phone_a_thumb_finds_everything(app: App, browser: Browser, path: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    open_page(page, app.url + path)
    if "checkerboard" in path:
        chosen = page.locator('.st-key-target [data-testid="stRadioOption"][data-selected="true"]')
        expect(chosen).to_have_count(1)
        until(lambda: (chosen.bounding_box() or {"x": 999})["x"] < 390 - 40, 20, "it is in sight")
    until(lambda: page.evaluate(_SMALL) == [], 20, f"too small: {page.evaluate(_SMALL)}")
    context.close()
