"""Many people at once: followers of one run, a class with its wall, visitors who come and go.

    python -m benchmarks.classroom followers --people 100 --seconds 60
    python -m benchmarks.classroom wall --people 30 --seconds 60
    python -m benchmarks.classroom churn --people 100 --seconds 1800

Each starts a server with an empty store and real clients of its websocket, or of the stream of a
live link, and prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from browser.conftest import App, serve  # noqa: E402
from browser.streamlit_client import Session, watch  # noqa: E402

from flowplay.config import RunConfig  # noqa: E402
from flowplay.store import StoreError, new_id, secret_digest  # noqa: E402
from flowplay.store.classes import Classes, ClassPlan  # noqa: E402
from flowplay.store.runs import Runs  # noqa: E402
from flowplay.store.store import Store  # noqa: E402
from flowplay.ui.browser import COOKIE  # noqa: E402

CONFIG = RunConfig(budget=1_000_000)
#: Seconds within which everybody's page must be open and train.
OPENING = 180.0
QUERY = "autostart=1&budget=1000000"


@contextmanager
def server(folder: str) -> Iterator[tuple[App, Store]]:
    url = f"sqlite:///{folder}/runs.sqlite"
    serving = serve(FLOWPLAY_DATABASE=url)
    app = next(serving)
    assert isinstance(serving, Generator)
    store = Store(url)
    try:
        opened(store)
        yield app, store
    finally:
        store.close()
        serving.close()


def opened(store: Store) -> None:
    """Wait until the server has made its tables."""
    for _ in range(50):
        try:
            store.open()
        except StoreError:
            time.sleep(1.1)
        else:
            return
    raise SystemExit("The server's store does not answer.")


async def follow(url: str, link: str, seconds: float) -> list[float]:
    """Read the stream of a live link; return when its messages came."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**22)
    request = (
        f"GET /live/{link}/stream HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n"
    )
    writer.write(request.encode())
    came = []
    end = time.monotonic() + seconds
    try:
        while (left := end - time.monotonic()) > 0:
            line = await asyncio.wait_for(reader.readline(), left)
            if not line:
                break
            if line.startswith(b"data:") and b'"density"' in line:
                came.append(time.monotonic())
    except TimeoutError:
        pass
    finally:
        writer.close()
    return came


async def followers(people: int, seconds: float) -> dict[str, Any]:
    """Measure how often followers get a picture, and what they cost the run."""
    with tempfile.TemporaryDirectory() as folder, server(folder) as (app, store):
        secret = new_id()
        owner, cookie = secret_digest(secret), f"{COOKIE}={secret}"
        teacher = asyncio.create_task(watch(app.url, QUERY, 3 * seconds + 20, cookie=cookie))
        classes, runs = Classes(store), Runs(store)
        run = ""
        while not run:
            await asyncio.sleep(0.5)
            run = next((entry.id for entry in runs.of(owner, most=1)), "")
        link = classes.live_link(owner, run)
        await asyncio.sleep(5)
        alone = await speed(runs, owner, seconds)
        streams = [asyncio.create_task(follow(app.url, link, seconds + 5)) for _ in range(people)]
        await asyncio.sleep(2)
        watched = await speed(runs, owner, seconds)
        came = await asyncio.gather(*streams)
        teacher.cancel()
        rates = [len(each) / (each[-1] - each[0]) for each in came if len(each) > 2]
        waits = [b - a for each in came for a, b in pairwise(each)]
        return {
            "followers": people,
            "connected": len(rates),
            "pictures_per_second_least": min(rates, default=0.0),
            "longest_wait": max(waits, default=0.0),
            "steps_per_second_alone": alone,
            "steps_per_second_followed": watched,
            "speed_kept": watched / alone,
        }


async def speed(runs: Runs, owner: str, seconds: float) -> float:
    """Return the steps per second of a browser's run, as its kept states tell."""

    def now() -> tuple[float, int]:
        entry = runs.of(owner, most=1)[0]
        return entry.changed_at, entry.step

    began, before = now()
    await asyncio.sleep(seconds)
    ended, after = now()
    return (after - before) / (ended - began)


