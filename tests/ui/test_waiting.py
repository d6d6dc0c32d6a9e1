"""What is said while nothing moves."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Literal

import pytest

from flowplay.config import RunConfig
from flowplay.engine import Delay, Phase, RunView
from flowplay.ui import inside
from flowplay.ui.example import example
from flowplay.ui.waiting import computing_layers, waiting_for
from flowplay.wire import Header

BIG = RunConfig(depth=64, width=512)
ODE = RunConfig(architecture="ffjord")


def view(
    on: Literal["worker", "model", "steps", "picture"] | None,
    seconds: float,
    *,
    ahead: int = 0,
    phase: Phase = Phase.TRAINING,
    step: int | None = 0,
) -> RunView:
    header = Header.of(example().snapshot)
    return RunView(
        phase=phase,
        header=None if step is None else header.__class__(**{**header.__dict__, "step": step}),
        snapshot=None,
        version=1,
        message="",
        in_flight=on != "worker",
        pending=True,
        hot=RunConfig().hot,
        delay=None if on is None else Delay(on, seconds, ahead),
    )


def test_what_comes_in_time_is_not_explained() -> None:
    assert waiting_for(view(None, 9.0), BIG, 2) == ""
    assert waiting_for(view("steps", 0.2), ODE, 2) == ""
    assert waiting_for(view("steps", 0.8, step=50), ODE, 2) == ""
    assert waiting_for(view("worker", 2.0, step=50), BIG, 2) == "", "a turn among many runs"


def test_a_large_model_is_built() -> None:
    said = waiting_for(view("model", 3.2, step=None, phase=Phase.IDLE), BIG, 2)
    assert said == (
        "Building the model (RealNVP, 64 layers, width 512) and its first picture. 3 s so far."
    )


def test_first_steps_of_an_ode_are_explained() -> None:
    said = waiting_for(view("steps", 4.8), ODE, 2)
    assert said.startswith("The first steps are being computed: each of them solves a differential")
    assert said.endswith("5 s so far.")
    assert "differential" in computing_layers(ODE, 16.0)
    assert computing_layers(BIG, 0.0) == "Computing the density after each layer…"
    assert computing_layers(ODE, 3.0, queued=True) == (
        "Waiting for a worker that computes the density after each layer… 3 s so far."
    )


def test_a_queue_has_places() -> None:
    waiting = Phase.WAITING
    assert waiting_for(view("worker", 0.5, phase=waiting), BIG, 1) == (
        "The worker is busy: this run is next."
    )
    said = waiting_for(view("worker", 7.0, ahead=4, phase=waiting), BIG, 2)
    assert said == "Both workers are busy: this run waits behind 4 others. 7 s so far."
    assert waiting_for(view("worker", 5.0, step=None), BIG, 0).startswith("No worker is ready yet.")
    assert "All 8 workers" in waiting_for(view("worker", 5.0, ahead=1, step=50), BIG, 8)


def test_pause_is_answered_while_a_step_is_under_way() -> None:
    said = waiting_for(view("steps", 0.0, phase=Phase.PAUSED, step=7), ODE, 2)
    assert said == "The step that is under way still ends."


def test_the_wait_for_a_worker_ends_when_one_takes_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [True, True, False]
    monkeypatch.setattr(inside, "queued", lambda call: answers.pop(0))
    inside._await_worker(Future())
    assert answers == []
