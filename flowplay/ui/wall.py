"""The teacher's page: the classes of a browser, and the wall of one of them."""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import Any

import segno
import streamlit as st

from flowplay.config import RunConfig
from flowplay.engine import Phase
from flowplay.numbers import number, whole
from flowplay.store import StoreError
from flowplay.store.classes import Class, Student
from flowplay.store.keeper import Keeper
from flowplay.ui.addresses import page_address, server_address
from flowplay.ui.browser import browser
from flowplay.ui.classroom import forget_class
from flowplay.ui.components.wall_view import wall_view
from flowplay.ui.downloads import download_button
from flowplay.ui.follow import follow
from flowplay.ui.joining import classes, goal_line, student_config
from flowplay.ui.keeping import keeper
from flowplay.ui.settings import RUN
from flowplay.ui.terms import plain
from flowplay.ui.tiles import Tile, tile

#: Of the results as CSV. `unit` and `kind` (exact, bound, estimate) are those of gap and NLL.
COLUMNS = (
    *("name", "family", "target", "depth", "seed", "steps", "seconds"),
    *("gap", "nll", "unit", "kind", "goal_step", "goal_seconds", "note"),
)

#: Names in the address of this page: the teacher's key, or a class that was made in this browser.
KEY, WALL = "key", "wall"

#: Seconds between two looks at all runs.
_POLL = 1.0

_NO_CLASS = "There is no such class here. It may have been ended, or the key is not complete."


def teacher_page() -> None:
    """Show the wall of the class that the address names, or this browser's classes."""
    key, id_ = st.query_params.get(KEY), st.query_params.get(WALL)
    try:
        found = classes().of_key(key[:64]) if key else None
        mine = classes().of_owner(browser())
        if found is None and id_ is not None and any(each.id == id_ for each in mine):
            found = classes().get(id_)
    except StoreError as error:
        st.warning(str(error), icon=":material/cloud_off:")
        return
    if found is None:
        if key or id_:
            st.warning(_NO_CLASS, icon=":material/link_off:")
        _list(mine)
        return
    _wall(found)


def join_address(id_: str) -> str:
    """Return the link by which students join a class."""
    return f"{server_address()}/join/{id_}"


def qr_code(text: str, label: str, scale: float = 5) -> str:
    """Return a QR code as an image, dark on white, so that phones read it in a dark page too.

    Streamlit takes inline SVG out of what `st.html` shows.
    """
    code = segno.make(text, error="m")
    image = code.svg_data_uri(scale=scale, border=2, light="white", dark="black")
    return f'<img src="{image}" alt="{label}" style="max-width:100%">'


def _list(mine: list[Class]) -> None:
    st.title("Classes", anchor=False)
    if not mine:
        st.markdown(
            "A class gives all its students the same configuration, a task and a goal. You see "
            "what each of them learns, live. Choose a configuration in the Playground and press "
            "**Teach with this**."
        )
        st.page_link("pages/playground.py", label="Open the Playground", icon=":material/tune:")
        return
    st.caption("Classes that were made in this browser.")
    for each in mine:
        title = plain(each.plan.title) or "Class"
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{title}** {plain(each.plan.task)}")
            st.page_link(
                "pages/classroom.py",
                label="Open the wall",
                icon=":material/grid_view:",
                query_params={WALL: each.id},
                help="See what every student learns.",
            )


def _wall(found: Class) -> None:
    plan = found.plan
    st.title(plain(plan.title) or "Class", anchor=False)
    told = [plain(plan.task), goal_line(plan)]
    if any(told):
        st.markdown(" ".join(told))
    _controls(found)
    link = join_address(found.id)
    with st.expander("How students join", icon=":material/qr_code_2:", expanded=_is_new(found)):
        left, right = st.columns([1, 2], vertical_alignment="center")
        left.html(qr_code(link, "QR code of the link by which students join"))
        with right:
            st.markdown("Students open this link, or point the camera of a phone at the code:")
            st.code(link, language=None, wrap_lines=True)

    def look() -> None:
        try:
            students = classes().students(found.id)
        except StoreError as error:
            st.warning(str(error), icon=":material/cloud_off:")
            return
        shown = [_told(found, student) for student in students]
        if not shown:
            st.info("Nobody has joined yet.", icon=":material/hourglass:")
        wall_view(shown, key="wall_view")

    follow(look, _POLL)


def _is_new(found: Class) -> bool:
    try:
        return not classes().students(found.id)
    except StoreError:
        return False  # The wall below says so.


