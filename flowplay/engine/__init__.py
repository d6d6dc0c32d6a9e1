"""Runs as chained slices on Dask workers: leases, fairness and recovery.

The web process imports this package, so it reaches neither torch nor Streamlit, and imports Dask
only in the engine's own thread.
"""

from flowplay.engine.cluster import EngineStatus
from flowplay.engine.engine import Engine
from flowplay.engine.errors import EngineClosedError, WorkerLostError, WorkError
from flowplay.engine.hosted import Moment
from flowplay.engine.machine import Delay, Phase, RunView, SliceOrder
from flowplay.engine.run import NOTICED, Run

__all__ = [
    "NOTICED",
    "Delay",
    "Engine",
    "EngineClosedError",
    "EngineStatus",
    "Moment",
    "Phase",
    "Run",
    "RunView",
    "SliceOrder",
    "WorkError",
    "WorkerLostError",
]
