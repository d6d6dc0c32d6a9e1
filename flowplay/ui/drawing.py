"""Files that are drawn on request, each by a process of its own.

Drawing needs PIL, which workers do not load, and holds Python's lock for seconds, which live pages
of the web process need.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import flowplay
from flowplay.ui.work import PATIENCE, NotDoneError

#: Processes that draw at the same time, over all sessions.
_AT_ONCE = 2

_turns = threading.BoundedSemaphore(_AT_ONCE)

_PROGRAM = """
import sys
from flowplay.figures.gif import layers_gif
sys.stdout.buffer.write(layers_gif(sys.stdin.buffer.read()))
"""


def drawn_gif(frames: bytes) -> bytes:
    """Return the animated GIF of the bytes of `flowplay.wire.LayerFrames`.

    Raises:
        NotDoneError: if it fails or takes longer than `PATIENCE`.
    """
    deadline = time.monotonic() + PATIENCE
    if not _turns.acquire(timeout=PATIENCE):
        raise NotDoneError("Other animations are being drawn; try again in a moment.")
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            cwd=Path(flowplay.__file__).parents[1],
            input=frames,
            capture_output=True,
            timeout=max(0.0, deadline - time.monotonic()),
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise NotDoneError("Drawing takes longer than usual; try again in a moment.") from None
    except (subprocess.CalledProcessError, OSError) as error:
        raise NotDoneError("The process that draws it failed.") from error
    finally:
        _turns.release()
    return done.stdout
