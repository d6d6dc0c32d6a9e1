"""The guide's exercises: what the session's runs have reached of them."""

from __future__ import annotations

import math

import streamlit as st

from flowplay.engine import Run
from flowplay.guide import EXERCISES, Attempt, Exercise, Try, best
from flowplay.ui import runs
from flowplay.ui.trying import try_it
from flowplay.wire import Measurement, Snapshot

#: The best attempt at each exercise that this session has seen, by its key.
_BEST = "_exercises_best"


def exercises() -> None:
    """Show all exercises, each with its state."""
    held = note_attempts()
    reached = sum(e.key in held and e.goal(held[e.key]) for e in EXERCISES)
    st.markdown(f"**{reached} of {len(EXERCISES)} reached** in this session.")
    for number, exercise in enumerate(EXERCISES, start=1):
        with st.container(border=True, key=f"exercise_{exercise.key}"):
            st.markdown(f"**{number}. {exercise.title}.** {exercise.task}")
            st.markdown(_state(exercise, held.get(exercise.key)))
            with st.expander("Hint", icon=":material/lightbulb:"):
                st.markdown(exercise.hint)
            link = Try("Begin here", exercise.query)
            try_it(link, f"exercise_{exercise.key}")


def note_attempts() -> dict[str, Attempt]:
    """Remember the best attempts of this session so far: a run may be trained on, or let go.

    A page that shows a run calls it each time it is drawn, which it is when training ends.
    """
    return _remember(attempts())


def attempts() -> list[Attempt]:
    """Return what the runs that this session has trained have come to."""
    found = [_attempt(run) for run in runs.trained_runs()]
    return [attempt for attempt in found if attempt is not None]


def _attempt(run: Run) -> Attempt | None:
    """Return what a run has come to, None if its gap is not known."""
    data, density = run.view().snapshot, run.config.problem().density
    if data is None or density is None:
        return None
    snapshot = Snapshot.from_bytes(data)
    held_out = snapshot.measurements.get("held_out")
    if held_out is None or held_out.exactness != "exact" or not math.isfinite(held_out.value):
        return None
    return Attempt(
        config=run.config,
        step=snapshot.header.step,
        parameters=snapshot.header.parameters,
        gap=held_out.value - density.entropy,
        train_gap=_nats(snapshot.measurements.get("train")) - density.entropy,
    )


def _nats(train: Measurement | None) -> float:
    return train.value if train is not None and train.unit == "nats" else math.inf


def _remember(now: list[Attempt]) -> dict[str, Attempt]:
    """Return the best attempts of this session: a run that is let go keeps what it reached."""
    held: dict[str, Attempt] = st.session_state.setdefault(_BEST, {})
    for exercise in EXERCISES:
        before = [held[exercise.key]] if exercise.key in held else []
        if (found := best(exercise, [*before, *now])) is not None:
            held[exercise.key] = found
    return held


def _state(exercise: Exercise, attempt: Attempt | None) -> str:
    if attempt is None:
        return ":gray[:material/radio_button_unchecked: Not yet: no run that counts.]"
    figures = exercise.figures(attempt)
    if exercise.goal(attempt):
        return f":green[:material/check_circle: Reached: {figures}.]"
    return f":orange[:material/radio_button_unchecked: Not yet. Your best: {figures}.]"
