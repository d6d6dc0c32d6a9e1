"""Kernels that train flows on the CPU: compiled once for a machine, loaded in a few milliseconds.

A run starts in torch. Between two slices `prepare` loads the kernels, if this machine has them, and
otherwise lets a process of its own compile them. Where they cannot be compiled, all works without
them, more slowly.
"""

from __future__ import annotations

from flowplay.kernels.process import import_loader, loaded, prepare, withheld

__all__ = ["import_loader", "loaded", "prepare", "withheld"]
