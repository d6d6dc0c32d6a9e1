"""A class: a teacher and a student, each with a browser of their own."""

from __future__ import annotations

import contextlib
import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from deadline import until
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from browser.conftest import App

LONG = 60_000
NICKNAME = "<b>Ana</b> *x*"


@pytest.fixture
def two(browser: Browser) -> Iterator[tuple[Page, Page]]:
    contexts = [browser.new_context(viewport={"width": 1280, "height": 900}) for _ in range(2)]
    teacher, student = (context.new_page() for context in contexts)
    for page in (teacher, student):
        page.set_default_timeout(LONG)
    yield teacher, student
    for context in contexts:
        context.close()


def test_a_class_from_its_making_to_its_end(
    app: App, two: tuple[Page, Page], tmp_path: Path
) -> None:
    teacher, student = two
    join, wall = make_class(teacher, app)
    assert wall is not None

    student.goto(join)
    student.get_by_role("textbox", name="Nickname").fill(NICKNAME)
    student.get_by_role("button", name="Join").click()
    banner = student.locator(".st-key-class_banner")
    expect(banner).to_contain_text("Make the gap small.", timeout=LONG)
    expect(banner).to_contain_text("Goal: a gap of at most 50 nats.")
    slider = student.get_by_role("slider", name="Depth")
    expect(slider).to_be_disabled(timeout=LONG)
    # The address cannot lift the lock.
    student.goto(f"{app.url}/?{join_query(student)}&depth=9&seed=5&budget=1000000")
    expect(student.get_by_text("depth is locked: using 3, not 9.")).to_be_visible(timeout=LONG)
    expect(student.get_by_text("seed is locked: using 0, not 5.")).to_be_visible()
    assert teacher_secrets(student, app) == []

    student.get_by_role("button", name="Train", exact=True).click()
    expect(banner).to_contain_text("Reached.", timeout=LONG)

    teacher.goto(wall)
    tile = teacher.locator("button.tile")
    expect(tile).to_have_count(1, timeout=LONG)
    expect(tile).to_contain_text(NICKNAME)
    expect(tile).to_contain_text("RealNVP, Two moons")
    expect(tile).to_contain_text(re.compile(r"step [\d,]+ · gap"), timeout=LONG)
    expect(tile).to_have_class(re.compile("reached"))
    assert teacher.locator("button.tile b").count() == 0, "what a student wrote is no markup"
    first = tile.get_attribute("data-frame")
    expect(tile).not_to_have_attribute("data-frame", str(first), timeout=LONG)

    teacher.get_by_role("button", name="Pause all").click()
    expect(banner).to_contain_text("Your teacher has paused the class.", timeout=LONG)
    expect(student.get_by_role("button", name="Pause", exact=True)).to_be_disabled(timeout=LONG)
    teacher.get_by_role("button", name="Resume all").click()
    expect(student.get_by_role("button", name="Pause", exact=True)).to_be_enabled(timeout=LONG)

    expect(teacher.get_by_role("button", name="Pause all")).to_be_visible(timeout=LONG)
    expect(tile).to_have_count(1, timeout=LONG)
    tile.click()
    if folder := os.environ.get("FLOWPLAY_SCREENSHOTS"):
        teacher.screenshot(path=f"{folder}/spotlight.png")
        student.screenshot(path=f"{folder}/student.png")
    spot = teacher.locator(".spot")
    expect(spot).to_be_visible()
    expect(spot).to_contain_text(NICKNAME)
    inside = spot.get_by_role("link", name="See inside").get_attribute("href")
    teacher.keyboard.press("Escape")
    expect(spot).to_be_hidden()
    if folder:
        teacher.screenshot(path=f"{folder}/wall.png")

    with teacher.expect_download() as download:
        teacher.get_by_role("button", name="Results (CSV)").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text("utf-8").splitlines()))
    assert [row["name"] for row in rows] == [NICKNAME]
    assert rows[0]["depth"] == "3"
    assert int(rows[0]["goal_step"]) > 0

    looking = teacher.context.new_page()
    looking.goto(f"{app.url}{inside}")
    expect(looking.get_by_text("A copy of a run")).to_be_visible(timeout=LONG)
    looking.close()

    teacher.get_by_role("button", name="End the class").click()
    teacher.get_by_test_id("stPopoverBody").get_by_role("button", name="End the class").click()
    expect(teacher.get_by_text("A class gives all its students")).to_be_visible(timeout=LONG)
    expect(banner).to_contain_text("Your teacher has ended this class.", timeout=LONG)
    student.goto(join)
    expect(student.get_by_text("There is no such class here.")).to_be_visible(timeout=LONG)


