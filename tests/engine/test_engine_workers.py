"""Workers on this machine: forked from one process, replaced when they end, and small."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from types import ModuleType, SimpleNamespace

import psutil
import pytest
from deadline import until

from flowplay.config import RunConfig
from flowplay.engine import Engine, Phase, Run, cluster, forkserver, spawned
from flowplay.engine import local as local_module
from flowplay.engine.cluster import Cluster

#: What nothing that trains needs: 77 MB for Plotly with pandas, 60 MB for Streamlit.
UNUSED = {"plotly", "pandas", "PIL", "matplotlib", "streamlit"}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine(workers=1)
    until(lambda: engine.status.workers == 1, 60, "a worker")
    yield engine
    engine.close()


@pytest.fixture
def run(engine: Engine) -> Iterator[Run]:
    run = engine.open_run(RunConfig(depth=2, width=8, budget=100_000))
    run.play()
    yield run
    run.close()


def test_where_nothing_can_be_forked_workers_are_spawned_and_leave_no_hook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hooks: list[object] = []
    monkeypatch.setattr(local_module, "can_fork", lambda: False)
    # A test of a page may have left its script here, which each spawned worker would run.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    noted = SimpleNamespace(register=hooks.append, unregister=hooks.remove)
    monkeypatch.setattr(spawned, "atexit", noted)
    engine = Engine(workers=1, preload="fake_work", work="fake_work:run_slice")
    try:
        until(lambda: engine.status.workers == 1, 60, "a worker")
        run = engine.open_run(RunConfig(depth=2, width=8))
        run.step()
        until(lambda: run.view().header is not None, 30, "a step")
        assert hooks
    finally:
        engine.close()
    assert not hooks


def about_worker(engine: Engine) -> dict[str, object]:
    found: dict[str, object] = json.loads(engine.call("fake_work:about_process").result(20))
    return found


def trained_on(run: Run) -> None:
    """Wait for another picture of the run."""
    version = run.view().version

    def more() -> bool:
        run.renew()
        return run.view().version > version

    until(more, 30, "another picture")


def test_worker_that_did_everything_has_no_page_library(engine: Engine, run: Run) -> None:
    trained_on(run)
    run.pause()
    until(lambda: not run.view().in_flight)
    worker = "flowplay.training.worker"
    engine.call(f"{worker}:layer_frames", run.state, None, True).result(30)
    engine.call(f"{worker}:ledger", run.state, None, 1, 0.5, 0.5).result(30)
    engine.call(f"{worker}:diagnosis", run.state, None).result(30)
    engine.call(f"{worker}:exported_flow", run.state, None).result(30)
    modules = about_worker(engine)["modules"]
    assert isinstance(modules, list)
    assert {"torch", "sklearn"} <= set(modules)
    assert not UNUSED & set(modules)


def test_killed_worker_is_replaced_by_another_fork(engine: Engine, run: Run) -> None:
    trained_on(run)
    before = about_worker(engine)
    parent = psutil.Process(int(str(before["parent"])))
    assert parent.ppid() == os.getpid()
    # A process with threads, or one that has used a GPU, must not be forked.
    assert parent.num_threads() == 1
    os.kill(int(str(before["pid"])), 9)
    trained_on(run)
    after = about_worker(engine)
    assert after["pid"] != before["pid"]
    assert after["parent"] == before["parent"]
    assert before["torch_address"] == after["torch_address"], "torch was imported anew"
    assert not after["cuda_forked"]


def test_workers_share_the_pages_of_what_they_import(engine: Engine) -> None:
    worker = psutil.Process(int(str(about_worker(engine)["pid"])))
    memory = worker.memory_full_info()
    assert memory.uss < memory.rss / 2


def test_lost_fork_server_is_started_again(engine: Engine) -> None:
    lost = int(str(about_worker(engine)["parent"]))
    os.kill(lost, 9)
    until(lambda: engine.status.workers == 0, 20, "it is noticed")
    until(lambda: engine.status.workers == 1, 60, "new workers")
    assert about_worker(engine)["parent"] != lost


def test_a_fork_server_that_dies_at_once_is_started_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    class Dead:
        size = 1
        running = False
        address = ""

    @asynccontextmanager
    async def nothing(*_: object) -> AsyncIterator[Dead]:
        yield Dead()

    client = SimpleNamespace(status="running")
    monkeypatch.setattr(cluster, "local_cluster", nothing)
    monkeypatch.setattr(cluster, "_client", lambda _: nullcontext(client))
    monkeypatch.setattr(asyncio, "sleep", noted)

    async def attempts() -> None:
        tried = Cluster(None, 1, None, lambda: None)
        tried.open()
        while len(pauses) < 6:
            await sleep(0.001)
        await tried.close()

    # In a thread of its own: the browser tests leave an event loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, attempts()).result()
    assert pauses[:6] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_worker_over_its_limit_is_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_module, "WORKER_MEMORY_FLOOR", 400 * 2**20)
    monkeypatch.setattr("distributed.system.MEMORY_LIMIT", 400 * 2**20)
    engine = Engine(workers=1, preload="fake_work", work="fake_work:run_slice")
    until(lambda: engine.status.workers == 1, 60, "a worker")
    small = about_worker(engine)
    taken = engine.call("fake_work:take_memory", 500 * 2**20)
    until(lambda: not psutil.pid_exists(int(str(small["pid"]))), 20, "it is ended")
    assert taken.exception(60) is not None, "it was tried again, and killed again"
    assert about_worker(engine)["pid"] != small["pid"]
    engine.close()


def test_a_worker_near_its_limit_survives_the_batch_that_is_advised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local_module, "WORKER_MEMORY_FLOOR", 1000 * 2**20)
    monkeypatch.setattr("distributed.system.MEMORY_LIMIT", 1000 * 2**20)
    monkeypatch.setenv("FLOWPLAY_LIVE_MEMORY", "64MiB")
    engine = Engine(workers=1)
    until(lambda: engine.status.workers == 1, 60, "a worker")
    worker = about_worker(engine)["pid"]
    config = RunConfig(depth=16, width=256, batch_size=16_384, budget=100_000)
    refused = engine.open_run(config)
    refused.step()
    until(lambda: refused.view().phase is Phase.FAILED, 60, "it is refused")
    advised = re.search(r"batch size to ([\d,]+) or less", refused.view().message)
    assert advised, refused.view().message
    largest = int(advised[1].replace(",", ""))
    run = engine.open_run(config.model_copy(update={"batch_size": largest}))
    for step in (1, 2):
        run.step()

        def stepped(step: int = step) -> bool:
            run.renew()
            view = run.view()
            assert view.phase is not Phase.FAILED, view.message
            return view.header is not None and view.header.step == step and not view.pending

        until(stepped, 60, "a step")
    assert about_worker(engine)["pid"] == worker, "it was restarted"
    engine.close()


def test_a_worker_that_ends_while_it_is_measured_takes_nothing() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert forkserver._resident_bytes(gone.pid) == 0
    assert forkserver._resident_bytes(os.getpid()) > 2**20


def test_nothing_is_forked_on_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    assert local_module.can_fork() is hasattr(os, "fork")
    monkeypatch.setattr("sys.platform", "darwin")
    assert not local_module.can_fork()
