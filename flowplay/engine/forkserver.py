"""The process from which workers are forked, which has imported once what all of them need.

A fork is ready in a fraction of the time that imports take, and shares their memory. This program
keeps a number of workers running until its standard input ends, which it does when the process
that started it ends in whatever way. Each worker in turn ends with this process.

`multiprocessing` has a fork server too. It would import the main module of the web process, and
Streamlit with it, into every worker.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import pkgutil
import select
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import psutil

from flowplay.engine.local import MEMORY_VARIABLE
from flowplay.engine.tasks import one_line

POLL_SECONDS = 0.05
"""How often it looks whether a worker has ended or is too large."""

RESTART_SECONDS = 0.5
"""Least time between two starts of one worker, so that one that fails at once takes no core."""

UNUSED = frozenset({"pandas"})
"""What no worker needs, but scikit-learn imports where it finds it: 70 MB a worker."""

logger = logging.getLogger("flowplay.engine.forkserver")


class _Unused(MetaPathFinder, Loader):
    """Lets no import of a module of `UNUSED` succeed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in UNUSED else None

    def exec_module(self, module: ModuleType) -> None:
        raise ModuleNotFoundError(f"Workers do without {module.__name__}.", name=module.__name__)


@dataclass
class _Worker:
    """One of the workers that are kept running; `pid` is 0 while there is none."""

    pid: int = 0
    started: float = -RESTART_SECONDS

    def ended(self) -> bool:
        """Tell whether it has ended, and let the system forget it then."""
        return os.waitpid(self.pid, os.WNOHANG)[0] != 0

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def main() -> None:
    """Import, then keep workers running until standard input ends.

    Its one line says whose workers they are, how many, and how much memory each may take.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preload", help="module that all of them import")
    arguments = parser.parse_args()
    # Ctrl-C reaches every process of a terminal; the web process ends this one in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(format="%(asctime)s - %(name)s - %(levelname)s - %(message)s")
    sys.meta_path.insert(0, _Unused())
    # The collector writes to every object it visits, and would copy the pages that forks share.
    gc.disable()
    _import(arguments.preload)
    gc.freeze()
    if line := sys.stdin.readline().split():
        scheduler, workers, memory = line
        os.environ[MEMORY_VARIABLE] = memory
        with tempfile.TemporaryDirectory(prefix="flowplay-") as directory:
            _keep_running(int(workers), int(memory), scheduler, directory)


def _import(preload: str | None) -> None:
    """Import Dask's worker and the module `preload`, and call its `preload()`, if it has one.

    Nothing here may start a thread or use CUDA: forks inherit neither in working order.
    """
    import distributed.worker  # noqa: F401

    if preload is None:
        return
    try:
        function = getattr(pkgutil.resolve_name(preload), "preload", None)
        if function is not None:
            function()
    except Exception as error:
        # Workers try again themselves, and say why it fails.
        logger.warning("Cannot import %s: %s", preload, one_line(error))


def _keep_running(count: int, memory: int, scheduler: str, directory: str) -> None:
    """Fork `count` workers, and replace those that end or take more than `memory` bytes."""
    # Nothing is ever written: it ends with this process, and tells the workers so.
    alive, held = os.pipe()
    workers = [_Worker() for _ in range(count)]
    while True:
        for worker in workers:
            if worker.pid and worker.ended():
                worker.pid = 0
            if not worker.pid and time.monotonic() - worker.started >= RESTART_SECONDS:
                worker.started = time.monotonic()
                worker.pid = os.fork()
                if not worker.pid:
                    os.close(held)
                    _be_worker(scheduler, directory, alive)
            elif worker.pid and _resident_bytes(worker.pid) > memory:
                logger.warning("A worker took more than %d MB; it is restarted.", memory >> 20)
                worker.kill()
        if select.select([sys.stdin], [], [], POLL_SECONDS)[0]:
            break
    for worker in workers:
        if worker.pid:
            worker.kill()
            os.waitpid(worker.pid, 0)


def _resident_bytes(pid: int) -> int:
    """Return what a process takes, 0 if the system does not tell, as while it ends."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _be_worker(scheduler: str, directory: str, alive: int) -> None:
    """Be a worker of the scheduler until it is gone or this process is to end; never returns."""
    status = 1
    try:
        gc.enable()
        os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
        threading.Thread(target=_end_with, args=(alive,), daemon=True).start()
        asyncio.run(_work(scheduler, directory))
        status = 0
    except Exception as error:
        logger.warning("A worker ended: %s", one_line(error))
    finally:
        # What the fork server does at its end is not for its forks to do.
        os._exit(status)


def _end_with(alive: int) -> None:
    """End this process when the other end of a pipe is closed."""
    os.read(alive, 1)
    os._exit(1)


async def _work(scheduler: str, directory: str) -> None:
    """Do a scheduler's work until it goes away."""
    import dask
    import distributed

    # It would look at the thread that trains a hundred times a second.
    dask.config.set({"distributed.worker.profile.enabled": False})
    # That a scheduler went away is no news here; what work raises is logged by `tasks`.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    worker = distributed.Worker(
        scheduler,
        nthreads=1,
        host="127.0.0.1",
        local_directory=directory,
        # Workers hold no data that could be spilled, and a paused worker would never resume.
        memory_limit=0,
    )
    async with worker:
        await worker.finished()


if __name__ == "__main__":
    main()
