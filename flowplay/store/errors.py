"""Why something is not kept, or cannot be read."""

from __future__ import annotations


class StoreError(RuntimeError):
    """The store does not answer, or cannot be used; the message is one sentence for its reader."""
