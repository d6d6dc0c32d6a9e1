"""The pages one learns on, and the tour, as a person meets them in Chromium."""

from __future__ import annotations

import re

import pytest
from deadline import until
from playwright.sync_api import Browser, Locator, Page, expect

from browser.conftest import App
from browser.test_playground import PATIENCE, TRAIN, address, no_traceback, settled
from flowplay.guide import SECTIONS

CHANGE = "figure[data-exact]"
STACK = "figure[data-sum]"
BAR = ".st-key-tour figure"


def open_at(page: Page, url: str, wait_for: str) -> None:
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page.goto(url)
    page.wait_for_selector(wait_for)


def value(figure: Locator, name: str) -> str:
    return figure.get_attribute(f"data-{name}") or ""


def step(page: Page) -> str:
    # A page that has just been opened has the bar before its step.
    return until(lambda: value(page.locator(BAR), "step"), 60, "the bar")


def focused(page: Page) -> str:
    """Return the tag and classes of what has the keyboard, shadows included."""
    return str(
        page.evaluate(
            """() => { let node = document.activeElement;
                while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
                return `${node?.tagName} ${node?.getAttribute('class')}`; }"""
        )
    )


def go_to_control(page: Page) -> None:
    """Press the bar's first button, which takes the keyboard to the control, on whatever page."""
    now = step(page)
    page.keyboard.press("Enter")
    until(
        lambda: step(page) != now or not re.search("main|BODY", focused(page)),
        60,
        f"the keyboard is at the control of {now}",
    )


def test_a_dragged_knot_changes_the_naive_integral_and_never_the_exact_one(
    app: App, page: Page
) -> None:
    open_at(page, app.url + "/change_of_variables", CHANGE)
    page.locator(".st-key-map").get_by_text("Spline").click()
    figure = page.locator(CHANGE)
    expect(figure.locator(".knots button")).to_have_count(6)
    before = until(lambda: value(figure, "naive"), what="an integral")
    knot = figure.locator(".knots button").nth(2)
    # Formulas and fonts, when they come, move what is below them.
    expect(page.locator(".katex").first).to_be_visible()
    settled(page)
    knot.hover()
    box = knot.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 10, y - 60, steps=8)
    page.mouse.up()
    until(lambda: value(figure, "naive") != before, 60, "the dragged knot changes the integral")
    assert value(figure, "exact") == "1.0000"
    # Dragged beyond its neighbour and out of the box, it stops there.
    page.mouse.move(x - 10, y - 60)
    page.mouse.down()
    page.mouse.move(x + 400, y - 600, steps=8)
    page.mouse.up()
    expect(knot).to_have_attribute("aria-label", "Knot 3: z 0.15, x 1.00")
    # Another one moves by keyboard.
    page.get_by_role("button", name="Reset the map").click()
    other = figure.locator(".knots button").nth(1)
    expect(other).to_have_attribute("aria-label", "Knot 2: z −1.20, x −2.00")
    until(lambda: value(figure, "naive") == before, 60, "the integral of the first knots")
    other.focus()
    page.keyboard.press("Shift+ArrowUp")
    expect(other).to_have_attribute("aria-label", "Knot 2: z −1.20, x −1.75")
    until(lambda: value(figure, "naive") != before, 60, "the integral follows")
    no_traceback(page)


def test_sliders_update_the_picture_in_place_and_zero_is_refused(app: App, page: Page) -> None:
    open_at(page, app.url + "/change_of_variables", CHANGE)
    figure = page.locator(CHANGE)
    figure.evaluate("node => { window.kept = node; }")
    stretch = figure.locator("input[name=a]")
    stretch.focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    until(lambda: value(figure, "naive") == "1.8000", 60, "the picture follows the slider")
    stretch.fill("0")
    expect(figure.get_by_text("a = 0 maps every z to the same point b")).to_be_visible()
    stretch.fill("-1.5")
    until(lambda: value(figure, "naive") == "1.5000", 60, "a mirrored density")
    assert page.evaluate("window.kept.isConnected"), "the picture was replaced"
    no_traceback(page)


