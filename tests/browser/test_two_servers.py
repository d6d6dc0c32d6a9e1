"""Two web servers on one Dask cluster and one PostgreSQL, as behind a load balancer."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

import pytest
from deadline import until
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.postgres import Postgres
from browser.conftest import ROOT, App, free_port, serve
from browser.streamlit_client import Session, watch
from flowplay.store import new_id, secret_digest
from flowplay.store.runs import Runs
from flowplay.store.store import Store
from flowplay.ui.browser import COOKIE

T = TypeVar("T")

QUERY = "autostart=1&target=circles&depth=2&width=16&budget=1000000"


@contextmanager
def cluster_process(program: str, *arguments: str) -> Iterator[None]:
    """Run Dask's scheduler or a worker, with the options that `compose.yaml` gives them."""
    child = subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{program}", *arguments, "--no-dashboard"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@pytest.fixture
def servers(postgres: Postgres) -> Iterator[tuple[App, App]]:
    scheduler = f"tcp://127.0.0.1:{(port := free_port())}"
    options = ("--nthreads=1", "--nworkers=1", "--memory-limit=2GiB")
    with ExitStack() as stack:
        listening = ("--host", "127.0.0.1", "--port", str(port))
        stack.enter_context(cluster_process("dask_scheduler", *listening))
        for _ in range(2):
            stack.enter_context(cluster_process("dask_worker", scheduler, *options))
        first, second = (
            stack.enter_context(
                contextmanager(serve)(FLOWPLAY_SCHEDULER=scheduler, FLOWPLAY_DATABASE=postgres.url)
            )
            for _ in range(2)
        )
        for app in (first, second):
            until(partial(has_two_workers, app), 180, "two workers")
        yield first, second


def has_two_workers(app: App) -> bool:
    time.sleep(0.1)  # between two questions, which cost the server something
    return figure(app, "flowplay_workers") == 2


def figure(app: App, name: str) -> float:
    """Return a figure of `/metrics`."""
    with urllib.request.urlopen(app.url + "/metrics", timeout=60) as answer:
        text = answer.read().decode()
    samples = (s for family in text_string_to_metric_families(text) for s in family.samples)
    return next(sample.value for sample in samples if sample.name == name)


def in_a_thread(act: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Await something in a thread: browser tests leave an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(act())).result()


async def until_async(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.1)


def test_two_servers_share_workers_fairly_and_open_each_other_s_runs(
    servers: tuple[App, App], postgres: Postgres
) -> None:
    second = servers[1]
    secret = new_id()
    cookie = f"{COOKIE}={secret}"
    store = Store(postgres.url)
    runs = Runs(store)

    sessions = [Session() for _ in range(4)]
    queries = [f"{QUERY}&seed={seed}" for seed in range(4)]
    taken: list[float] = []

    async def visit() -> None:
        watching = [
            asyncio.create_task(
                watch(
                    servers[number % 2].url,
                    queries[number],
                    120,
                    cookie=cookie if number == 0 else "",
                    session=session,
                )
            )
            for number, session in enumerate(sessions)
        ]
        await until_async(lambda: all(len(session.frames) > 3 for session in sessions))
        before = [figure(app, "flowplay_steps_total") for app in servers]
        seen = [len(session.frames) for session in sessions]
        await until_async(
            lambda: all(
                len(session.frames) > 12 + earlier
                for session, earlier in zip(sessions, seen, strict=True)
            )
        )
        after = [figure(app, "flowplay_steps_total") for app in servers]
        taken.extend(b - a for a, b in zip(before, after, strict=True))
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)

    in_a_thread(visit)
    assert not [failure for session in sessions for failure in session.failures]
    assert 0.5 < taken[0] / taken[1] < 2.0

    (mine,) = runs.of(secret_digest(secret), most=2)
    resting = in_a_thread(lambda: watch(second.url, f"run={mine.id}", 0))
    assert resting.frames, "a stranger sees the picture"
    moved = Session()

    async def go_on() -> None:
        address = f"run={mine.id}"
        watching = asyncio.create_task(
            watch(second.url, address, 120, cookie=cookie, session=moved)
        )
        # Its owner goes on with it on the other server.
        await until_async(lambda: len(moved.frames) > 3)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    in_a_thread(go_on)
    assert not moved.failures
    until(lambda: runs.of(secret_digest(secret), most=2)[0].step > mine.step, 30, "it is written")
    store.close()
