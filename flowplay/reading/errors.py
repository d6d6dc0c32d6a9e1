"""Why a file is refused."""

from __future__ import annotations


class UnreadableError(ValueError):
    """A file cannot be read as what it is to be; the message is one sentence for its reader."""