def test_a_longer_stack_still_adds_up(app: App, page: Page) -> None:
    open_at(page, app.url + "/change_of_variables", STACK)
    stack = page.locator(STACK)
    for count in (5, 6, 7):
        stack.get_by_role("button", name="Add a map").click()
        expect(stack.locator("li")).to_have_count(count)
    expect(stack.get_by_role("button", name="Add a map")).to_be_disabled()
    before = value(stack, "sum")
    stack.locator("select").nth(5).select_option("sinh")
    until(lambda: value(stack, "sum") != before, 60, "the sum follows")
    assert value(stack, "sum") == value(stack, "once")
    no_traceback(page)


def test_the_guide_explains_its_words_and_opens_the_playground(app: App, page: Page) -> None:
    open_at(page, app.url + "/guide?section=cheap-jacobians", ".term")
    word = page.locator(".term").first
    shown = "node => getComputedStyle(node, '::after').visibility"
    until(lambda: word.evaluate(shown) == "hidden", 60, "the style has come")
    word.focus()
    until(lambda: word.evaluate(shown) == "visible", 60, "the word is explained")
    page.get_by_role("link", name="Try it: spline coupling on circles").click()
    page.wait_for_selector(TRAIN)
    until(lambda: "architecture=nsf" in address(page), 60, "the Playground has the configuration")
    assert "target=circles" in address(page)
    expect(page.locator(".st-key-target [data-selected=true]").first).to_contain_text("circles")
    no_traceback(page)


#: Looks before each frame whether the page is wider than the screen, and keeps the worst.
WATCH_WIDTH = """
    window.tooWide = 0;
    const look = () => {
        const main = document.querySelector('[data-testid=stMain]');
        for (const node of [document.documentElement, main].filter(Boolean))
            window.tooWide = Math.max(window.tooWide, node.scrollWidth - node.clientWidth);
        requestAnimationFrame(look);
    };
    look();
"""


def section_of(page: Page) -> str:
    """Return which section of the guide the address names."""
    found = re.search(r"[?&]section=([\w-]+)", address(page))
    return found[1] if found else ""


def test_an_old_address_opens_its_section_and_sections_link_to_each_other(
    app: App, page: Page
) -> None:
    open_at(page, app.url + "/guide#bits", ".st-key-guide_section")
    expect(page.get_by_role("heading", name="Bits per dimension")).to_be_visible()
    assert section_of(page) == "bits"
    page.get_by_role("link", name="Next: Images: scales, and noise on the levels").click()
    expect(page.get_by_role("heading", name="Images: scales")).to_be_visible()
    until(lambda: section_of(page) == "images", 60, "the address of the section")
    page.go_back()
    expect(page.get_by_role("heading", name="Bits per dimension")).to_be_visible()
    page.get_by_role("link", name="Contents").click()
    page.get_by_role("link", name="Where each topic is").click()
    # A link in text, in this session.
    page.get_by_role("link", name="Neural spline").click()
    expect(page.get_by_role("heading", name="The families, one card each")).to_be_visible()
    until(lambda: section_of(page) == "families", 60, "the address of the section")
    top = "document.querySelector('[data-testid=stMain]').scrollTop"
    until(lambda: page.evaluate(top) == 0, 60, "the section begins at its top")
    no_traceback(page)


