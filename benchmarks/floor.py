"""The arithmetic floor of a step: how long its matrix products alone would take on this core."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from flowplay import kernels

#: Side of the matrices multiplied: large enough to keep the core busy, small enough for its cache.
SIDE = 512
TRIES = 20


def flops(work: Callable[[], object]) -> int:
    """Count the floating-point operations of all matrix products that `work` makes with torch."""
    with kernels.withheld(), FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def matmul_rate() -> float:
    """Measure the best rate of float32 matrix products on one thread, in FLOP/s."""
    a, b = torch.randn(2, SIDE, SIDE).unbind()
    out = torch.empty_like(a)
    return 2 * SIDE**3 / min(_seconds(lambda: torch.mm(a, b, out=out)) for _ in range(TRIES))


def floor_ms(work: Callable[[], object], rate: float) -> float:
    """Return the milliseconds that the matrix products of `work` take at so many FLOP/s."""
    return 1000 * flops(work) / rate


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