def make_class(teacher: Page, app: App) -> tuple[str, str | None]:
    """Make a class in which depth and seed are fixed; return the links to join and to its wall."""
    teacher.goto(f"{app.url}/?depth=3&width=16&budget=1000000")
    # Picture and walk run the page once more, which would close what is open in the dialog.
    teacher.wait_for_selector(".st-key-density canvas.plot", timeout=LONG)
    teacher.wait_for_selector(".st-key-layers .js-plotly-plot", timeout=LONG)
    teacher.get_by_role("button", name="Teach with this").click(timeout=LONG)
    dialog = teacher.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Title").fill("<i>Couplings</i>")
    dialog.get_by_role("textbox", name="Task").fill("Make the gap small.")
    dialog.get_by_role("radio", name="Gap to floor").click()
    dialog.get_by_role("spinbutton", name="At most").or_(
        dialog.get_by_role("textbox", name="At most")
    ).first.fill("50")
    lock_depth(teacher, dialog)
    dialog.get_by_role("radio", name="Seed").click()
    dialog.get_by_role("button", name="Make the class").click()
    code = dialog.get_by_role("img", name="QR code of the link by which students join")
    expect(code).to_be_visible(timeout=LONG)
    until(lambda: code.evaluate("image => image.naturalWidth") > 50, 30, "the QR code")
    codes = dialog.locator("code")
    expect(codes.first).to_contain_text("/join/", timeout=LONG)
    return codes.first.inner_text().strip(), dialog.get_by_role(
        "link", name="Open the wall"
    ).evaluate("a => a.href")


def lock_depth(teacher: Page, dialog: Locator) -> None:
    """Choose "Depth" in the list of locked settings, again if a rerun closes the list meanwhile."""
    locked = dialog.get_by_role("combobox", name="Locked")
    option = teacher.get_by_role("option", name="Depth", exact=True)
    chosen = dialog.get_by_test_id("stMultiSelect").get_by_text("Depth", exact=True)

    def choose() -> bool:
        if chosen.count():
            return True
        locked.fill("Depth")
        with contextlib.suppress(TimeoutError):
            option.click(timeout=3_000)
        # The list stays open, over the rest, until the keyboard leaves it.
        teacher.keyboard.press("Tab")
        return False

    until(choose, LONG / 1000, "the depth is locked")


def join_query(student: Page) -> str:
    found = re.search(r"class=[\w-]+", student.url)
    assert found is not None, student.url
    return found.group()


def teacher_secrets(student: Page, app: App) -> list[str]:
    """Return what a student's page holds of what only a teacher may know."""
    html = student.content()
    return [word for word in ("key=", "wall=") if word in html]


def test_a_live_link_shows_the_run_that_moves(app: App, two: tuple[Page, Page]) -> None:
    teacher, follower = two
    problems: list[str] = []
    follower.on("pageerror", lambda error: problems.append(str(error)))
    teacher.goto(f"{app.url}/?depth=2&width=16&budget=1000000&autostart=1")
    expect(teacher.get_by_text(re.compile(r"Training · step"))).to_be_visible(timeout=LONG)
    teacher.get_by_role("button", name="Follow me").click()
    link = teacher.get_by_role("dialog").locator("code")
    expect(link).to_contain_text("/live/", timeout=LONG)
    follower.goto(link.inner_text().strip())
    model = follower.locator("#density canvas.plot")
    expect(model).to_be_visible(timeout=LONG)
    first = model.get_attribute("data-frame")
    expect(model).not_to_have_attribute("data-frame", str(first), timeout=LONG)
    expect(follower.locator("#target canvas.plot")).to_be_visible()
    expect(follower.locator("#line")).to_contain_text(re.compile(r"step [\d,]+ .* gap"))
    assert follower.locator("button:visible").count() == 0, "who follows can change nothing"
    if folder := os.environ.get("FLOWPLAY_SCREENSHOTS"):
        follower.screenshot(path=f"{folder}/live.png")
        follower.set_viewport_size({"width": 390, "height": 844})
        follower.emulate_media(color_scheme="dark")
        follower.screenshot(path=f"{folder}/live_phone.png")
    teacher.get_by_role("button", name="Stop", exact=True).click()
    expect(follower.locator("#line")).to_have_text("This live link has ended.", timeout=LONG)
    assert problems == []
