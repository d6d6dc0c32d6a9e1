"""Parts of a page that run again by themselves, every so many seconds."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from flowplay.engine import Run

#: Seconds after which a click ends a wait.
_GLANCE = 0.1

#: A key that is read for the reading alone.
_ANY = "any"


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


def wait_for_news(run: Run, version: int, seconds: float) -> None:
    """Wait until a run has another picture than that of a version, for at most so many seconds.

    A fragment with a timer that ends with this is run again when there is a picture, not when the
    timer would be, and seldom draws the same twice. It cannot begin with it: what its last run has
    not sent yet is dropped when the next one starts. A click ends the wait, also one in another
    fragment; the timers of others do not, or there would be nobody to show the picture that comes.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not _clicked_elsewhere():
        if run.wait_for_news(version, min(left, _GLANCE)):
            return
        # Streamlit ends a script for which a click waits wherever it reads the session state.
        st.session_state.get(_ANY)


def _clicked_elsewhere() -> bool:
    """Tell whether another fragment is to run after this one, and not because of its timer alone.

    Streamlit runs the fragments of a page one after the other, and tells nobody which are due. With
    a version of it that keeps them elsewhere, they would run when the wait has ended.
    """
    context = get_script_run_ctx(suppress_warning=True)
    # What was asked last: it began this run, or waits for its end.
    asked = getattr(getattr(context, "script_requests", None), "_rerun_data", None)
    # A click that a timer follows at once looks like the timer: it waits for the picture, too.
    if getattr(asked, "is_auto_rerun", True):
        return False
    here = getattr(context, "fragment_ids_this_run", None) or ()
    return len({*here, *getattr(asked, "fragment_id_queue", ())}) > 1
