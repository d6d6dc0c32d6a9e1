"""Figures of the server for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import psutil
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from streamlit import runtime

from flowplay.ui import shell

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class _Flowplay(Collector):
    """Reads the figures whenever somebody asks."""

    def collect(self) -> Iterator[Metric]:
        """Yield every figure."""
        census = shell.engine().census()
        for name, text, value in (
            ("runs", "Runs in memory.", census.runs),
            ("runs_training", "Runs that train and are looked at.", census.training),
            ("sessions", "Open sessions of pages.", _sessions()),
            ("followers", "Open streams of live links.", _followers()),
            ("queue", "Runs and other work that wait for a worker.", census.queue),
            ("workers", "Workers that are ready.", census.workers),
        ):
            yield GaugeMetricFamily(f"flowplay_{name}", text, value)
        yield CounterMetricFamily("flowplay_steps", "Optimizer steps taken.", census.steps)
        yield CounterMetricFamily(
            "flowplay_worker_restarts", "Workers that were lost.", census.workers_lost
        )
        yield SummaryMetricFamily(
            "flowplay_snapshot_interval_seconds",
            "Time between two pictures of a run that trains.",
            census.pictures,
            census.picture_seconds,
        )
        memory = GaugeMetricFamily("flowplay_memory_bytes", "Resident memory.", labels=["process"])
        for process, size in _memory().items():
            memory.add_metric([process], size)
        yield memory


def exposition() -> bytes:
    """Return all figures in the text format of Prometheus."""
    return generate_latest(_REGISTRY)


def _sessions() -> int:
    if not runtime.exists():
        return 0
    return len(runtime.get_instance()._session_mgr.list_active_sessions())


def _followers() -> int:
    from flowplay.ui.live_link import BROADCAST

    return BROADCAST.followers


def _memory() -> dict[str, int]:
    """Return the resident bytes of this process and, in sum, of those that it has started."""
    own = psutil.Process()
    children = 0
    for child in own.children(recursive=True):
        try:
            children += child.memory_info().rss
        except psutil.Error:
            continue  # It has ended meanwhile.
    return {"web": own.memory_info().rss, "workers": children}


_REGISTRY: Final = CollectorRegistry()
_REGISTRY.register(_Flowplay())
