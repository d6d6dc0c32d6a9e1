"""Parts of a page that look again by themselves, every so many seconds."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import streamlit as st


def follow(look: Callable[[], None], every: float | None) -> None:
    """Run `look` as a fragment: now and, if `every` is given, again every so many seconds.

    With a timer, the fragment gets an id of its own in each run of the page. A busy server that
    hears a timer of the page's last run just when the next run has ended would start another script
    runner, ignore what the one before has still to send, and with it the new timers: the page would
    stand still. It passes over timers of fragments that it does not know; but also over what was
    clicked in them, so that controls that must be heard stand outside.

    Args:
        look: draws the fragment; a function made in this run of the page.
        every: seconds between two looks; None for no more after the first.
    """
    if every is not None:
        look.__qualname__ += f".{uuid.uuid4().hex}"
    st.fragment(look, run_every=every)()