def _controls(found: Class) -> None:
    with st.container(horizontal=True, key="class_controls", vertical_alignment="center"):
        if found.paused:
            st.button(
                "Resume all",
                key="class_resume",
                type="primary",
                icon=":material/play_arrow:",
                help="Runs that were paused with the class go on.",
                on_click=_pause,
                args=(found, False),
            )
        else:
            st.button(
                "Pause all",
                key="class_pause",
                icon=":material/pause:",
                help="Nobody in the class trains until you resume.",
                on_click=_pause,
                args=(found, True),
            )
        download_button(
            "Results (CSV)",
            partial(results_csv, found),
            "results.csv",
            "text/csv",
            key="class_csv",
            icon=":material/download:",
            help="Name, family, target, seed, steps, gap, NLL and goal of every student.",
        )
        with st.popover("End the class", icon=":material/logout:"):
            st.markdown("End the class? It is deleted, with the runs of its students.")
            st.button(
                "End the class",
                key="class_end",
                type="primary",
                help="Delete the class for good.",
                on_click=_end,
                args=(found,),
            )


def _pause(found: Class, paused: bool) -> None:
    try:
        classes().pause(found.id, paused=paused)
        forget_class(found.id)
    except StoreError as error:
        st.toast(str(error))


def _end(found: Class) -> None:
    kept = keeper()
    try:
        for student in classes().students(found.id):
            if kept is not None and student.run:
                kept.delete(student.run, student.browser)
        classes().end(found.id)
        forget_class(found.id)
    except StoreError as error:
        st.toast(str(error))
        return
    st.query_params.clear()


def _run_of(kept: Keeper, student: Student) -> tuple[RunConfig, bytes | None, bool] | None:
    """Return config, snapshot and whether it trains of the run of a student, None without one."""
    if not student.run:
        return None
    run = kept.live(student.run, student.browser)
    if run is not None:
        view = run.view()
        return run.config, view.snapshot, view.phase is Phase.TRAINING
    stored = kept.runs.picture(student.run)
    return None if stored is None else (stored.config, stored.snapshot, stored.training)


def _shown(found: Class, student: Student) -> tuple[RunConfig, Tile | None, bool]:
    """Return config, picture and whether it trains of what a student has.

    Raises:
        StoreError: if the store does not answer, or another version of flowplay wrote the run.
    """
    kept = keeper()
    read = None if kept is None else _run_of(kept, student)
    if read is None:
        return student_config(found.plan, student.number), None, False
    config, snapshot, training = read
    try:
        picture = None if snapshot is None else tile(snapshot, config.model_dump_json())
    except ValueError:
        picture = None
    return config, picture, training


def _told(found: Class, student: Student) -> dict[str, Any]:
    facts = "not started"
    try:
        config, picture, training = _shown(found, student)
    except StoreError as error:
        # The tiles of all others are none the worse for it.
        config, picture, training = student_config(found.plan, student.number), None, False
        facts = str(error)
    if picture is not None:
        facts = " · ".join([f"step {whole(picture.step)}", *_judged(picture)])
    inside = page_address("layers", **{RUN: student.run}) if picture is not None else ""
    return {
        "id": student.id,
        "name": student.name,
        "family": f"{config.entry.label}, {config.problem().label}",
        "facts": facts,
        "gap": None if picture is None else picture.gap,
        "time": student.goal_seconds,
        "reached": student.goal_step is not None,
        "active": training,
        "inside": inside,
        "frame": "" if picture is None else f"{student.run[:6]}-{picture.step}-{len(picture.code)}",
        "code": "" if picture is None else picture.code,
    }


def _judged(picture: Tile) -> list[str]:
    """Say how good a run is: by its gap where it has one."""
    bound = " (bound)" if picture.kind == "bound" else ""
    if picture.gap is not None:
        return [f"gap {number(picture.gap, 3)}{bound}"]
    if picture.nll is None:
        return []
    label = "NLL" if picture.unit == "nats" else picture.unit
    return [f"{label} {number(picture.nll, 3)}{bound}"]


def results_csv(found: Class) -> str:
    """Return what every student has reached, as CSV; the last column says what cannot be read."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    try:
        students = classes().students(found.id)
    except StoreError as error:
        writer.writerow([*[""] * (len(COLUMNS) - 1), str(error)])
        return out.getvalue()
    for student in students:
        note = ""
        try:
            config, picture, _ = _shown(found, student)
        except StoreError as error:
            config, picture, note = student_config(found.plan, student.number), None, str(error)
        figures = ("",) * 6 if picture is None else picture[:6]
        writer.writerow(
            [
                harmless(student.name),
                config.architecture,
                config.target,
                config.depth,
                config.seed,
                *("" if value is None else value for value in figures),
                "" if student.goal_step is None else student.goal_step,
                "" if student.goal_seconds is None else student.goal_seconds,
                note,
            ]
        )
    return out.getvalue()


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    Example:
        >>> harmless("=1+1"), harmless("Ana")
        ("'=1+1", 'Ana')
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
