"""The animated GIF, drawn in a process of its own: neither pages nor runs wait for it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Final

from flowplay.ui.work import NotDoneError

#: Seconds that a GIF may take, and that it may wait until others are drawn.
SECONDS: Final = 60.0

#: What is told of a drawing process that was killed, as one is that takes too much memory.
ENDED: Final = "the process that draws it was ended."

#: As many are drawn at a time.
_AT_ONCE = threading.BoundedSemaphore(2)


def drawn_gif(frames: bytes) -> bytes:
    """Draw the GIF of a look inside a flow.

    Args:
        frames: bytes of `flowplay.wire.LayerFrames`.

    Raises:
        NotDoneError: if it fails, or takes or waits for longer than `SECONDS`.
    """
    if not _AT_ONCE.acquire(timeout=SECONDS):
        raise NotDoneError("The server is drawing other GIFs. Try again in a minute.")
    try:
        drawn = subprocess.run(
            [sys.executable, "-m", "flowplay.figures.gif"],
            input=frames,
            capture_output=True,
            timeout=SECONDS,
            check=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(p or "." for p in sys.path)},
        )
    except subprocess.TimeoutExpired:
        raise NotDoneError("Drawing the GIF took too long and was stopped.") from None
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise NotDoneError(f"The GIF could not be drawn: {last or ENDED}") from None
    except OSError as error:
        raise NotDoneError(f"The GIF could not be drawn: {error.strerror}.") from None
    finally:
        _AT_ONCE.release()
    return drawn.stdout
