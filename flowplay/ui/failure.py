"""What a page shows of a run that has failed: why, and how to go on."""

from __future__ import annotations

import streamlit as st

from flowplay.engine import Phase, Run
from flowplay.ui import runs
from flowplay.ui.settings import typed_config


def failure_box(run: Run) -> None:
    """Say why a run has failed, if it has, with a button that goes on from its last good state."""
    view = run.view()
    # One container, box or none: elements below must keep their place in the page.
    with st.container(key="failure"):
        if view.phase is not Phase.FAILED:
            return
        st.error(view.message, icon=":material/error:")
        if view.header is None or run.state is None:
            return
        diverged = "diverged" in view.message
        label, rate = ("Go on", " with this learning rate") if diverged else ("Try again", "")
        st.button(
            f"{label} from step {view.header.step:,}{rate}",
            key="go_on",
            type="primary",
            icon=":material/healing:",
            help="Train on from the last good weights.",
            on_click=_go_on,
        )
        if not diverged:
            return
        st.caption(
            f"The learning rate is {view.hot.learning_rate:g} now. It can be changed in the "
            "Playground's settings, under Training."
        )


def _go_on() -> None:
    runs.train(typed_config())
