"""Joining a class: its link, the form, and what its students cannot change."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from flowplay.catalog import architectures_for
from flowplay.config import RunConfig, flat_names
from flowplay.limits import limits
from flowplay.numbers import number
from flowplay.problems import PROBLEMS, ImageProblem
from flowplay.rules import Rules
from flowplay.store import StoreError, is_id
from flowplay.store.classes import NICKNAME_LENGTH, Class, Classes, ClassPlan, FullError, Student
from flowplay.ui.browser import browser
from flowplay.ui.keeping import keeper
from flowplay.ui.settings import CLASS, JOINED, note_refusal, rules_now, set_rules
from flowplay.ui.terms import plain

_FULL = "_class_full"

GONE = "There is no such class here. Its teacher may have ended it."


def classes() -> Classes:
    """Return the classes of this server.

    Raises:
        StoreError: if it keeps nothing.
    """
    kept = keeper()
    if kept is None:
        raise StoreError("This server keeps no classes.")
    allowed = limits()
    return Classes(
        kept.store,
        most=allowed.max_classes,
        per_owner=allowed.max_classes_per_browser,
        students=allowed.max_students,
    )


def enter_class() -> None:
    """Begin a page of a session that a class's link opened: join first, then the class's rules.

    It ends the page with the form by which one joins, until one has.
    """
    id_ = st.session_state.get(JOINED) or st.query_params.get(CLASS)
    if id_ is None or rules_now().about.get(CLASS) == id_:
        return
    try:
        found = classes().get(id_) if is_id(id_) else None
        student = None if found is None else classes().student(found.id, browser())
    except StoreError as error:
        st.warning(str(error), icon=":material/cloud_off:")
        st.stop()
    if found is None:
        note_refusal(GONE)
        return
    if student is None:
        _join_form(found)
        st.stop()
    set_rules(student_rules(found, student))
    st.session_state[JOINED] = found.id


def student_rules(found: Class, student: Student) -> Rules:
    """Return what a student of a class cannot change and does not see."""
    plan = found.plan
    config = student_config(plan, student.number)
    fixed = {*plan.locked, *set(plan.hidden).intersection(flat_names())}
    if own := {"seed": "seed", "family": "architecture", "target": "target"}.get(plan.differs):
        fixed.add(own)
    rules = Rules.of_config(config, sorted(fixed), plan.hidden)
    return Rules(rules.fixed, rules.hidden, {CLASS: found.id}, config.to_flat(), plan.autostart)


def student_config(plan: ClassPlan, number: int) -> RunConfig:
    """Return the config with which a student begins.

    Args:
        plan: of the class.
        number: how many had joined before.

    Example:
        >>> plan = ClassPlan(config=RunConfig(seed=3), differs="seed")
        >>> student_config(plan, 2).seed
        5
    """
    flat = plan.config.to_flat()
    if plan.differs == "seed":
        flat["seed"] = str((plan.config.seed + number) % 2**31)
    elif plan.differs == "family":
        known = architectures_for(PROBLEMS[plan.config.target].gives)
        flat["architecture"] = _after(known, plan.config.architecture, number)
    elif plan.differs == "target":
        group = PROBLEMS[plan.config.target].group
        alike = [name for name, problem in PROBLEMS.items() if problem.group == group]
        flat["target"] = _after(alike, plan.config.target, number)
    config, _ = RunConfig.repair(flat)
    return config


def goal_line(plan: ClassPlan) -> str:
    """Say what the goal is, empty if there is none."""
    if plan.goal == "none":
        return ""
    what = {"gap": "a gap", "nll": "a held-out NLL"}[plan.goal]
    images = isinstance(plan.config.problem(), ImageProblem)
    unit = "bits per dimension" if images else "nats"
    return f"Goal: {what} of at most {number(plan.goal_value, 6)} {unit}."


def _join_form(found: Class) -> None:
    title = plain(found.plan.title) or "Join the class"
    st.title(title, anchor=False)
    if found.plan.task:
        st.markdown(plain(found.plan.task))
    if goal := goal_line(found.plan):
        st.caption(goal)
    if full := st.session_state.pop(_FULL, ""):
        st.warning(full, icon=":material/group_off:")
    with st.form("join_form"):
        st.text_input(
            "Nickname",
            key="nickname",
            max_chars=NICKNAME_LENGTH,
            placeholder="Optional",
            help="Your teacher sees it beside your picture, and may show both to the class. "
            "Without one you are called by a number.",
        )
        st.form_submit_button("Join", key="join", type="primary", on_click=_join, args=(found.id,))
    st.caption("Your teacher sees what your model has learned. Nobody asks for your name.")


def _join(id_: str) -> None:
    try:
        classes().join(id_, browser(), st.session_state.get("nickname"))
    except (StoreError, FullError) as error:
        st.session_state[_FULL] = str(error)


def _after(names: Iterable[str], first: str, number: int) -> str:
    """Return the name that stands so many places behind the first, in a ring."""
    known = list(names)
    start = known.index(first) if first in known else 0
    return known[(start + number) % len(known)]
