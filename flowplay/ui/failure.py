"""What a page shows of a run that has failed: why, and how to go on."""

from __future__ import annotations

import streamlit as st

from flowplay.config import bounds
from flowplay.engine import Phase, Run, RunView
from flowplay.numbers import number, whole
from flowplay.ui import runs
from flowplay.ui.settings import locked, typed_config

#: A run that diverged is offered a learning rate that is so many times lower.
LOWERED = 10

#: What is said behind the message of a run that diverged.
DIVERGED = " Most often the steps were too large, so that the loss rose instead of falling."

#: The learning rates of runs that diverged, by run and picture.
_FAILED = "_failed_rates"


def failure_box(run: Run) -> None:
    """Say why a run has failed, if it has, with a button that goes on from its last good state."""
    view = run.view()
    # One container, box or none: elements below must keep their place in the page.
    with st.container(key="failure"):
        if view.phase is not Phase.FAILED:
            return
        diverged = "diverged" in view.message
        st.error(view.message + DIVERGED * diverged, icon=":material/error:")
        if view.header is None or run.state is None:
            return
        if not diverged:
            _go_on_button(f"Try again from step {whole(view.header.step)}", None)
            return
        rate = _rate_to_go_on(run.id, view)
        again = view.header.step == 0
        start = "Start again" if again else f"Go on from step {whole(view.header.step)}"
        _go_on_button(f"{start} with learning rate {number(rate)}", rate)


def _go_on_button(label: str, rate: float | None) -> None:
    st.button(
        label,
        key="go_on",
        type="primary",
        icon=":material/healing:",
        help="Train on from the weights that are shown."
        + " The learning rate is in the settings, under Training." * (rate is not None),
        on_click=_go_on,
        args=(rate,),
    )


def _rate_to_go_on(run: str, view: RunView) -> float:
    """Return a lower learning rate than the one that failed: the one set since, or a tenth."""
    failed: dict[str, float] = st.session_state.setdefault(_FAILED, {})
    now = view.hot.learning_rate
    rate = failed.setdefault(f"{run} {view.version}", now)
    if now != rate or locked("learning_rate"):
        return now
    low, _ = bounds("learning_rate")
    return max(float(low), float(f"{rate / LOWERED:.1g}"))


def _go_on(rate: float | None) -> None:
    if rate is not None:
        st.session_state["learning_rate"] = rate
    runs.train(typed_config())
