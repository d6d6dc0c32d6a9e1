"""What a page says while nothing moves: for what it waits, and for how long it has."""

from __future__ import annotations

from flowplay.config import RunConfig
from flowplay.engine import NOTICED, Delay, Phase, RunView
from flowplay.numbers import fixed, whole
from flowplay.ui.naming import made_of

#: Seconds after which a picture that is late is explained. Where many share the server, one comes
#: every few seconds: that is no delay.
LATE = 1.0
LATE_TURN = 4.0


def waiting_for(view: RunView, config: RunConfig, workers: int) -> str:
    """Say in a sentence what the next picture of a run waits for; empty if it is not late.

    Args:
        view: of the run.
        config: its settings.
        workers: that are ready.
    """
    delay = view.delay
    if delay is None or view.message:
        return ""
    if view.phase is Phase.PAUSED and delay.on == "steps":
        return "The step that is under way still ends."
    first = view.header is None or (delay.on == "steps" and view.header.step == 0)
    late = NOTICED if first or view.phase is Phase.WAITING else LATE
    if delay.on == "worker":
        late = NOTICED if view.header is None or view.phase is Phase.WAITING else LATE_TURN
    if delay.seconds < late:
        return ""
    so_far = _so_far(delay.seconds)
    match delay.on:
        case "worker":
            return _queue(delay, workers) + so_far
        case "model":
            size = f", width {whole(config.width)}" if config.entry.conditioned else ""
            return f"Building the model ({made_of(config)}{size}) and its first picture.{so_far}"
        case "steps":
            which = "The first steps" if first else "The next steps"
            why = f": {config.entry.step_note}" if config.entry.step_note else ""
            return f"{which} are being computed{why}.{so_far}"
    return f"Drawing a picture with small cells.{so_far}"


def computing_layers(config: RunConfig, seconds: float, *, queued: bool = False) -> str:
    """Say that the layers of a model are computed, and why that may take long.

    Args:
        config: of the run.
        seconds: for how long it has been under way.
        queued: whether it still waits for a worker.
    """
    if queued:
        return f"Waiting for a worker that computes the density after each layer…{_so_far(seconds)}"
    continuous = config.entry.depth_units[1].endswith("of time")
    why = ", by a differential equation" if continuous else ""
    return f"Computing the density after each layer{why}…{_so_far(seconds)}"


def _queue(delay: Delay, workers: int) -> str:
    if not workers:
        return "No worker is ready yet."
    busy = {1: "The worker is busy", 2: "Both workers are busy"}
    who = busy.get(workers, f"All {workers} workers are busy")
    if not delay.ahead:
        return f"{who}: this run is next."
    others = "one other" if delay.ahead == 1 else f"{whole(delay.ahead)} others"
    return f"{who}: this run waits behind {others}."


def _so_far(seconds: float) -> str:
    return f" {fixed(seconds, 0)} s so far." if seconds >= 1 else ""
