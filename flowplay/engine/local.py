"""A Dask scheduler in this process, and its workers on this machine."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from flowplay.budgets import PREFIX
from flowplay.engine.spawned import spawned_workers

WORKER_MEMORY_FLOOR = 1536 * 2**20
"""Bytes. A worker is restarted at `WORKER_MEMORY_SHARE` of its part of the machine's memory, so
that one huge run does not end the web process; but this part is never less, since importing torch
needs a third of it."""

WORKER_MEMORY_SHARE = 0.95

END_SECONDS = 5.0
"""How long workers may take to end before they are killed."""

MEMORY_VARIABLE = f"{PREFIX}WORKER_MEMORY"
"""Tells a worker at how many bytes it is restarted: see `Budgets.worker_memory`."""

ENVIRONMENT = {
    # Workers keep freed memory: otherwise every evaluation of a grid pays for fresh pages, which
    # doubles the time of a snapshot.
    "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    # Flows are small and workers share the cores; and a process with threads must not be forked.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Otherwise a mere look for a GPU before the fork would make it useless in the worker.
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}


@dataclass(frozen=True)
class LocalCluster:
    """A running scheduler and its workers.

    Attributes:
        address: of the scheduler.
        size: number of workers.
        forkserver: the process that keeps the workers running; None where Dask does.
    """

    address: str
    size: int
    forkserver: Process | None

    @property
    def running(self) -> bool:
        """Whether workers are kept running."""
        return self.forkserver is None or self.forkserver.returncode is None


def can_fork() -> bool:
    """Tell whether processes can be forked here; on macOS not after torch is imported."""
    return hasattr(os, "fork") and sys.platform != "darwin"


@asynccontextmanager
async def local_cluster(size: int | None, preload: str | None) -> AsyncIterator[LocalCluster]:
    """Run a scheduler and workers until the context ends.

    Args:
        size: number of workers; None takes one per CPU core.
        preload: module that is imported once for all workers, before they are forked.

    Raises:
        OSError: if this system has no resources for them.
    """
    if not can_fork():
        count, memory, limit = _shares(size)
        async with spawned_workers(count, memory, {MEMORY_VARIABLE: str(limit)}) as address:
            yield LocalCluster(address, count, None)
        return
    # It imports torch while this process imports Dask.
    forkserver = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "flowplay.engine.forkserver"),
        *(() if preload is None else ("--preload", preload)),
        stdin=PIPE,
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(p or "." for p in sys.path)},
    )
    assert forkserver.stdin is not None
    try:
        import distributed

        count, _, limit = _shares(size)
        for handler in logging.getLogger("distributed").handlers:
            handler.setLevel(logging.ERROR)
        # The engine itself hands lost work out again, on a worker that is idle.
        async with distributed.Scheduler(
            host="127.0.0.1", dashboard_address="127.0.0.1:0", dashboard=False, allowed_failures=0
        ) as scheduler:
            forkserver.stdin.write(f"{scheduler.address} {count} {limit}\n".encode())
            yield LocalCluster(scheduler.address, count, forkserver)
            await _end(forkserver)
    finally:
        await _end(forkserver)


def _shares(size: int | None) -> tuple[int, int, int]:
    """Return how many workers there are, the bytes of each, and at how many it is restarted."""
    from dask.system import CPU_COUNT
    from distributed.system import MEMORY_LIMIT

    count = size or max(1, CPU_COUNT)
    memory = min(MEMORY_LIMIT, max(MEMORY_LIMIT // count, WORKER_MEMORY_FLOOR))
    return count, memory, int(WORKER_MEMORY_SHARE * memory)


async def _end(forkserver: Process) -> None:
    """End the workers: they end with the standard input of the process that forked them."""
    assert forkserver.stdin is not None
    forkserver.stdin.close()
    try:
        async with asyncio.timeout(END_SECONDS):
            await forkserver.wait()
    except TimeoutError:
        forkserver.kill()
        await forkserver.wait()
