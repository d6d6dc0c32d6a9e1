"""A class on a student's page: the task, and what the teacher pauses."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import streamlit as st

from flowplay.engine import Run
from flowplay.store import StoreError
from flowplay.store.classes import Class, ClassPlan
from flowplay.ui import runs
from flowplay.ui.browser import browser
from flowplay.ui.follow import follow
from flowplay.ui.joining import classes, goal_line
from flowplay.ui.settings import CLASS, CLASS_PAUSED, CLASS_RESUMES, RUN, rules_now
from flowplay.ui.terms import plain
from flowplay.ui.tiles import figures
from flowplay.wire import Snapshot

#: Seconds between two looks at whether the teacher has paused or ended the class. Thirty students
#: make ten of them a second, which the web process has to draw beside the pictures.
_POLL = 3.0

#: For so many seconds a class that was read is taken to be unchanged; all students share it.
_FRESH = 1.0

_NOTED = "_class_noted"

_read: dict[str, tuple[float, Class | None]] = {}
_read_lock = threading.Lock()


def class_banner(shown: Sequence[Run]) -> None:
    """Show the task on a student's page, and do what the teacher wants: pause, resume, end.

    Args:
        shown: the run of the page, which the teacher sees too, or several at once.
    """
    id_ = rules_now().about.get(CLASS)
    if id_ is None:
        return

    def look() -> None:
        with st.container(border=True, key="class_banner"):
            try:
                found = recent(id_)
            except StoreError as error:
                st.caption(plain(str(error)))
                return
            if found is None:
                st.info("Your teacher has ended this class.", icon=":material/school:")
                _obey(shown, paused=True)
                return
            _tell(found.plan)
            if len(shown) == 1:
                _note(found.plan, shown[0], id_)
            _obey(shown, paused=found.paused)
            if found.paused:
                st.caption(":material/pause_circle: Your teacher has paused the class.")

    follow(look, _POLL)


def recent(id_: str) -> Class | None:
    """Return a class as it was a second ago at most: thirty students ask for the same one.

    Raises:
        StoreError: if the store does not answer.
    """
    now = time.monotonic()
    with _read_lock:
        at, found = _read.get(id_, (-_FRESH, None))
        if now - at < _FRESH:
            return found
    found = classes().get(id_)
    with _read_lock:
        for old in [key for key, (at, _) in _read.items() if now - at > 60]:
            del _read[old]
        _read[id_] = (now, found)
    return found


def forget_class(id_: str) -> None:
    """Read a class anew at the next look: it was changed here."""
    with _read_lock:
        _read.pop(id_, None)


def _tell(plan: ClassPlan) -> None:
    title = plain(plan.title) or "Class"
    st.markdown(f"**{title}** {plain(plan.task)}".strip())


def _note(plan: ClassPlan, run: Run, id_: str) -> None:
    """Say how far the goal is, and let the wall show the run."""
    view = run.view()
    gap = nll = None
    if view.snapshot is not None:
        gap, nll = figures(Snapshot.from_bytes(view.snapshot), run.config)
    header = view.header
    step = 0 if header is None else header.step
    # The bundled example is nobody's.
    reached = plan.reached(gap, nll) and step > 0 and not runs.is_example(run)
    if goal := goal_line(plan):
        done = " :green[:material/check_circle: Reached.]" if reached else ""
        st.caption(goal + done)
    about = runs.about(run).get(RUN, "")
    noted = (about, reached)
    if about and st.session_state.get(_NOTED) != noted:
        goal_at = (step, header.seconds) if reached and header is not None else None
        try:
            classes().note(id_, browser(), run=about, goal=goal_at)
        except StoreError:
            return  # The next look notes it.
        st.session_state[_NOTED] = noted


def _obey(shown: Sequence[Run], *, paused: bool) -> None:
    """Pause runs with the class; resume with the class those that were paused so."""
    if paused:
        runs.pause_with_class([run for run in shown if run.view().phase in runs.ACTIVE])
        return
    was_paused = st.session_state.pop(CLASS_PAUSED, False)
    stopped: tuple[str, ...] = st.session_state.pop(CLASS_RESUMES, ())
    back = [run for run in shown if run.id in stopped]
    for run in back:
        run.play()
    # Runs of other pages go on when these are opened.
    if others := tuple(id_ for id_ in stopped if id_ not in {run.id for run in back}):
        st.session_state[CLASS_RESUMES] = others
    if was_paused or back:
        st.rerun()
