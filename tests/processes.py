"""Processes, any of which may end while it is asked about."""

from __future__ import annotations

import psutil


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs; one that has ended and was not waited for does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor's seconds that a process has used, 0 if it has ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def parent(process: psutil.Process) -> int | None:
    """Return the id of the process that started it, None if it has ended."""
    try:
        return int(process.ppid())
    except psutil.NoSuchProcess:
        return None


def command(process: psutil.Process) -> list[str]:
    """Return the command line of a process, empty if it has ended."""
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []
