"""The session's runs: one for every set of settings it has looked at, so that none is lost."""

from __future__ import annotations

import streamlit as st

from flowplay.config import RunConfig, bounds
from flowplay.engine import Phase, Run
from flowplay.ui.example import example
from flowplay.ui.settings import identity
from flowplay.ui.shell import engine

#: Runs a session keeps; the one not looked at for longest goes first.
KEPT = 8

_RUNS = "_runs"

#: Phases in which a run has more pictures to come.
ACTIVE = frozenset({Phase.WAITING, Phase.TRAINING, Phase.AWAY})


def current_run(config: RunConfig) -> Run:
    """Return the session's run of a config, opened untrained if there is none yet.

    The default config opens as the bundled example. Any other run of the session is paused:
    only what is seen trains. The hot settings are handed to the run.
    """
    runs: dict[str, Run] = st.session_state.setdefault(_RUNS, {})
    key = identity(config)
    run = runs.pop(key, None)
    if run is None or run.view().phase is Phase.CLOSED:
        run = _open(config)
    runs[key] = run
    for other_key, other in list(runs.items()):
        if other_key != key and other.view().phase in ACTIVE:
            other.pause()
    while len(runs) > KEPT:
        runs.pop(next(iter(runs))).close()
    _hand_over_hot_settings(run, config)
    return run


def shown_run() -> Run | None:
    """Return the run that the session looked at last, if any."""
    runs: dict[str, Run] = st.session_state.get(_RUNS, {})
    return next(reversed(runs.values()), None)


def is_example(run: Run) -> bool:
    """Tell whether a run still shows the bundled example as it came."""
    snapshot = run.view().snapshot
    return snapshot is not None and snapshot is example().snapshot


def start_over(config: RunConfig) -> Run:
    """Replace the session's run of a config by an untrained one."""
    runs: dict[str, Run] = st.session_state.setdefault(_RUNS, {})
    key = identity(config)
    if key in runs:
        runs.pop(key).close()
    runs[key] = engine().open_run(config)
    return runs[key]


def train(config: RunConfig) -> None:
    """Do what the Train button says: start, resume, or go on for another budget."""
    run = current_run(config)
    if is_example(run):
        run = start_over(config)
    elif run.view().phase is Phase.FINISHED:
        _extend_budget(run, config.budget)
    run.play()


def continue_example(config: RunConfig) -> None:
    """Train the bundled example for another budget."""
    run = current_run(config)
    _extend_budget(run, config.budget)
    run.play()


def step(config: RunConfig) -> None:
    """Take one optimizer step."""
    run = current_run(config)
    if is_example(run):
        run = start_over(config)
    elif run.view().phase is Phase.FINISHED:
        _extend_budget(run, 1)
    run.step()


def reset(config: RunConfig) -> None:
    """Return to the untrained flow and show it."""
    start_over(config).show()


def _extend_budget(run: Run, more: float) -> None:
    """Let a run train for so much more, counted from where it stands or from its budget."""
    view = run.view()
    assert view.snapshot is not None, "a run without a picture has not used its budget"
    used = view.snapshot.step if run.config.budget_unit == "steps" else view.snapshot.seconds
    run.set_budget(min(max(view.budget, used) + more, bounds("budget")[1]))


def _open(config: RunConfig) -> Run:
    bundled = example()
    if identity(config) == identity(bundled.config):
        # With its own config, so that the hot settings that differ are handed over.
        return engine().open_run(bundled.config, bundled.state, bundled.snapshot)
    run = engine().open_run(config)
    run.show()
    return run


_HANDED = "_handed_over"


def _hand_over_hot_settings(run: Run, config: RunConfig) -> None:
    """Tell a run about settings changed since it last heard of them."""
    handed: dict[str, RunConfig] = st.session_state.setdefault(_HANDED, {})
    before = handed.get(run.id, run.config)
    if config.learning_rate != before.learning_rate:
        run.set_learning_rate(config.learning_rate)
    if config.budget != before.budget:
        run.set_budget(config.budget)
    if config.temperature != before.temperature:
        run.set_temperature(config.temperature)
        if run.view().phase not in ACTIVE:
            run.show()
    st.session_state[_HANDED] = {run.id: config} | {k: v for k, v in handed.items() if k != run.id}
