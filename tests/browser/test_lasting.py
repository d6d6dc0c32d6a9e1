"""Runs that outlive their server, their tab and their browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deadline import until
from playwright.sync_api import Browser, Page, expect

from browser.conftest import App, free_port, serve

TRAINING = "/?target=circles&depth=2&width=16&budget=1000000&budget_unit=steps"

Start = Callable[[], App]


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
    text = page.get_by_test_id("stProgress").inner_text(timeout=30_000)
    found = re.search(r"step ([\d,]+)", text)
    return int(found[1].replace(",", "")) if found else 0


def is_training(page: Page) -> bool:
    return "Training" in page.get_by_test_id("stProgress").inner_text(timeout=30_000)


def frame_of(page: Page) -> str:
    return page.locator(".st-key-density canvas.plot").get_attribute("data-frame") or ""


def begin(page: Page, app: App) -> str:
    """Open a run, train it, and return its address once it has some steps behind it."""
    page.goto(app.url + TRAINING)
    page.get_by_role("button", name="Train", exact=True).click()
    until(lambda: step_of(page) > 200, 60, "it trains")
    expect(page).to_have_url(re.compile(r"[?&]run=[\w-]{22}(&|$)"))
    return page.url


def test_a_killed_server_loses_no_run(browser: Browser, store: str) -> None:
    port = free_port()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    with server(store, port) as app:
        address = begin(page, app)
        until(lambda: "run=" in page.url)
        before = step_of(page)
        kill(app)
    with server(store, port):
        # Nothing is clicked: the tab comes back by itself.
        until(lambda: is_training(page) and step_of(page) > before, 60, "the run goes on")
        assert page.url == address
        page.reload()
        until(lambda: is_training(page) and step_of(page) > before, 30, "a reload finds it")
        assert page.url == address
        page.get_by_role("button", name="Pause", exact=True).click()
        expect(page.get_by_role("button", name="Resume", exact=True)).to_be_enabled()
        assert page.get_by_test_id("stException").count() == 0
    context.close()
