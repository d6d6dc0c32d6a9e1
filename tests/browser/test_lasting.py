"""Runs that outlive their server, their tab and their browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deadline import until
from playwright.sync_api import Browser, Page, expect

from browser.conftest import App, free_port, serve
from flowplay.store.runs import Runs
from flowplay.store.store import Store

TRAINING = "/?target=circles&depth=2&width=16&budget=1000000&budget_unit=steps"


#: Milliseconds for a page; servers start in these tests, and busy machines take long.
PATIENCE = 120_000


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/runs.sqlite"


@contextmanager
def server(store: str, port: int) -> Iterator[App]:
    yield from serve(port, FLOWPLAY_DATABASE=store, FLOWPLAY_WORKERS="1")


def kill(app: App) -> None:
    """Kill a server as `kill -9` does; its workers end by themselves."""
    app.process.kill()
    app.process.wait()


def step_of(page: Page) -> int:
    """Return the step that the page says, 0 before the first."""
    text = page.get_by_test_id("stProgress").inner_text(timeout=PATIENCE)
    found = re.search(r"step ([\d,]+)", text)
    return int(found[1].replace(",", "")) if found else 0


def is_training(page: Page) -> bool:
    return "Training" in page.get_by_test_id("stProgress").inner_text(timeout=PATIENCE)


def begin(page: Page, app: App) -> str:
    """Open a run, train it, and return its address once it has some steps behind it."""
    page.goto(app.url + TRAINING)
    page.get_by_role("button", name="Train", exact=True).click()
    until(lambda: step_of(page) > 200, 120, "it trains")
    expect(page).to_have_url(re.compile(r"[?&]run=[\w-]{22}(&|$)"), timeout=PATIENCE)
    return page.url


#: Notes every step that the page shows from now on.
WATCH = """() => {
  window.steps = [];
  new MutationObserver(() => {
    const found = /step ([\\d,]+)/.exec(
      document.querySelector('[data-testid="stProgress"]')?.innerText ?? "");
    if (found) window.steps.push(Number(found[1].replaceAll(",", "")));
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


def written(store: str, address: str) -> int:
    """Return the step at which the run that an address names is in the store."""
    found = re.search(r"run=([\w-]+)", address)
    assert found is not None
    kept = Runs(Store(store)).read(found[1])
    assert kept is not None
    assert kept.training
    return 0 if kept.header is None else kept.header.step


def test_a_killed_server_loses_no_run(browser: Browser, store: str) -> None:
    port = free_port()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    with server(store, port) as app:
        address = begin(page, app)
        kill(app)
        before = written(store, address)
    seen = step_of(page)
    page.evaluate(WATCH)
    with server(store, port):
        # Nothing is clicked: the tab comes back by itself, with the run as it was written.
        until(lambda: page.evaluate("window.steps.at(-1) ?? 0") > seen, 120, "the run goes on")
        assert min(page.evaluate("window.steps")) >= before
        assert page.url == address
        page.reload()
        until(lambda: is_training(page) and step_of(page) > seen, 120, "a reload finds it")
        assert page.url == address
        page.get_by_role("button", name="Pause", exact=True).click()
        expect(page.get_by_role("button", name="Resume", exact=True)).to_be_enabled(
            timeout=PATIENCE
        )
        assert page.get_by_test_id("stException").count() == 0
    context.close()


def test_a_shared_link_lives_on_another_server(browser: Browser, store: str) -> None:
    owner = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = owner.new_page()
    page.set_default_timeout(PATIENCE)
    with server(store, free_port()) as app:
        page.goto(app.url + "/?target=circles&depth=2&width=16&budget=300")
        page.get_by_role("button", name="Train", exact=True).click()
        expect(page.get_by_test_id("stProgress")).to_contain_text("Finished", timeout=PATIENCE)
        # The run has ended with a picture of large cells; a visitor gets the one of small cells.
        fine = re.compile("-300-192$")
        model = page.locator(".st-key-density canvas.plot")
        expect(model).to_have_attribute("data-frame", fine, timeout=PATIENCE)
        picture = until(lambda: pixels(page), 120, "the picture")
        page.get_by_role("button", name="Share", exact=True).click()
        link = page.get_by_role("dialog").locator("code").first.inner_text().strip()
        assert re.fullmatch(re.escape(app.url) + r"/r/[\w-]{12}", link)
    owner.close()
    visitor = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = visitor.new_page()
    page.set_default_timeout(PATIENCE)
    with server(store, free_port()) as app:
        page.goto(app.url + "/r/" + link.rpartition("/")[2])
        expect(page.get_by_text("A copy of a run")).to_be_visible(timeout=PATIENCE)
        until(lambda: pixels(page) == picture, 120, "the same picture")
        assert step_of(page) == 300
        page.get_by_role("button", name="Continue", exact=True).click()
        until(lambda: step_of(page) > 300, 120, "the copy goes on")
        expect(page).to_have_url(re.compile(r"[?&]run=[\w-]{22}(&|$)"), timeout=PATIENCE)
        page.goto(app.url + "/?shared=" + link.rpartition("/")[2])
        until(lambda: pixels(page) == picture, 120, "the original has not changed")
        page.goto(app.url + "/runs")
        expect(page.locator("[class*='st-key-run_']")).to_have_count(1, timeout=PATIENCE)
    visitor.close()


def pixels(page: Page) -> str:
    """Return the model's picture once it does not move any more, else nothing."""
    canvas = page.locator(".st-key-density canvas.plot")
    read = "canvas => canvas.toDataURL()"
    first = str(canvas.evaluate(read))
    page.wait_for_timeout(400)
    return first if canvas.evaluate(read) == first else ""
