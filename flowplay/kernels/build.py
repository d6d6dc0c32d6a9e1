"""Compile the kernels for this machine: `python -m flowplay.kernels.build`.

It writes the file that `library.load` reads. Numba is needed here and nowhere else.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from flowplay.kernels import library

#: Seconds between two touches of the mark.
BEAT_SECONDS = 5.0


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
    path, mark = library.path(), library.mark()
    if path.exists():
        return 0
    if not library.being_compiled():
        mark.unlink(missing_ok=True)
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return library.ANOTHER_COMPILES
    if "--with-parent" in sys.argv:
        threading.Thread(target=_end_with_parent, args=(mark,), daemon=True).start()
    done = threading.Event()
    threading.Thread(target=_keep_fresh, args=(mark, done), daemon=True).start()
    try:
        # Another may have ended since it was looked for.
        if not path.exists():
            build(path)
    finally:
        done.set()
        mark.unlink(missing_ok=True)
    return 0


def _keep_fresh(mark: Path, done: threading.Event) -> None:
    """Touch the mark: on a busy machine a niced process takes long."""
    while not done.wait(BEAT_SECONDS):
        with suppress(FileNotFoundError):
            os.utime(mark)


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
