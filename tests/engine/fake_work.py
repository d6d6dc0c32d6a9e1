"""Work functions that need no torch: they sleep and count, and return true states and snapshots."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from flowplay import kernels
from flowplay.errors import RefusedError
from flowplay.wire import Header, Measurement, RunState, SamplesPicture, Snapshot

STEP_SECONDS = 0.01


def state(step: int, *, weights: int = 10, **values: object) -> bytes:
    return empty_state(weights, step=step, **values).to_bytes()


def empty_state(weights: int = 10, **values: object) -> RunState:
    defaults: dict[str, Any] = {
        "token": "",
        "settings": {},
        "hot_settings": {},
        "step": 0,
        "seconds": 0.0,
        "train_loss": 2.0,
        "gradient_norm": 1.0,
        "last_rate": 5e-3,
        "steps_per_second": 1 / STEP_SECONDS,
        "failure": "",
        "weights": np.zeros(weights, np.float32),
        "optimizer": np.zeros((2, weights), np.float32),
        "buffers": np.zeros(4, np.float32),
        "batch_generator": np.zeros(8, np.uint8),
        "noise_generator": np.zeros(8, np.uint8),
        "train_curve": np.zeros((0, 2)),
        "held_out_curve": np.array([[0.0, 1.5]]),
        "best_step": 0,
        "best_seconds": 0.0,
        "best_loss": 1.5,
        "best_weights": np.zeros(0, np.float32),
        "best_buffers": np.zeros(0, np.float32),
    }
    return RunState(**(defaults | values))


def step_of(state: bytes | None) -> int:
    return 0 if state is None else RunState.from_bytes(state).step


def header(step: int, *, finished: bool = False, failure: str = "", **values: object) -> Header:
    defaults: dict[str, Any] = {
        "seconds": step * STEP_SECONDS,
        "steps_per_second": 1 / STEP_SECONDS,
        "learning_rate": 5e-3,
        "gradient_norm": 1.0,
        "parameters": 10,
        "device": "cpu",
    }
    return Header(step=step, finished=finished, failure=failure, **(defaults | values))


def snapshot(step: int, *, fine: bool = False, slice_seconds: float = 0.0, **values: Any) -> bytes:  # noqa: ANN401
    points = np.zeros((64 if fine else 2, 2), np.float32)
    return Snapshot(
        header(step, **values),
        measurements={"slice_seconds": Measurement("", slice_seconds, "s", "exact")},
        pictures={SamplesPicture.TAG: SamplesPicture(None, points)},
    ).to_bytes()


def run_slice(
    config_json: str, state: bytes | None, order: dict[str, Any], step_seconds: float = STEP_SECONDS
) -> tuple[bytes, bytes]:
    """Take a step every 10 ms, at least one. `gradient_norm` is the worker's process id."""
    began = time.monotonic()
    before = empty_state() if state is None else RunState.from_bytes(state)
    hot = order["hot"] or before.hot_settings or json.loads(config_json)
    step, deadline = before.step, began + (order["seconds"] or 0.0)
    while step < hot["budget"]:
        taken = step - before.step
        if taken >= order["steps"] if order["steps"] is not None else time.monotonic() >= deadline:
            break
        time.sleep(step_seconds)
        step += 1
    took = time.monotonic() - began
    after = replace(before, step=step, seconds=before.seconds + took, hot_settings=hot, failure="")
    picture = snapshot(
        step,
        fine=order["fine"],
        slice_seconds=took,
        seconds=after.seconds,
        finished=step >= hot["budget"],
        learning_rate=hot["learning_rate"],
        gradient_norm=float(os.getpid()),
    )
    return after.to_bytes(), picture


def raise_after_some_steps(
    config_json: str, state: bytes | None, order: dict[str, Any]
) -> tuple[bytes, bytes]:
    if step_of(state) >= 8:
        raise ArithmeticError("the loss is not a number\nat some line")
    return run_slice(config_json, state, order)


def diverge_above(
    config_json: str, state: bytes | None, order: dict[str, Any]
) -> tuple[bytes, bytes]:
    """Diverge at step 5 where the learning rate is more than 0.1, as `train_slice` tells it."""
    rate = (order["hot"] or json.loads(config_json))["learning_rate"]
    if rate <= 0.1 or order["steps"] == 0:
        return run_slice(config_json, state, order)
    told = f"The loss diverged at a learning rate of {rate:g}."
    good = replace(empty_state(step=5), failure=told)
    return good.to_bytes(), snapshot(5, failure=told)


def unreadable_above(
    config_json: str, state: bytes | None, order: dict[str, Any]
) -> tuple[bytes, bytes]:
    """Where the learning rate is more than 0.1, return a later state beside what is no picture."""
    after, picture = run_slice(config_json, state, order)
    if (order["hot"] or json.loads(config_json))["learning_rate"] <= 0.1:
        return after, picture
    return replace(RunState.from_bytes(after), step=1_000_000 - 100).to_bytes(), b"no snapshot"


def slow_steps(config_json: str, state: bytes | None, order: dict[str, Any]) -> tuple[bytes, bytes]:
    """Compute for 2 s in a slice of a run with the seed 1, whatever was ordered."""
    if json.loads(config_json)["seed"] != 1:
        return run_slice(config_json, state, order)
    end = time.thread_time() + 2.0
    while time.thread_time() < end:
        pass
    before = empty_state() if state is None else RunState.from_bytes(state)
    step, seconds = before.step + 1, before.seconds + 2.0
    after = replace(before, step=step, seconds=seconds)
    return after.to_bytes(), snapshot(step, seconds=seconds, slice_seconds=2.0)


def gated_stills(
    config_json: str, state: bytes | None, order: dict[str, Any]
) -> tuple[bytes, bytes]:
    """Do not end a still of a run with the seed 1 before the file `STILL_GATE` is there."""
    result = run_slice(config_json, state, order)
    if order["fine"] and state is not None and json.loads(config_json)["seed"] == 1:
        wait_for(os.environ["STILL_GATE"])
    return result


def kill_the_worker(
    config_json: str, state: bytes | None, order: dict[str, Any]
) -> tuple[bytes, bytes]:
    os._exit(1)


def greet(name: str, pause: float = 0.0) -> bytes:
    time.sleep(pause)
    return f"hello {name}".encode()


def wait_for(gate: str) -> bytes:
    """Keep the worker busy until the file `gate` is there."""
    Path(gate + ".waiting").touch()
    while not Path(gate).exists():
        time.sleep(0.005)
    return b"open"


def touch(file: str) -> bytes:
    Path(file).touch()
    return b"done"


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


def refuse(config_json: str, state: bytes | None, order: dict[str, Any]) -> tuple[bytes, bytes]:
    raise RefusedError("One step would take 9 GiB: lower the batch size to 100 or less.")


def has_kernels() -> bytes:
    """Tell whether the process that runs this has loaded the compiled kernels."""
    return bytes([kernels.loaded() is not None])