@pytest.mark.parametrize("name", ["change_of_variables", "guide", "guide?section=costs"])
def test_on_a_phone_no_page_is_wider_than_the_screen_while_it_loads(
    app: App, browser: Browser, name: str
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.add_init_script(WATCH_WIDTH)
    # A slow phone: what is there for a moment only is drawn.
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
    ready = {"change_of_variables": "[data-sum]", "guide": ".st-key-card_topics"}
    open_at(page, f"{app.url}/{name}", ready.get(name, ".stMarkdown table"))
    settled(page)
    assert page.evaluate("window.tooWide") == 0, "pixels beyond the screen"
    no_traceback(page)
    context.close()


def test_on_a_phone_no_section_of_the_guide_is_wider_than_the_screen(
    app: App, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.add_init_script(WATCH_WIDTH)
    open_at(page, f"{app.url}/guide?section={SECTIONS[0].key}", ".st-key-guide_section")
    for section, after in zip(SECTIONS, [*SECTIONS[1:], None], strict=True):
        expect(page.get_by_role("heading", name=section.title, exact=True)).to_be_visible()
        settled(page)
        assert page.evaluate("window.tooWide") == 0, f"pixels beyond the screen: {section.key}"
        if after is not None:
            page.get_by_role("link", name=f"Next: {after.title}").click()
    no_traceback(page)
    context.close()


def test_the_tour_from_start_to_end_by_keyboard_alone(app: App, page: Page) -> None:
    # Broad moons are soon learnt.
    open_at(page, app.url + "/?budget=20000&noise=0.25&depth=4&learning_rate=0.005", TRAIN)
    until(lambda: step(page) == "offered", 60, "the offer")
    # The bar stands before the page: the keyboard meets it first in the main part.
    page.locator(f"{BAR} .main").focus()
    page.keyboard.press("Enter")
    deeds = {"target": "Space", "train": "Enter", "pause": "Enter", "depth": "ArrowRight"}
    deeds |= {"scrub": "ArrowLeft", "point": "Enter"}
    until(lambda: step(page) != "offered", 60, "the first step")
    seen: list[str] = []
    while (now := step(page)) != "done":
        assert now not in seen, "a step that was done comes again"
        seen.append(now)
        until(lambda: "main" in focused(page), 60, f"the keyboard is at the bar for {now}")
        go_to_control(page)
        if now == "floor":
            # What there is to see has happened; it stays until it was seen.
            bar = page.locator(BAR)
            expect(bar).to_have_attribute("data-happened", "true", timeout=180_000)
            expect(bar).to_contain_text("near the dashed line")
            until(lambda: "main" in focused(page), 60, "the keyboard is at the bar")
            page.keyboard.press("Enter")
        if now in deeds:
            page.keyboard.press(deeds[now])
        until(lambda: step(page) != now, 60, f"{now} is done")
    assert seen == ["target", "train", "floor", "pause", "scrub", "point", "ledger", "depth"]
    no_traceback(page)


def test_the_tour_can_be_left_resumed_and_is_not_offered_twice(app: App, page: Page) -> None:
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    page.goto(app.url)
    bar = page.locator(BAR)
    # The page is not drawn yet: a word that is said so early counts, too.
    bar.get_by_role("button", name="Start the tour").click()
    until(lambda: step(page) == "target", 60, "the first step")
    page.wait_for_selector(".st-key-density canvas[data-frame]")
    expect(bar).to_have_attribute("data-in-sight", "true")
    settled(page)
    pictures = page.locator(".st-key-density")
    top = pictures.bounding_box()
    bar.get_by_role("button", name="Skip").click()
    until(lambda: step(page) == "train", 60, "the second step")
    page.get_by_role("link", name="Guide", exact=True).first.click()
    page.wait_for_selector(".st-key-card_topics")
    assert step(page) == "train"
    bar.get_by_role("button", name="Take me there").press("Enter")
    page.wait_for_selector(TRAIN)
    expect(page.locator(TRAIN)).to_be_focused()
    bar.get_by_role("button", name="Leave").click()
    until(lambda: step(page) == "left", 60, "the tour is left")
    page.wait_for_selector(".st-key-density canvas[data-frame]")
    until(lambda: pictures.bounding_box() == top, 60, "the pictures are where they were")
    bar.get_by_role("button", name="Resume the tour").click()
    until(lambda: step(page) == "train", 60, "the step it was left at")
    page.goto(app.url)
    page.wait_for_selector(TRAIN)
    until(lambda: step(page) == "left", 60, "the offer was answered in this browser")
    no_traceback(page)
