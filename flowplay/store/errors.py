"""Why something is not kept, or cannot be read."""

from __future__ import annotations

OTHER_VERSION = "This run was kept by another version of flowplay and cannot be opened."


class StoreError(RuntimeError):
    """The store does not answer, or cannot be used; the message is one sentence for its reader."""
