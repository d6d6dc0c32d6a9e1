"""What a host asks a server: whether it is ready, its figures; and how many may follow a run."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import runpy
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hostile import NASTY
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response

from flowplay.engine import EngineStatus
from flowplay.engine.engine import Census
from flowplay.limits import Limits
from flowplay.store.classes import NICKNAME_LENGTH, Classes, ClassPlan
from flowplay.store.store import Store
from flowplay.ui import live_link, sharing, shell, wall
from flowplay.ui.routes import healthz, live_stream, metrics


class Engine:
    """An engine that says what it is told."""

    status = EngineStatus("starting", 0, "Workers start.")

    def census(self) -> Census:
        return Census(
            runs=3,
            training=2,
            queue=1,
            steps=1234,
            pictures=10,
            picture_seconds=2.5,
            workers=2,
            workers_lost=4,
        )


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(shell, "engine", lambda: engine)
    return engine


def answer(route: Callable[[Request], Awaitable[Response]], **path: str) -> Response:
    async def ask() -> Response:
        return await route(Request({"type": "http", "path_params": path, "headers": []}))

    # In a thread: browser tests leave an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(ask())).result()


def test_a_server_is_healthy_once_a_worker_is_ready(engine: Engine) -> None:
    before = answer(healthz)
    assert before.status_code == 503
    assert json.loads(bytes(before.body))["message"] == "Workers start."
    engine.status = EngineStatus("ready", 2, "")
    after = answer(healthz)
    assert after.status_code == 200
    assert json.loads(bytes(after.body)) == {"status": "ready", "workers": 2, "message": ""}
    assert after.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("command", "environ", "address"),
    [
        ("streamlit\0run\0app.py\0--server.port=8501", {}, "http://127.0.0.1:8501/healthz"),
        ("run\0--server.baseUrlPath=flow", {}, "http://127.0.0.1:8501/flow/healthz"),
        ("--server.baseUrlPath\0/a/b/\0--server.port\09", {}, "http://127.0.0.1:9/a/b/healthz"),
        ("sh\0-c\0exec run --server.baseUrlPath='x'", {}, "http://127.0.0.1:8501/x/healthz"),
        (
            "streamlit\0run",
            {"STREAMLIT_SERVER_BASE_URL_PATH": "/flow", "STREAMLIT_SERVER_PORT": "80"},
            "http://127.0.0.1:80/flow/healthz",
        ),
    ],
)
def test_a_container_asks_where_its_server_was_told_to_answer(
    command: str, environ: dict[str, str], address: str
) -> None:
    script = runpy.run_path(str(Path(__file__).parents[2] / "deploy/healthy.py"))
    assert script["address"](command, environ) == address


@pytest.mark.usefixtures("engine")
def test_figures_are_those_of_the_engine_in_the_format_of_prometheus() -> None:
    text = bytes(metrics(Request({"type": "http", "headers": []})).body).decode()
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation for family in families)
    found = {
        sample.name: sample.value
        for family in families
        for sample in family.samples
        if not sample.labels
    }
    assert found == {
        "flowplay_runs": 3,
        "flowplay_runs_training": 2,
        "flowplay_sessions": 0,
        "flowplay_followers": 0,
        "flowplay_queue": 1,
        "flowplay_workers": 2,
        "flowplay_steps_total": 1234,
        "flowplay_worker_restarts_total": 4,
        "flowplay_snapshot_interval_seconds_count": 10,
        "flowplay_snapshot_interval_seconds_sum": 2.5,
    }
    memory = {
        sample.labels["process"]: sample.value
        for family in families
        for sample in family.samples
        if sample.labels
    }
    assert memory["web"] > 10 * 2**20
    assert memory["workers"] >= 0


def test_who_follows_above_the_limit_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_link, "known", lambda id_: True)
    monkeypatch.setattr(live_link, "limits", lambda: Limits(max_followers=0))
    assert live_link.is_full()
    assert answer(live_stream, id="a" * 12).status_code == 404
    monkeypatch.setattr(live_link, "limits", lambda: Limits(max_followers=1))
    assert answer(live_stream, id="a" * 12).status_code == 200


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classes]:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('store')}/runs.sqlite")
    yield Classes(store, most=10_000)
    store.close()


@settings(
    max_examples=450, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(max_size=200) | st.sampled_from(NASTY))
@example("=HYPERLINK(1)")
@example("\ud800")
def test_hostile_nicknames(
    classes: Classes, monkeypatch: pytest.MonkeyPatch, nickname: str
) -> None:
    id_, _ = classes.make(ClassPlan(), "owner")
    try:
        student = classes.join(id_, "browser", nickname)
        assert student is not None
        assert student.nickname.isprintable()
        assert len(student.nickname) <= NICKNAME_LENGTH
        monkeypatch.setattr(wall, "classes", lambda: classes)
        found = classes.get(id_)
        assert found is not None
        (_, row) = csv.reader(io.StringIO(wall.results_csv(found)))
        assert not row[0].startswith(("=", "+", "-", "@"))
        assert row[0].removeprefix("'") == student.name.removeprefix("'")
    finally:
        classes.end(id_)


def test_the_frame_for_another_page_shows_the_shared_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "server_address", lambda: "https://flows.example/x")
    frames: list[dict[str, str | None]] = []

    class Frames(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag == "iframe"
            frames.append(dict(attrs))

    Frames().feed(sharing.frame_of("abc"))
    (frame,) = frames
    source = urlsplit(frame["src"] or "")
    assert (source.netloc, source.path) == ("flows.example", "/x/")
    assert parse_qs(source.query) == {"shared": ["abc"], "embed": ["true"], "hide": ["settings"]}
    assert (frame["width"], frame["height"]) == ("600", "500")
    assert frame["title"]
