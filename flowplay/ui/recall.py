"""The run that an address names: it is opened from the store, or the page says why it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from flowplay.config import RunConfig
from flowplay.store import StoreError, is_id
from flowplay.ui import runs
from flowplay.ui.browser import browser
from flowplay.ui.follow import follow
from flowplay.ui.keeping import keeper
from flowplay.ui.settings import (
    fixed_hot,
    forget_named_run,
    identity,
    named_run,
    read_widgets,
    rules_now,
    set_widgets,
)
from flowplay.ui.shell import engine

if TYPE_CHECKING:
    from flowplay.store.keeper import Keeper, Opened

#: Seconds between two looks at a store that does not answer.
_POLL = 1.0

_NOTE = "_recall_note"

_UNKNOWN = "The run that this address names is not kept here. A new one is shown."
_OTHER_SETTINGS = (
    "This address names a run, but has other settings than that run. A new run of the settings in "
    "the address is shown."
)
_LOCKED = (
    "The run that this address names has settings that this link does not allow. A new one is "
    "shown."
)


def recall(config: RunConfig) -> RunConfig:
    """Open the run that the address names, if one is still to be opened, as the session's run.

    Args:
        config: what the page would show without it.

    Returns:
        What the page shows.
    """
    named = named_run()
    if named is None:
        return config
    kept, note = keeper(), ""
    try:
        if (
            kept is None
            or not is_id(named.id)
            or (found := kept.config(named.id, browser())) is None
        ):
            note = _UNKNOWN
        elif named.has_settings and identity(config) != identity(found):
            note = _OTHER_SETTINGS
        elif not _allowed(found):
            note = _LOCKED
        elif (opened := _open(kept, named.id)) is not None:
            if not named.has_settings:
                set_widgets(found)
                config = read_widgets()
            runs.adopt(opened, config, named.id)
    except StoreError as error:
        if kept is not None and kept.message:
            # It stays named: `recall_notes` waits for the store.
            return config
        note = f"{error} A new one is shown."
    forget_named_run()
    st.session_state[_NOTE] = (note, identity(config))
    return config


def about_named_run() -> dict[str, str] | None:
    """Return what the address says of the run that is still to be opened, None if there is none."""
    named = named_run()
    return None if named is None else {named.name: named.id}


def recall_notes(config: RunConfig) -> None:
    """Say why the run that the address names is not shown; wait for a store that is away."""
    kept = keeper()
    if named_run() is not None and kept is not None:
        wait_for_store("The run that this address names is shown as soon as it does.")
    note, key = st.session_state.get(_NOTE, ("", ""))
    if note and key == identity(config):
        st.info(note, icon=":material/history:")


def wait_for_store(what: str) -> None:
    """Say that the store does not answer, and run the page again when it does.

    Args:
        what: a sentence that says what comes then.
    """

    def look() -> None:
        kept = keeper()
        if kept is not None and kept.message:
            st.warning(f"{kept.message} {what}", icon=":material/cloud_off:")
        else:
            st.rerun()

    follow(look, _POLL)


def _open(kept: Keeper, id_: str) -> Opened | None:
    return kept.open(id_, browser(), engine().open_run, fixed_hot())


def _allowed(config: RunConfig) -> bool:
    """Tell whether a config has the values that this session's rules fix."""
    allowed, _ = RunConfig.repair(config.to_flat(), rules_now().fixed)
    return identity(allowed) == identity(config)
