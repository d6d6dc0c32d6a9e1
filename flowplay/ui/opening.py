"""How a page that shows a run begins: its config, what was refused of it, and its run."""

from __future__ import annotations

import streamlit as st

from flowplay.config import RunConfig
from flowplay.engine import Phase, Run
from flowplay.numbers import whole
from flowplay.ui import runs
from flowplay.ui.example import TOLD
from flowplay.ui.naming import learned_from
from flowplay.ui.own_data import lacks_data, missing_data
from flowplay.ui.recall import about_named_run, recall, recall_notes
from flowplay.ui.settings import (
    changed_by_widget,
    read_widgets,
    refusals,
    set_widgets,
    write_address,
)
from flowplay.ui.terms import plain

#: Seconds for which a page waits for a run's first picture before it draws anything. A browser
#: draws a page that comes at once much sooner than one that comes in pieces.
FIRST_PICTURE = 0.6


def opened_run(*, autostart: bool) -> tuple[RunConfig, Run]:
    """Read the config and return it with its run, if possible with a picture.

    Args:
        autostart: whether the run is to begin by itself.
    """
    before = runs.shown_run()
    trained = before is not None and before.view().phase in runs.ACTIVE
    config = recall(read_widgets())
    if lacks_data(config):
        # The page stops there, and its address has been read: what is chosen there must count.
        write_address(config, about_named_run() or {})
        missing_data(config)
    run = runs.current_run(config)
    # What trained goes on training with the new settings.
    goes_on = trained and run is not before and changed_by_widget() and _can_train(run)
    if autostart or goes_on:
        runs.train(config, once_resumed=autostart)
        # An example that is started is another run.
        run = runs.current_run(config)
    write_address(config, about_named_run() or runs.about(run))
    # Pause is answered at once, whatever the run waits for.
    if run.view().phase is not Phase.PAUSED:
        run.wait_for_picture(FIRST_PICTURE)
    return config, run


def _can_train(run: Run) -> bool:
    return run.view().phase not in (Phase.FAILED, Phase.FINISHED) or runs.is_example(run)


def opening_notes(config: RunConfig) -> None:
    """Say what was refused of the config, which run was let go, and which could not be opened."""
    # One container for any number of sentences: elements below must keep their place in the page.
    with st.container():
        for sentence in refusals():
            st.warning(sentence, icon=":material/block:")
        if note := runs.let_go_note():
            st.info(note, icon=":material/history:")
        recall_notes(config)


def example_note(run: Run, *, is_told: bool = False) -> bool:
    """Say what run is shown, if it is the example or a copy of another's; return whether it is.

    Args:
        run: that is shown.
        is_told: whether the page says in another place that it is the example.
    """
    with st.container(key="example_note"):
        if (step := runs.changed_at(run)) is not None:
            st.caption(
                f":material/brush: The data were changed at step {whole(step)}. The flow went on "
                "from the weights that it had. The curves before that step are of other data, "
                "which have another floor."
            )
        if (title := runs.copied_from(run)) is not None:
            name = f", “{plain(title)}”," if title else ""
            st.caption(
                f":material/content_copy: A copy of a run{name} that was shared. What you "
                "train from here is your own run; the shared one stays as it is."
            )
            return True
        if runs.is_example(run):
            if not is_told:
                # Where the page is presented this goes; the way back and what is a copy stay.
                with st.container(key="example_told"):
                    st.caption(TOLD)
            return True
        if (before := runs.run_before()) is not None:
            header = before.view().header
            step = 0 if header is None else header.step
            told = f"{plain(learned_from(before.config))}, {before.config.entry.label}"
            st.button(
                f"Back to the run before: {told}, step {whole(step)}",
                key="run_before",
                type="tertiary",
                icon=":material/undo:",
                help="The run that was shown before the settings changed is kept as it was.",
                on_click=_return_to,
                args=(before,),
            )
    return False


def _return_to(run: Run) -> None:
    set_widgets(run.config)
