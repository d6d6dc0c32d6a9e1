"""How long a visitor waits for the first picture, and what server and workers weigh.

`python -m benchmarks.startup [--rounds 5]` starts the real server and opens it in Chromium.
Linux only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Error, Page, sync_playwright

ROOT = Path(__file__).parents[1]
RUN = "?target=circles&architecture=nsf"
PLAYGROUND = ".st-key-density canvas[data-frame]"
INSIDE = ".st-key-inside canvas.plot[data-frames]"
WORKERS = 2

#: Seconds that a server is up before it is visited.
UP = 5.0

#: Seconds after which a measurement has failed.
LIMIT = 60.0


@contextmanager
def server() -> Iterator[tuple[str, psutil.Process]]:
    """Start the app; yields its address at once, before it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "streamlit", "run", "app.py"),
                *("--server.port", str(port), "--server.address", "127.0.0.1"),
            ],
            cwd=ROOT,
            env=os.environ | {"FLOWPLAY_WORKERS": str(WORKERS)},
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(LIMIT)


def wait_until_up(url: str) -> None:
    """Wait until the server's port answers."""
    host, port = url.removeprefix("http://").split(":")
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(url)


@contextmanager
def fresh_page(browser: Browser) -> Iterator[Page]:
    """Open a page with empty caches."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def seconds_to(page: Page, url: str, selector: str) -> float:
    """Return the seconds from opening `url` until `selector` is there."""
    began = time.monotonic()
    while True:
        try:
            page.goto(url, wait_until="commit")
            break
        except Error:  # the server does not listen yet
            if time.monotonic() - began > LIMIT:
                raise
            time.sleep(0.02)
    page.wait_for_selector(selector, state="attached", timeout=1000 * LIMIT)
    return time.monotonic() - began


def visited_later(browser: Browser, path: str, selector: str) -> float:
    """Return the seconds to the first picture on a server that has been up for a while."""
    with server() as (url, _), fresh_page(browser) as page:
        wait_until_up(url)
        time.sleep(UP)
        return seconds_to(page, url + path, selector)


def visited_at_once(browser: Browser) -> float:
    """Return the seconds from the server's start, with a browser that waits for it."""
    with fresh_page(browser) as page, server() as (url, _):
        return seconds_to(page, f"{url}/{RUN}", PLAYGROUND)


def proportional_megabytes(process: psutil.Process) -> dict[str, float]:
    """Return the PSS of a process and its descendants in MB (2^20), the server's first."""
    found = {}
    for member in [process, *process.children(recursive=True)]:
        rollup = Path(f"/proc/{member.pid}/smaps_rollup").read_text()
        kilobytes = next(int(x.split()[1]) for x in rollup.splitlines() if x.startswith("Pss:"))
        name = "server" if member == process else " ".join(member.cmdline())[-40:]
        found[f"{member.pid} {name}"] = kilobytes / 2**10
    return found


def memory_after_one_run(browser: Browser) -> dict[str, float]:
    """Train one run from the page, and weigh what is there afterwards."""
    with server() as (url, process), fresh_page(browser) as page:
        wait_until_up(url)
        page.goto(f"{url}/{RUN}&budget=200&autostart=1")
        page.get_by_text("Finished · step 200").wait_for(timeout=1000 * LIMIT)
        # The walk of the finished run takes a worker too.
        page.locator(".st-key-layers .js-plotly-plot").wait_for(timeout=1000 * LIMIT)
        return proportional_megabytes(process)


def seconds_to_replace_a_worker() -> float:
    """Return the seconds from killing the only worker to the next picture of its run."""
    from flowplay.config import RunConfig
    from flowplay.engine import Engine

    engine = Engine(workers=1)
    try:
        run = engine.open_run(RunConfig(target="circles", architecture="nsf", budget=100_000))
        run.play()

        def version(beyond: int) -> Callable[[], bool]:
            def reached() -> bool:
                run.renew()
                return run.view().version > beyond

            return reached

        wait(version(5))
        worker = int.from_bytes(engine.call("benchmarks.startup:process_id").result(LIMIT))
        wait(version(run.view().version + 3))
        os.kill(worker, signal.SIGKILL)
        began = time.monotonic()
        # What was under way when it died does not count.
        time.sleep(0.02)
        wait(version(run.view().version))
        return time.monotonic() - began
    finally:
        engine.close()


def process_id() -> bytes:
    """Return the id of the process that runs this."""
    return os.getpid().to_bytes(8)


def wait(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("nothing came")
        time.sleep(0.005)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="abcde", help="letters of the lines to measure")
    arguments = parser.parse_args()
    chromium = os.environ.get("FLOWPLAY_CHROMIUM") or shutil.which("chromium")
    load = os.getloadavg()[0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        lines: dict[str, tuple[str, Callable[[], float]]] = {
            "a": (
                "Playground, server up 5 s",
                lambda: visited_later(browser, f"/{RUN}", PLAYGROUND),
            ),
            "b": ("Playground, server just started", lambda: visited_at_once(browser)),
            "c": (
                "See inside, server up 5 s",
                lambda: visited_later(browser, f"/layers{RUN}", INSIDE),
            ),
            "d": ("Killed worker's replacement trains", seconds_to_replace_a_worker),
        }
        print(f"| seconds, median of {arguments.rounds} (least to most) | |\n|---|---|")
        for letter, (what, measure) in lines.items():
            if letter in arguments.only:
                times = [measure() for _ in range(arguments.rounds)]
                spread = f"({min(times):.2f} to {max(times):.2f})"
                print(f"| {what} | {statistics.median(times):.2f} {spread} |", flush=True)
        if "e" in arguments.only:
            parts = memory_after_one_run(browser)
            print(f"| PSS of server and {WORKERS} workers, MB | {sum(parts.values()):.0f} |")
            for name, megabytes in parts.items():
                print(f"  {megabytes:6.0f} MB  {name}")
        browser.close()
    print(f"Load before: {load:.1f}, after: {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores.")


if __name__ == "__main__":
    main()
