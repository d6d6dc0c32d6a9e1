"""Data that people bring, as they do it in Chromium."""

from __future__ import annotations

import contextlib
import io
import re

from deadline import until
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from browser.conftest import App
from browser.test_playground import (
    PATIENCE,
    TRAIN,
    address,
    no_traceback,
    open_page,
    settled,
    step_shown,
)

CANVAS = ".st-key-paint figure"
SMALL = "architecture=nsf&depth=2&width=16&budget=60"


def dots(figure: Locator) -> int:
    return int(figure.get_attribute("data-dots") or 0)


def plot(figure: Locator) -> dict[str, float]:
    canvas = figure.locator("canvas.plot")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"], "side": box["width"]}


def stroke(page: Page, figure: Locator, y: float) -> None:
    """Draw a line from left to right with the mouse."""
    box = plot(figure)
    page.mouse.move(box["x"] + 0.2 * box["side"], box["y"] + y * box["side"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["side"], box["y"] + y * box["side"], steps=12)
    page.mouse.up()
    drawn(page)


def drawn(page: Page) -> None:
    """Wait until the canvas has drawn, and counted, what was done to it."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def step_in(text: Locator) -> int:
    """Return the step that a sentence names."""
    found = re.search(r"step ([\d,]+)", text.inner_text())
    return int(found[1].replace(",", "")) if found else -1


def target_told(page: Page) -> str:
    """Return what the picture of the target says to a screen reader."""
    return page.locator(".st-key-target_density canvas.plot").get_attribute("aria-label") or ""


def new_target(page: Page, before: str) -> str:
    """Return what `target_told` does, once it is not what it was before."""
    pictures = page.locator(".st-key-target_density canvas.plot")
    # All at once: for a moment the old picture and the new one are both on the page.
    told = pictures.evaluate_all("found => found.map((one) => one.ariaLabel ?? '')")
    return told[0] if len(told) == 1 and told[0] != before else ""


def test_a_painting_is_made_with_the_mouse_and_taken_back(app: App, page: Page) -> None:
    open_page(page, f"{app.url}/?target=painted&{SMALL}")
    figure = page.locator(CANVAS)
    expect(figure).to_have_attribute("data-changed", "false")
    opened = until(lambda: dots(figure), 90, "the face is on the canvas")
    button = figure.get_by_role("button", name="Learn this painting")
    expect(button).to_be_disabled()
    figure.get_by_role("button", name="Clear").click()
    expect(figure).to_have_attribute("data-dots", "0")
    figure.get_by_role("button", name="Undo").click()
    expect(figure).to_have_attribute("data-dots", str(opened))
    figure.get_by_role("button", name="Redo").click()
    expect(figure).to_have_attribute("data-dots", "0")
    expect(button).to_be_disabled()
    stroke(page, figure, 0.5)
    line = dots(figure)
    assert line > 60
    # An airbrush: as long as the button is down, dots come.
    page.mouse.down()
    until(lambda: dots(figure) > line + 60, 90, "dots while the brush is held down")
    page.mouse.up()
    drawn(page)
    sprayed = dots(figure)
    figure.get_by_role("button", name="Eraser").click()
    stroke(page, figure, 0.5)
    assert dots(figure) < sprayed - 60
    figure.get_by_role("button", name="Brush").click()
    no_traceback(page)


def test_the_keyboard_paints(app: App, page: Page) -> None:
    open_page(page, f"{app.url}/?target=painted&{SMALL}")
    figure = page.locator(CANVAS)
    until(lambda: dots(figure), 90, "the face is on the canvas")
    figure.locator("canvas.plot").focus()
    page.keyboard.press("Delete")
    expect(figure).to_have_attribute("data-dots", "0")
    for key in ("Shift+ArrowLeft", "Space", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    expect(figure).to_have_attribute("data-dots", "60")
    page.keyboard.press("Control+z")
    expect(figure).to_have_attribute("data-dots", "30")
    page.keyboard.press("e")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(figure).to_have_attribute("data-dots", "0")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+y")
    expect(figure).to_have_attribute("data-dots", "0")


def learn(page: Page, figure: Locator) -> None:
    figure.get_by_role("button", name="Learn this painting").click()
    expect(page).to_have_url(re.compile("data=[0-9a-f]{64}"))
    expect(figure).to_have_attribute("data-changed", "false")


def train_to_the_end(page: Page) -> None:
    page.click(TRAIN)
    expect(page.locator(TRAIN)).to_have_text(re.compile("Continue"), timeout=2 * PATIENCE)


def test_a_painting_is_trained_shared_and_opened_by_somebody_else(
    app: App, page: Page, browser: Browser
) -> None:
    open_page(page, f"{app.url}/?target=painted&{SMALL}")
    figure = page.locator(CANVAS)
    until(lambda: dots(figure), 90, "the face is on the canvas")
    figure.get_by_role("button", name="Clear").click()
    for y in (0.3, 0.7):
        stroke(page, figure, y)
    painted = dots(figure)
    example = until(lambda: target_told(page), 90, "the example is drawn")
    learn(page, figure)
    train_to_the_end(page)
    told = until(lambda: new_target(page, example), 90, "the target is drawn")
    page.locator(".st-key-share button >> visible=true").click()
    link = page.get_by_role("dialog").locator("[data-testid=stCode]").first
    shared = until(lambda: link.inner_text().strip(), 90, "a link").rpartition("/")[2]
    other = browser.new_context(viewport={"width": 390, "height": 844})
    opened = other.new_page()
    open_page(opened, f"{app.url}/?shared={shared}")
    expect(opened.locator(CANVAS)).to_have_attribute("data-dots", str(painted))
    until(lambda: target_told(opened) == told, 90, "the same target")
    no_traceback(opened)
    other.close()
    no_traceback(page)


def test_the_data_are_updated_while_it_trains(app: App, page: Page) -> None:
    open_page(page, f"{app.url}/?target=painted&architecture=nsf&depth=2&width=16&budget=1000000")
    page.click(TRAIN)
    until(lambda: step_shown(page) > 0, 60, "steps")
    figure = page.locator(CANVAS)
    update = figure.get_by_role("button", name="Update the data")
    expect(update).to_be_visible()
    figure.get_by_role("button", name="Clear").click()
    stroke(page, figure, 0.4)
    expect(update).to_be_enabled()
    before = address(page)
    update.click()
    expect(page.get_by_text("The data were changed at step")).to_be_visible()
    assert address(page) != before
    changed = step_in(page.get_by_text("The data were changed at step"))
    assert changed > 0
    page.locator(".st-key-pause button >> visible=true").click()
    expect(page.get_by_text(re.compile(r"Paused · step"))).to_be_visible(timeout=PATIENCE)
    assert step_shown(page) >= changed
    no_traceback(page)


def test_fingers_paint(app: App, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    open_page(page, f"{app.url}/?target=painted&{SMALL}")
    figure = page.locator(CANVAS)
    until(lambda: dots(figure), 90, "the face is on the canvas")
    figure.get_by_role("button", name="Clear").tap()
    expect(figure).to_have_attribute("data-dots", "0")
    settled(page)
    box = plot(figure)
    touch = context.new_cdp_session(page)

    def finger(kind: str, *at: float) -> None:
        x, y = (box[name] + part * box["side"] for name, part in zip("xy", at, strict=False))
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    scrolled = page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")
    finger("touchStart", 0.3, 0.3)
    for i in range(10):
        finger("touchMove", 0.3 + 0.04 * i, 0.3 + 0.04 * i)
    finger("touchEnd", 0.7, 0.7)
    drawn(page)
    assert dots(figure) > 40
    # The page stays where it is, so that one can paint.
    after = page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")
    assert after == scrolled
    learn(page, figure)
    no_traceback(page)
    context.close()


def picture(ink: int = 0) -> bytes:
    """Return a PNG with a spot in its upper left."""
    image = Image.new("L", (60, 60), 255 - ink)
    image.paste(ink, (6, 6, 30, 30))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


#: Makes a `DataTransfer` of the bytes of a picture.
TRANSFER = """content => { const given = new DataTransfer();
    const options = {type: "image/png"};
    given.items.add(new File([Uint8Array.from(content)], "spot.png", options)); return given; }"""


def bring(page: Page) -> None:
    page.locator(".st-key-own_bring summary").click()


def learn_picture(page: Page) -> str:
    """Press the button, and return the digest in the address."""
    button = page.get_by_role("button", name="Learn this picture")
    expect(button).to_be_enabled()
    button.click()
    expect(page).to_have_url(re.compile("data=[0-9a-f]{64}"))
    # The picker, too, has it now.
    chosen = page.get_by_role("combobox", name="Data", exact=True)
    expect(chosen).to_have_value("spot")
    return address(page).partition("data=")[2][:64]


def dark_is_dense(page: Page) -> bool:
    """Choose the dark parts, again if the picture that is being read chooses by itself."""
    page.locator(".st-key-own_ink").get_by_text("Dark", exact=True).click()
    with contextlib.suppress(TimeoutError):
        page.get_by_text("the dark parts are dense").wait_for(timeout=5_000)
        return True
    return False


def test_a_picture_is_dropped_and_learned(app: App, page: Page, browser: Browser) -> None:
    open_page(page, f"{app.url}/?target=picture&{SMALL}")
    bring(page)
    example = until(lambda: target_told(page), 90, "the example is drawn")
    given = page.evaluate_handle(TRANSFER, list(picture()))
    zone = page.locator(".st-key-own_picture_file [data-testid=stFileUploaderDropzone]")
    zone.dispatch_event("drop", {"dataTransfer": given})
    dropped = learn_picture(page)
    told = until(lambda: new_target(page, example), 60, "the target is drawn")
    train_to_the_end(page)
    assert "spot" in page.locator(".st-key-own_data").inner_text()
    # Somebody else opens the address: the same target.
    other = browser.new_context()
    opened = other.new_page()
    open_page(opened, f"{app.url}/?target=picture&data={dropped}&{SMALL}")
    until(lambda: target_told(opened) == told, 90, "the same target")
    no_traceback(opened)
    other.close()
    no_traceback(page)


#: Pastes what a `DataTransfer` holds.
PASTE = """given => document.body.dispatchEvent(
    new ClipboardEvent("paste", {bubbles: true, clipboardData: given}))"""


def test_a_picture_is_pasted_and_learned(app: App, page: Page) -> None:
    open_page(page, f"{app.url}/?target=picture&{SMALL}")
    bring(page)
    example = until(lambda: target_told(page), 90, "the example is drawn")
    expect(page.get_by_text("Or paste a picture from the clipboard")).to_be_visible()
    page.evaluate(PASTE, page.evaluate_handle(TRANSFER, list(picture())))
    pasted = learn_picture(page)
    told = until(lambda: new_target(page, example), 60, "the target is drawn")
    # What is pasted replaces it; the other parts of the picture are another target.
    page.evaluate(PASTE, page.evaluate_handle(TRANSFER, list(picture(255))))
    until(lambda: dark_is_dense(page) and learn_picture(page) != pasted, 120, "another picture")
    until(lambda: new_target(page, told), 60, "another target")
    train_to_the_end(page)
    no_traceback(page)


TABLE = "name\tlength\twidth\n" + "\n".join(
    f"plant {i}\t{i % 7 + 0.1 * i:.2f}\t{'' if i == 5 else i % 5}" for i in range(40)
)


def test_a_table_with_gaps_and_text_is_pasted_and_learned(app: App, page: Page) -> None:
    open_page(page, f"{app.url}/?target=table&{SMALL}")
    bring(page)
    cells = page.locator(".st-key-own_table_text textarea")
    cells.fill(TABLE)
    cells.press("Control+Enter")
    expect(page.get_by_text("Not to learn: name (it holds text).")).to_be_visible()
    page.get_by_role("button", name="Learn this table").click()
    expect(page.get_by_text("1 row with gaps was left out.")).to_be_visible()
    expect(page.get_by_text("2 columns; 31 rows to train on and 8 held out")).to_be_visible()
    train_to_the_end(page)
    expect(page.get_by_text("mixture").first).to_be_attached()
    # What is no table is told in a sentence, and changes nothing.
    before = address(page)
    cells.fill("Dear reader,\nthis is no table.")
    cells.press("Control+Enter")
    expect(page.get_by_text("This table has 0 columns of numbers")).to_be_visible()
    assert address(page) == before
    no_traceback(page)
