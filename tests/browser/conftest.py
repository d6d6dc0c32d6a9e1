"""A running app and a real Chromium for what a person does."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

import psutil
import pytest
from deadline import until
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from processes import cpu_seconds, parent

ROOT = Path(__file__).parents[2]
REQUIRED = os.environ.get("FLOWPLAY_BROWSER") == "required"
CHROMIUM = os.environ.get("FLOWPLAY_CHROMIUM") or shutil.which("chromium")

#: Without these, Chromium reaches for the network at every start.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]


# A page on a machine that does other work beside needs more than Playwright's five seconds.
expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass
class App:
    """A server of the app, as its own process."""

    url: str
    process: psutil.Process

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes, busiest last."""
        children = self.process.children(recursive=True)
        found = [p for p in children if parent(p) not in (None, self.process.pid)]
        return sorted(found, key=cpu_seconds)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "/_stcore/health", timeout=1) as reply:
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False


def serve(port: int | None = None, **environment: str) -> Iterator[App]:
    """Run the app until the generator is closed; with an empty store, unless one is given.

    Args:
        port: that it answers on; a free one by default.
        **environment: variables that it gets beside those of this process.
    """
    port = port or free_port()
    folder = tempfile.TemporaryDirectory(prefix="flowplay-store-", ignore_cleanup_errors=True)
    store = {"FLOWPLAY_DATABASE": f"sqlite:///{folder.name}/runs.sqlite"}
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        env=os.environ | {"FLOWPLAY_WORKERS": "2"} | store | environment,
        # So that a test can send Ctrl-C to all of the app and to nothing else.
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(url), 120, "the app answers")
        yield App(url, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(90)
        folder.cleanup()


@pytest.fixture(scope="session")
def app() -> Iterator[App]:
    yield from serve()


@pytest.fixture
def unreachable_app() -> Iterator[App]:
    yield from serve(FLOWPLAY_SCHEDULER=f"tcp://127.0.0.1:{free_port()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if REQUIRED:
            pytest.fail("FLOWPLAY_BROWSER=required, but there is no chromium.")
        pytest.skip("no chromium found: install Debian's, or set FLOWPLAY_CHROMIUM")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def visits(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def page(visits: BrowserContext) -> Iterator[Page]:
    """Give a new visitor's page. Only the browser's cache of files is kept from test to test."""
    page = visits.new_page()
    yield page
    try:
        visits.set_offline(False)
        here = urlsplit(page.url)
        if here.scheme == "http":
            origin = {"origin": f"{here.scheme}://{here.netloc}", "storageTypes": "local_storage"}
            visits.new_cdp_session(page).send("Storage.clearDataForOrigin", origin)
    finally:
        for each in visits.pages:
            each.close()
        visits.clear_cookies()
