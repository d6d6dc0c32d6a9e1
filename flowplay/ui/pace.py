"""How long an architecture takes to a good picture on this server."""

from __future__ import annotations

import json
import time

from flowplay.catalog.pace import REFERENCE, seconds_to_picture
from flowplay.config import RunConfig
from flowplay.numbers import number
from flowplay.problems import Energy, make_problem
from flowplay.ui import shell
from flowplay.ui.look import WORKER
from flowplay.ui.work import ask, failure

#: Seconds after which the server's speed is measured again: compiled kernels may have come, and
#: others may train.
_AGAIN = 300.0

_last: float | None = None


def reference_step() -> float | None:
    """Return the milliseconds that this server takes for a step of the reference family.

    It never waits: None until a worker has measured it.
    """
    global _last
    if shell.engine().status.phase != "ready":
        return _last
    key = int(time.monotonic() // _AGAIN)
    config = RunConfig(architecture=REFERENCE).model_dump_json()
    future = ask("step", key, f"{WORKER}:measure_step", config)
    if future.done() and not failure(future):
        _last = float(json.loads(future.result())["milliseconds"])
    return _last


def measured_for(target: str) -> bool:
    """Tell whether the times say something of a target: they are those of points of the plane.

    Args:
        target: name of a problem.
    """
    problem = make_problem(target)
    energy = isinstance(problem, Energy)
    return problem.gives == "points" and problem.window is not None and not energy


def time_to_picture(name: str, reference: float | None) -> str:
    """Say about how long an architecture takes to a good picture; empty if that is not known.

    Args:
        name: of the architecture.
        reference: milliseconds of a step of the reference family, None if not measured yet.
    """
    if reference is None:
        return ""
    found = seconds_to_picture(name, reference)
    if found is None:
        return ""
    seconds = max(1.0, found.seconds)
    told = number(seconds, 1 if seconds < 10 else 2)
    return f"good picture in {'more than' if found.at_least else 'about'} {told} s"
