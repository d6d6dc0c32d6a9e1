"""How a page that shows a run begins: its config, what was refused of it, and its run."""

from __future__ import annotations

import streamlit as st

from flowplay.config import RunConfig
from flowplay.engine import Run
from flowplay.ui import runs
from flowplay.ui.recall import about_named_run, recall, recall_notes
from flowplay.ui.settings import read_widgets, refusals, write_address
from flowplay.ui.terms import plain

#: Seconds for which a page waits for a run's first picture before it draws anything. A browser
#: draws a page that comes at once much sooner than one that comes in pieces.
FIRST_PICTURE = 0.6


def opened_run(*, autostart: bool) -> tuple[RunConfig, Run]:
    """Read the config and return it with its run, if possible with a picture.

    Args:
        autostart: whether the run is to begin by itself.
    """
    config = recall(read_widgets())
    run = runs.current_run(config)
    if autostart:
        runs.train(config)
        # An example that is started is another run.
        run = runs.current_run(config)
    write_address(config, about_named_run() or runs.about(run))
    run.wait_for_picture(FIRST_PICTURE)
    return config, run


def opening_notes(config: RunConfig) -> None:
    """Say what was refused of the config, which run was let go, and which could not be opened."""
    # One container for any number of sentences: elements below must keep their place in the page.
    with st.container():
        for sentence in refusals():
            st.warning(sentence, icon=":material/block:")
        if note := runs.let_go_note():
            st.info(note, icon=":material/history:")
        recall_notes(config)


def example_note(run: Run) -> bool:
    """Say that somebody else has trained a run, if it is so: return whether it is."""
    if (title := runs.copied_from(run)) is not None:
        name = f", “{plain(title)}”," if title else ""
        st.caption(
            f":material/content_copy: A copy of a run{name} that was shared. What you "
            "train from here is your own run; the shared one stays as it is."
        )
        return True
    if runs.is_example(run):
        st.caption(
            ":material/school: Example: a run of these settings, trained earlier. Train starts a "
            "new run."
        )
        return True
    return False
