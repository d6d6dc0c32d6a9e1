"""However the web process ends, its workers end too, and the process that forked them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from deadline import until
from processes import is_alive

ROOT = Path(__file__).parents[2]

WEB_PROCESS = """
import sys, time
assert __name__ == "__main__", "a worker imports the main module again"
from flowplay.config import RunConfig
from flowplay.engine import Engine
workers = int(sys.argv[2])
engine = Engine(workers=workers, preload="fake_work", work="fake_work:run_slice")
run = engine.open_run(RunConfig(budget=100000))
run.play()
limit = time.monotonic() + 60
while engine.status.workers < workers or run.view().version < 2:
    run.renew()
    time.sleep(0.01)
    assert time.monotonic() < limit, engine.status
print("training", flush=True)
if sys.argv[1] == "wait":
    time.sleep(60)
"""

RESTARTED_CLUSTERS = """
import asyncio, atexit
from flowplay.engine.cluster import Cluster

async def once():
    cluster = Cluster(None, 1, None, lambda: None)
    cluster.open()
    while cluster.status.phase != "ready":
        await asyncio.sleep(0.01)
    await cluster.close()

asyncio.run(once())
hooks = atexit._ncallbacks()
for _ in range(2):
    asyncio.run(once())
print(atexit._ncallbacks() - hooks)
"""


@pytest.mark.parametrize(
    ("end", "workers"),
    [("exit", 2), ("SIGTERM", 1), ("SIGINT", 4), ("SIGKILL", 2), ("SIGKILL", 4)],
)
def test_no_worker_outlives_the_web_process(end: str, workers: int, tmp_path: Path) -> None:
    script = tmp_path / "web.py"
    script.write_text(WEB_PROCESS)
    path = f"{ROOT}:{Path(__file__).parent}"
    web = subprocess.Popen(
        [sys.executable, str(script), "end" if end == "exit" else "wait", str(workers)],
        env={"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A run of tests in a shell's background ignores it, and would hand that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    )
    assert web.stdout is not None
    assert web.stdout.readline() == "training\n"
    family = psutil.Process(web.pid).children(recursive=True)
    assert len(family) == workers + 1, "the workers, and the process that forked them"
    if end != "exit":
        send(web.pid, signal.Signals[end])
    _, complaints = web.communicate(timeout=20)
    until(lambda: not [p for p in family if is_alive(p)], 5)
    if end == "exit":
        assert web.returncode == 0
        assert complaints == ""


def send(pid: int, sent: signal.Signals) -> None:
    """Send a signal to a process; Ctrl-C to all of its group, as a terminal does."""
    if sent is signal.SIGINT:
        os.killpg(pid, sent)
    else:
        os.kill(pid, sent)


def test_restarted_clusters_leave_no_exit_hooks() -> None:
    path = f"{ROOT}:{Path(__file__).parent}"
    done = subprocess.run(
        [sys.executable, "-c", RESTARTED_CLUSTERS],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["0"], done.stderr
