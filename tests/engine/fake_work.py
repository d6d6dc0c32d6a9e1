"""Work functions that need no torch: they sleep and count, and return true snapshots."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

from flowplay.snapshot import Snapshot

STEP_SECONDS = 0.01
BALLAST = int(os.environ.get("FAKE_WORK_BALLAST", "0"))  # bytes added to every state


def snapshot(step: int, *, finished: bool = False, failure: str = "", **values: object) -> Snapshot:
    defaults: dict[str, Any] = {
        "seconds": step * STEP_SECONDS,
        "steps_per_second": 1 / STEP_SECONDS,
        "learning_rate": 5e-3,
        "grad_norm": 1.0,
        "train_loss": 2.0,
        "held_out_nll": 2.1,
        "parameters": 10,
        "device": "cpu",
        "density_scale": 1.0,
        "bounds": [-1.0, 1.0, -1.0, 1.0],
        "train_curve": np.zeros((1, 2), np.float32),
        "held_out_curve": np.zeros((1, 2), np.float32),
        "density": np.zeros((2, 2), np.uint8),
        "samples": np.zeros((4, 2), np.float32),
    }
    return Snapshot(step=step, finished=finished, failure=failure, **(defaults | values))


def run_slice(config_json: str, state: bytes | None, order: dict[str, Any]) -> tuple[bytes, bytes]:
    """Take a step every 10 ms. `grad_norm` of the snapshot is the worker's process id."""
    began = time.time()
    config = json.loads(config_json)
    step = 0 if state is None else int(state.split(b"|")[0])
    budget = config["budget"] if order["budget"] is None else order["budget"]
    deadline = time.monotonic() + (order["seconds"] or 0.0)
    steps = order["steps"]
    taken = 0
    while step < budget and (taken < steps if steps is not None else time.monotonic() < deadline):
        time.sleep(STEP_SECONDS)
        step += 1
        taken += 1
    rate = config["learning_rate"] if order["learning_rate"] is None else order["learning_rate"]
    size = 64 if order["fine"] else 2
    picture = snapshot(
        step,
        finished=step >= budget,
        learning_rate=rate,
        grad_norm=float(os.getpid()),
        density=np.zeros((size, size), np.uint8),
        bounds=[began, time.time(), -1.0, 1.0],
    )
    return f"{step}|".encode() + bytes(BALLAST), picture.to_bytes()


def raise_after_some_steps(
    config_json: str, state: bytes | None, order: dict[str, Any]
) -> tuple[bytes, bytes]:
    if state is not None and int(state.split(b"|")[0]) >= 8:
        raise ArithmeticError("the loss is not a number\nat some line")
    return run_slice(config_json, state, order)


def diverge(config_json: str, state: bytes | None, order: dict[str, Any]) -> tuple[bytes, bytes]:
    return b"5|", snapshot(5, failure="The loss diverged.").to_bytes()


def kill_the_worker(
    config_json: str, state: bytes | None, order: dict[str, Any]
) -> tuple[bytes, bytes]:
    os._exit(1)


def greet(name: str, pause: float = 0.0) -> bytes:
    time.sleep(pause)
    return f"hello {name}".encode()


def nothing_useful() -> int:
    return 3


def niceness() -> bytes:
    return str(os.nice(0)).encode()


def warm() -> None:
    os.environ["FAKE_WORK_IS_WARM"] = "yes"


def is_warm() -> bytes:
    return os.environ.get("FAKE_WORK_IS_WARM", "no").encode()


def about_process() -> bytes:
    """Return what a worker's process is made of, as JSON."""
    torch = sys.modules.get("torch")
    return json.dumps(
        {
            "pid": os.getpid(),
            "parent": os.getppid(),
            "modules": sorted(sys.modules),
            # Where the module lies in memory: forks have it in the same place.
            "torch_address": id(torch),
            "cuda_forked": torch is not None and torch.cuda._is_in_bad_fork(),
        }
    ).encode()


def take_memory(size: int) -> bytes:
    """Hold so many bytes for longer than anybody waits."""
    held = b"x" * size
    time.sleep(60)
    return held[:1]
