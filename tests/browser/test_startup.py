"""The server is ready before its first visitor, asks no other host, and ends with all it began."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from deadline import until
from playwright.sync_api import Page, Request, expect
from processes import command, is_alive

from .conftest import App, serve

#: Every page, and what is there when it is shown.
PAGES = {
    "/": ".st-key-density canvas[data-frame]",
    "/layers": ".st-key-inside canvas.plot[data-frames]",
    "/change_of_variables": "canvas",
    "/energies": ".st-key-board",
    "/race": ".st-key-race_pictures canvas.plot[data-frame]",
    "/compress": "h1",
    "/guide": "h3",
}


@pytest.fixture
def own_app() -> Iterator[App]:
    yield from serve()


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_workers_are_there_before_any_page_and_end_with_the_server(
    own_app: App, page: Page, end: str
) -> None:
    until(lambda: len(own_app.workers()) == 2, 60, "two workers")
    # An open page must not hold the server up.
    page.goto(own_app.url)
    expect(page.locator(PAGES["/"])).to_be_visible(timeout=60_000)
    family = own_app.process.children(recursive=True)
    if end == "SIGINT":
        # A terminal sends Ctrl-C to all processes.
        os.killpg(own_app.process.pid, signal.SIGINT)
    else:
        own_app.process.send_signal(signal.Signals[end])
    own_app.process.wait(60)
    until(lambda: not [p for p in family if is_alive(p)], 30, "everything has ended")


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="there is no compiler")
def test_one_niced_process_of_the_server_compiles_and_ends_with_it(tmp_path: Path) -> None:
    def compilers(app: App) -> list[psutil.Process]:
        family = app.process.children(recursive=True)
        return [p for p in family if "flowplay.kernels.build" in command(p)]

    with contextmanager(serve)(FLOWPLAY_CACHE=str(tmp_path), FLOWPLAY_KERNELS="1") as app:
        # It has a mark before it imports its compiler.
        until(lambda: list(tmp_path.glob("*.compiling")), 60, "a process compiles")
        (compiler,) = compilers(app)
        assert compiler.ppid() == app.process.pid
        assert compiler.nice() == 19
        app.process.send_signal(signal.SIGKILL)
        app.process.wait(60)
        until(lambda: not is_alive(compiler), 60, "it ends with the server")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", PAGES)
def test_no_page_asks_another_host(app: App, page: Page, path: str) -> None:
    here = urlsplit(app.url).netloc
    asked: list[str] = []
    icons: list[str] = []

    def note(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.netloc != here:
            asked.append(request.url)

    page.on("request", note)
    page.goto(app.url + path)
    expect(page.locator(PAGES[path]).first).to_be_visible(timeout=60_000)

    def icon() -> str:
        return str(page.locator("link[rel~=icon]").first.evaluate("link => link.href"))

    def is_ours() -> bool:
        icons.append(icon())
        return "/media/" in icons[-1] or icons[-1].startswith("data:")

    # A headless browser does not load the icon; where it would load it from is in the document.
    until(is_ours, 60, "the icon is set")
    assert urlsplit(icons[-1]).netloc in (here, "")
    assert not asked, json.dumps(asked, indent=1)
