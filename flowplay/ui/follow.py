"""Parts of a page that run again by themselves, every so many seconds."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import streamlit as st


def follow(look: Callable[[], None], every: float | None) -> None:
    """Run `look` as a fragment: now and, if `every` is given, again every so many seconds.

    With a timer, the fragment gets a new id in each run of the page. Otherwise a busy server that
    receives a timer event of the page's last run just when the next run has ended would start
    another script runner and drop what the one before has still to send, new timers included: the
    page would not update any more. Streamlit ignores timer events of unknown fragments. It also
    ignores clicks in them, so controls whose clicks must not be lost are drawn outside.

    Args:
        look: draws the fragment; a function made in this run of the page.
        every: seconds between two looks; None for no more after the first.
    """
    if every is not None:
        look.__qualname__ += f".{uuid.uuid4().hex}"
    st.fragment(look, run_every=every)()
