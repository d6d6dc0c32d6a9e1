"""The engine with a scheduler of its own accord: absent, there, gone and back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deadline import until

from flowplay.config import HotSettings, RunConfig
from flowplay.engine import Engine, Phase

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    path = os.pathsep.join([str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")])
    child = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()


@contextmanager
def cluster(port: int) -> Iterator[None]:
    address = f"tcp://127.0.0.1:{port}"
    with ExitStack() as stack:
        scheduler = ("dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
        stack.enter_context(process(*scheduler, "--no-dashboard"))
        worker = ("dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        stack.enter_context(process(*worker))
        yield


def test_scheduler_may_come_late_go_away_and_come_back() -> None:
    port = free_port()
    engine = Engine(f"tcp://127.0.0.1:{port}", preload="fake_work", work="fake_work:run_slice")
    run = engine.open_run(RunConfig(budget=100_000))
    run.play()
    until(lambda: engine.status.phase == "unreachable")
    sentence = f"Cannot reach the Dask scheduler at tcp://127.0.0.1:{port}; trying again."
    assert engine.status.message == sentence
    assert run.view().phase is Phase.WAITING
    assert run.view().message == sentence

    def step() -> int:
        run.renew()
        header = run.view().header
        return 0 if header is None else header.step

    with cluster(port):
        until(lambda: step() >= 20, 30)
        assert engine.status.phase == "ready"
        assert run.view().phase is Phase.TRAINING
        run.set_hot(HotSettings(**(run.view().hot.model_dump() | {"learning_rate": 0.25})))
    reached = step()
    until(lambda: engine.status.phase == "unreachable")
    assert step() >= reached
    with cluster(port):
        until(lambda: step() >= reached + 20, 30)
    engine.close()
    assert run.view().phase is Phase.CLOSED
