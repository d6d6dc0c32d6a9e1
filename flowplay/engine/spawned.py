"""Workers where no process can be forked, as on Windows: each imports everything by itself."""

from __future__ import annotations

import atexit
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

END_SECONDS = 5.0
"""How long workers may take to end before they are killed."""


@asynccontextmanager
async def spawned_workers(
    count: int, memory: int, environment: dict[str, str]
) -> AsyncIterator[str]:
    """Run a scheduler, and workers that Dask starts and replaces; yield the scheduler's address.

    Args:
        count: number of workers.
        memory: bytes of a worker's part of the machine's memory; it is restarted near them.
        environment: variables that workers have beside those of this process.
    """
    import distributed

    cluster: Any = distributed.LocalCluster(  # type: ignore[no-untyped-call, unused-ignore]
        asynchronous=True,
        host="127.0.0.1",
        n_workers=count,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        silence_logs=logging.ERROR,
        memory_limit=memory,
        env=environment,
        # Workers hold no data that could be spilled, and a paused worker would never resume.
        config={
            "distributed.worker.memory.target": False,
            "distributed.worker.memory.spill": False,
            "distributed.worker.memory.pause": False,
        },
        # The engine itself hands lost work out again, on a worker that is idle.
        scheduler_kwargs={"allowed_failures": 0, "dashboard_address": "127.0.0.1:0"},
    )
    # Dask's own hook at the interpreter's exit would wait for this event loop, which has ended by
    # then. Workers end with this process: each watches a pipe from it. Here they are only kept
    # from being started again.
    cluster.shutdown_on_close = False

    def leave() -> None:
        logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
        for nanny in list(cluster.workers.values()):
            nanny.close_gracefully()

    atexit.register(leave)
    try:
        await cluster
        yield str(cluster.scheduler_address)
    finally:
        await cluster.close(timeout=END_SECONDS)
        atexit.unregister(leave)
