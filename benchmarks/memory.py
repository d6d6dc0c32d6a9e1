"""How much memory a training step takes beyond what stays between two steps."""

from __future__ import annotations

import ctypes
import multiprocessing
from pathlib import Path

from flowplay.config import RunConfig
from flowplay.training import new_run
from flowplay.training.live_run import LiveRun

#: Of glibc's mallopt: allocations from this size on are given back as soon as they are freed.
_TRIM, _MMAP = -1, -3
_THRESHOLD = 64 * 2**10

#: The optimizer's moments come with the first step, and they stay.
_WARM_UP = 2


def step_megabytes(config: RunConfig) -> float:
    """Return by how many megabytes (2^20) a step's peak is above the resident set between steps.

    Measured in a process of its own, with the kernel's high-water mark: what the step keeps for
    its backward pass, gradients on their way, and whatever else it holds for a moment. Linux only.
    """
    # A fork has torch loaded already. Its freed memory is its own.
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(_measure, (config,))


def _measure(config: RunConfig) -> float:
    libc = ctypes.CDLL("libc.so.6")
    libc.mallopt(_MMAP, _THRESHOLD)
    libc.mallopt(_TRIM, _THRESHOLD)
    run = LiveRun(new_run(config))
    run.model.train()
    for _ in range(_WARM_UP):
        run.step(1e-4)
    libc.malloc_trim(0)
    # Resets the high-water mark; see proc(5).
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    run.step(1e-4)
    return (_status("VmHWM") - before) / 2**10


def _status(name: str) -> int:
    """Return one entry of this process's status, in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
