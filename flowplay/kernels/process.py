"""The kernels of this process: loaded, being compiled by another, or not to be had."""

from __future__ import annotations

import importlib.util
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from flowplay.kernels import library
from flowplay.kernels.library import Kernels

#: Set to 0, it leaves everything to torch.
VARIABLE = "FLOWPLAY_KERNELS"

logger = logging.getLogger(__name__)


class _Process:
    """What this process knows of the kernels."""

    kernels: Kernels | None = None
    hopeless = False
    compiler: subprocess.Popen[bytes] | None = None


_here = _Process()


def loaded() -> Kernels | None:
    """Return the kernels, if this process has loaded them; it never waits."""
    return _here.kernels


def import_loader() -> None:
    """Import what loads the kernels, where they are wanted: forks then share its memory."""
    if _wanted():
        library.initialize()


def prepare(*, wait: bool = False) -> Kernels | None:
    """Load the kernels, or let them be compiled in a process of its own, for a later call.

    To be called between two slices: what is computed after it may differ in rounding, and the
    solution of an ODE by as much as its tolerance allows.

    Args:
        wait: until they are compiled.

    Returns:
        The kernels, if they are there now.
    """
    if _here.kernels is not None or _here.hopeless:
        return _here.kernels
    if not _wanted():
        _here.hopeless = True
        return None
    try:
        if not library.path().exists():
            _compile(wait=wait)
        if library.path().exists():
            _here.kernels = library.load()
            _here.compiler = None
    except Exception as error:
        # Whatever a compiler or a file system can do: all works without kernels.
        _give_up(f"{type(error).__name__}: {error}")
    return _here.kernels


def _wanted() -> bool:
    missing = [name for name in ("numba", "llvmlite") if importlib.util.find_spec(name) is None]
    return os.environ.get(VARIABLE) != "0" and not missing


@contextmanager
def withheld() -> Iterator[None]:
    """Let torch compute everything inside the block, as where there are no kernels."""
    kernels, _here.kernels = _here.kernels, None
    try:
        yield
    finally:
        _here.kernels = kernels


def compile_ahead() -> None:
    """Let the kernels be compiled in a process of its own, and return when that has ended.

    For a server that begins, in a thread: its workers then find them. What fails here they try
    again themselves, and say why it fails. The server loads nothing.
    """
    if _wanted():
        with suppress(OSError), _compiler() as compiler:
            compiler.wait()


def _compile(*, wait: bool) -> None:
    """Start the process that compiles, unless one runs; see whether it failed."""
    while not _here.hopeless and not library.path().exists():
        if _here.compiler is None:
            if library.being_compiled():
                if not wait:
                    return
                time.sleep(0.1)
                continue
            _here.compiler = _compiler()
        status = _here.compiler.wait() if wait else _here.compiler.poll()
        if status == library.ANOTHER_COMPILES:
            _here.compiler = None
        elif status is not None and not library.path().exists():
            _give_up(f"the compiler ended with status {status}")
        if not wait:
            return


def _compiler() -> subprocess.Popen[bytes]:
    """Start the process that compiles, if need be."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "flowplay.kernels.build", "--with-parent"],
        # It ends when this process does, in whatever way: its input ends then.
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p or "." for p in sys.path)},
    )


def _give_up(reason: str) -> None:
    _here.hopeless = True
    logger.warning("Flows train without compiled kernels, more slowly: %s", reason)
