"""A library's process as the comparison holds it: asked for one thing at a time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from types import TracebackType
from typing import Any, Self

from benchmarks.peers_worker import serve

#: One thread for everything that could take more; read when a process begins.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


class LibraryFailureError(Exception):
    """A library could not do what it was asked; the message says why in one line."""


def pin(core: int | None) -> int | None:
    """Keep this process, and all that it starts, on one core and one thread.

    Args:
        core: the core; the last of those allowed if None.

    Returns:
        The core, or None where the system cannot pin.
    """
    os.environ.update(ONE_THREAD)
    if not hasattr(os, "sched_setaffinity"):
        return None
    chosen = max(os.sched_getaffinity(0)) if core is None else core
    os.sched_setaffinity(0, {chosen})
    return chosen


class LibraryProcess:
    """A process that has imported one library.

    Attributes:
        start: seconds that the import took, and the memory in MB after it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, name), daemon=True)
        self._process.start()
        theirs.close()
        self.start: dict[str, float] = self._answer()

    def ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401
        """Call a method of the process's `Worker` and wait for what it returns.

        Raises:
            LibraryFailureError: if the library raised, or the process is gone.
        """
        try:
            self._pipe.send((method, arguments))
        except OSError:
            raise LibraryFailureError(f"The process of {self.name} is gone.") from None
        return self._answer()

    def close(self) -> None:
        """Let the process end; it is idle, or gone."""
        with contextlib.suppress(OSError):
            self._pipe.send(None)
        self._process.join(10)
        self._pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            # It may be in the middle of a turn, which nobody waits for any more.
            self._process.terminate()
        self.close()

    def _answer(self) -> Any:  # noqa: ANN401
        try:
            outcome, value = self._pipe.recv()
        except EOFError:
            raise LibraryFailureError(f"The process of {self.name} ended.") from None
        if outcome == "failed":
            raise LibraryFailureError(f"{self.name}: {value}")
        return value
