"""Compile the kernels for this machine: `python -m flowplay.kernels.build`.

It writes the file that `library.load` reads. Numba is needed here and nowhere else.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from flowplay.kernels import library

#: Seconds after which the mark of a process that compiles is taken for one that ended.
LONGEST = 180.0


def build(path: Path) -> None:
    """Compile the kernels, see that they load, and put them at a path.

    Raises:
        ImportError: without numba.
    """
    from flowplay.kernels.source import run_chain

    code = library.object_code(run_chain.inspect_llvm())
    library.Kernels(code)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(code)
    # Whoever finds the file finds all of it.
    os.replace(file.name, path)


def main() -> int:
    """Compile unless it is done, or another process is at it."""
    path = library.path()
    mark = path.with_suffix(".compiling")
    with suppress(FileNotFoundError):
        if time.time() - mark.stat().st_mtime > LONGEST:
            mark.unlink()
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return library.ANOTHER_COMPILES
    if "--with-parent" in sys.argv:
        threading.Thread(target=_end_with_parent, args=(mark,), daemon=True).start()
    try:
        if not path.exists():
            build(path)
    finally:
        mark.unlink(missing_ok=True)
    return 0


def _end_with_parent(mark: Path) -> None:
    """End this process when its standard input ends, as it does with who started it."""
    # Not by sys.stdin: its lock, held at the end of the process, would abort it.
    while os.read(0, 1024):
        pass
    mark.unlink(missing_ok=True)
    os._exit(1)


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(19)
    sys.exit(main())