async def wall(people: int, seconds: float) -> dict[str, Any]:
    """Measure the pictures of a class that trains, and of its wall."""
    with tempfile.TemporaryDirectory() as folder, server(folder) as (app, store):
        classes = Classes(store)
        plan = ClassPlan(title="Load", config=CONFIG, differs="seed", autostart=True)
        id_, key = classes.make(plan, "teacher")
        secrets = [new_id() for _ in range(people)]
        for number, secret in enumerate(secrets):
            classes.join(id_, secret_digest(secret), f"student {number}")
        sessions = [Session() for _ in secrets]
        teacher = Session()
        everybody = [
            asyncio.create_task(
                watch(
                    app.url,
                    f"class={id_}",
                    OPENING + seconds,
                    cookie=f"{COOKIE}={secret}",
                    session=session,
                )
            )
            for secret, session in zip(secrets, sessions, strict=True)
        ]
        everybody.append(
            asyncio.create_task(
                watch(app.url, f"key={key}", OPENING + seconds, page="class", session=teacher)
            )
        )
        began = time.monotonic()
        while not all(len(session.frames) > 2 for session in [*sessions, teacher]):
            await asyncio.sleep(0.5)
            if time.monotonic() - began > OPENING:
                raise SystemExit("Not everybody trains.")
        opened_after = time.monotonic() - began
        since, used = time.monotonic(), cpu_seconds(app)
        await asyncio.sleep(seconds)
        cores = {
            name: round((total - used[name]) / seconds, 2)
            for name, total in cpu_seconds(app).items()
        }
        for task in everybody:
            task.cancel()
        await asyncio.gather(*everybody, return_exceptions=True)
        waits = [wait for session in sessions for wait in waits_since(session, since)]
        of_wall = waits_since(teacher, since)
        return {
            "students": people,
            "failures": [f for session in [*sessions, teacher] for f in session.failures],
            "all_train_after": opened_after,
            "longest_wait": max(waits),
            "ninety_nine_percent_wait_at_most": statistics.quantiles(waits, n=100)[-1],
            "usual_wait": statistics.median(waits),
            "wall_longest_wait": max(of_wall),
            "wall_usual_wait": statistics.median(of_wall),
            "cores_used": cores,
        }


def cpu_seconds(app: App) -> dict[str, float]:
    """Return the processor's seconds that web process, its children and this client have used."""
    web = psutil.Process(app.process.pid)
    times = [each.cpu_times() for each in web.children(recursive=True)]
    return {
        "web": sum(web.cpu_times()[:2]),
        "workers": sum(sum(each[:2]) for each in times),
        "clients": sum(psutil.Process().cpu_times()[:2]),
    }


def waits_since(session: Session, since: float) -> list[float]:
    """Return the times between pictures that came after a moment."""
    return [b - a for a, b in pairwise(at for at, _ in session.frames if at > since)]


async def churn(people: int, seconds: float) -> dict[str, Any]:
    """Measure memory and failures while visitors open the page, train and leave."""
    with tempfile.TemporaryDirectory() as folder, server(folder) as (app, _):
        rng = random.Random(0)
        failures: list[str] = []
        visits = 0
        end = time.monotonic() + seconds

        async def visitor(number: int) -> None:
            nonlocal visits
            await asyncio.sleep(rng.uniform(0, 20))
            while time.monotonic() < end:
                query = f"{QUERY}&seed={rng.randrange(10_000)}&depth={rng.choice((2, 4, 8))}"
                try:
                    session = await watch(app.url, query, rng.uniform(5, 60))
                    failures.extend(session.failures)
                except Exception as error:
                    failures.append(f"{type(error).__name__}: {error}"[:200])
                visits += 1
                await asyncio.sleep(rng.uniform(0, 10))

        memory: list[tuple[float, int]] = []

        async def weigh() -> None:
            began = time.monotonic()
            while time.monotonic() < end:
                rss = psutil.Process(app.process.pid).memory_info().rss
                memory.append((time.monotonic() - began, rss))
                await asyncio.sleep(5)

        await asyncio.gather(weigh(), *(visitor(number) for number in range(people)))
        later = [rss for at, rss in memory if at >= min(300, seconds / 2)]
        middle = statistics.median(later)
        return {
            "people": people,
            "visits": visits,
            "failures": len(failures),
            "first_failures": failures[:5],
            "web_memory_mib": [
                round(rss / 2**20) for _, rss in memory[:: max(1, len(memory) // 20)]
            ],
            "memory_least_and_most_of_the_median": [min(later) / middle, max(later) / middle],
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["followers", "wall", "churn"])
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    measure = {"followers": followers, "wall": wall, "churn": churn}[given.what]
    print(json.dumps(asyncio.run(measure(given.people, given.seconds)), indent=2))


if __name__ == "__main__":
    main()
