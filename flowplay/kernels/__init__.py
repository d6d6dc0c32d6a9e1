"""Kernels that train flows on the CPU: compiled once for a machine, loaded in a few milliseconds.

A server lets them be compiled when it begins. A run starts in torch. Between two slices `prepare`
loads the kernels, if this machine has them, and otherwise lets a process of its own compile them.
Where they cannot be compiled, all works without them, more slowly.
"""

from __future__ import annotations

from flowplay.kernels.process import (
    compile_ahead,
    import_loader,
    loaded,
    prepare,
    withheld,
)

__all__ = ["compile_ahead", "import_loader", "loaded", "prepare", "withheld"]
