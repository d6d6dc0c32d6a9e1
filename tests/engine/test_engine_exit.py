"""However the web process ends, its workers end too."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from deadline import until

ROOT = Path(__file__).parents[2]

WEB_PROCESS = """
import sys, time
if __name__ == "__main__":
    from flowplay.config import RunConfig
    from flowplay.engine import Engine
    engine = Engine(workers=2, preload="fake_work", work="fake_work:run_slice")
    run = engine.open_run(RunConfig(budget=100000))
    run.play()
    while engine.status.workers < 2 or run.view().version < 2:
        run.renew()
        time.sleep(0.01)
    print("training", flush=True)
    if sys.argv[1] == "wait":
        time.sleep(60)
"""


@pytest.mark.parametrize("end", ["exit", "SIGTERM", "SIGINT", "SIGKILL"])
def test_no_worker_outlives_the_web_process(end: str, tmp_path: Path) -> None:
    script = tmp_path / "web.py"
    script.write_text(WEB_PROCESS)
    path = f"{ROOT}:{Path(__file__).parent}"
    web = subprocess.Popen(
        [sys.executable, str(script), "end" if end == "exit" else "wait"],
        env={"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A run of tests in a shell's background ignores it, and would hand that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    )
    assert web.stdout is not None
    family: list[psutil.Process] = []
    assert web.stdout.readline() == "training\n"
    family = psutil.Process(web.pid).children(recursive=True)
    if end != "exit":
        web.send_signal(signal.Signals[end])
    _, complaints = web.communicate(timeout=20)
    until(lambda: not [p for p in family if p.is_running() and p.status() != "zombie"], 5)
    if end == "exit":
        assert web.returncode == 0
        assert complaints == ""
