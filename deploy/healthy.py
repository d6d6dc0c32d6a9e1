"""Exit with 0 if the server of this container can train, for a container's health check."""

import os
import re
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path


def address(command: str, environ: Mapping[str, str]) -> str:
    """Return the address to ask.

    Args:
        command: line of the server, words apart by spaces or zeros; it counts more.
        environ: the environment.
    """
    path = _option(command, "baseUrlPath") or environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
    port = _option(command, "port") or environ.get("STREAMLIT_SERVER_PORT", "") or "8501"
    parts = (f"http://127.0.0.1:{port}", path.strip("/"), "healthz")
    return "/".join(part for part in parts if part)


def _option(command: str, name: str) -> str:
    found = re.search(rf"(?:^|[\s\0])--server\.{name}[=\s\0]([^\s\0]*)", command)
    return "" if found is None else found[1].strip("'\"")


def main() -> int:
    """Ask the server; return what to exit with."""
    try:
        # The first process of a container is the server, or what has started it.
        command = Path("/proc/1/cmdline").read_text(errors="replace")
    except OSError:
        command = ""
    try:
        with urllib.request.urlopen(address(command, os.environ), timeout=4) as answer:
            return int(answer.status != 200)
    except (OSError, ValueError):
        return 1


if __name__ == "__main__":
    sys.exit(main())
