"""Reads in a process of its own, so that a page's process neither waits nor grows.

The parent writes the file to the standard input of `python -m flowplay.reading.process ORDER`,
where the order is JSON. The answer is JSON in one line and then, if there are any, bytes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any, Final, NamedTuple

from flowplay.reading.errors import UnreadableError
from flowplay.reading.limits import MOST_BYTES, PARSE_MEMORY, PARSE_SECONDS, WAIT_SECONDS

_TOO_LONG: Final = "Reading took too long and was stopped."

#: As many are read at a time.
_AT_ONCE = threading.BoundedSemaphore(2)


class Answer(NamedTuple):
    """What was read: a few words about it, and its bytes."""

    about: dict[str, Any]
    content: bytes


def read(kind: str, data: bytes, **options: object) -> Answer:
    """Read a file in another process.

    Args:
        kind: `columns`, `table`, `rows`, `shades` (of a picture), `images`, `levels` (of images) or
            `name`.
        data: the file.
        **options: of the function that reads, as JSON values.

    Raises:
        UnreadableError: if it cannot be read, is too large, or takes too long.
    """
    if len(data) > MOST_BYTES:
        raise UnreadableError(f"This file has more than {MOST_BYTES // 10**6} MB.")
    if not _AT_ONCE.acquire(timeout=WAIT_SECONDS):
        raise UnreadableError("The server is reading other files; try again in a minute.")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "flowplay.reading.process", json.dumps([kind, options])],
            input=data,
            capture_output=True,
            timeout=WAIT_SECONDS,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(p or "." for p in sys.path)},
        )
    except subprocess.TimeoutExpired:
        raise UnreadableError(_TOO_LONG) from None
    except OSError as error:
        raise UnreadableError(f"The file could not be read: {error.strerror}.") from None
    finally:
        _AT_ONCE.release()
    if done.returncode == -signal.SIGXCPU:
        raise UnreadableError(_TOO_LONG)
    line, _, content = done.stdout.partition(b"\n")
    if done.returncode or not line:
        raise UnreadableError("Reading this file takes too much memory.")
    about = json.loads(line)
    if "refused" in about:
        raise UnreadableError(about["refused"])
    return Answer(about, content)


def _answer(kind: str, data: bytes, options: dict[str, Any]) -> Answer:
    if kind == "shades":
        from flowplay.reading.picture import read_shades

        return Answer({}, read_shades(data).to_bytes())
    if kind == "images":
        from flowplay.reading.images import read_images

        small = read_images(data, **options)
        told = {"pictures": small.pictures, "left_out": small.left_out, "why": small.why}
        return Answer(told | {"found": small.found}, small.images.to_bytes())
    if kind == "levels":
        from flowplay.reading.images import read_levels

        return Answer({}, read_levels(data, **options))
    if kind == "name":
        from flowplay.reading.picture import write_name

        return Answer({}, write_name(options["text"]).to_bytes())
    from flowplay.reading.table import columns_of, read_frame, read_table

    if kind == "columns":
        frame = read_frame(data)
        columns = [(column.name, column.why_not) for column in columns_of(frame)]
        return Answer({"rows": len(frame), "columns": columns}, b"")
    if kind == "rows":
        from flowplay.reading.scored import read_rows

        rows = read_rows(data, options["columns"], options.get("label"))
        return Answer({"columns": rows.columns, "label": rows.label_name}, rows.to_bytes())
    found = read_table(data, **options)
    about = {"dropped": found.dropped, "duplicates": found.duplicates}
    return Answer(about, found.table.to_bytes())


def _main() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (PARSE_MEMORY, PARSE_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (PARSE_SECONDS, PARSE_SECONDS + 1))
    except (ImportError, OSError, ValueError):
        pass  # another system; the time is limited still
    kind, options = json.loads(sys.argv[1])
    try:
        answer = _answer(kind, sys.stdin.buffer.read(), options)
    except ValueError as error:
        answer = Answer({"refused": str(error)}, b"")
    sys.stdout.buffer.write(json.dumps(answer.about).encode() + b"\n" + answer.content)


if __name__ == "__main__":
    _main()
