"""The canvas of the picker: what is painted is learned by a new run, or by one that goes on."""

from __future__ import annotations

import functools
import uuid
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from flowplay.errors import MissingDataError
from flowplay.problems import (
    PROBLEMS,
    DataProblem,
    ImageProblem,
    Own,
    Painted,
    Posterior,
    make_problem,
)
from flowplay.problems.own.canvas import dots_of, on_canvas
from flowplay.problems.own.drawing import CANVAS
from flowplay.ui import runs
from flowplay.ui.bringing import keep
from flowplay.ui.components.paint_view import paint_view, read_painted
from flowplay.ui.settings import identity, locked, session_config, typed_config
from flowplay.wire.own_data import Drawing

_KEY = "paint_view"
_CANVAS = "_canvas"
_REFUSED = "_canvas_refused"


@dataclass(frozen=True)
class _Canvas:
    """What the browser was told to begin with.

    Attributes:
        load: names it.
        data: what is the target while it is on the canvas.
        start: name of the target whose dots it has; empty if it has those of `data`.
    """

    load: str
    data: str
    start: str = ""


def painting_view() -> None:
    """Show the canvas, with what is the target now, or with what was painted since."""
    now = str(st.session_state["data"])
    canvas: _Canvas | None = st.session_state.get(_CANVAS)
    if canvas is None or canvas.data != now:
        canvas = st.session_state[_CANVAS] = _Canvas(uuid.uuid4().hex, now)
    with st.expander("Paint", icon=":material/brush:", key="paint", expanded=True):
        paint_view(
            _dots(canvas),
            load=canvas.load,
            is_target=not canvas.start,
            noise=float(st.session_state["noise"]),
            starts=_starts(),
            can_update=_updatable(),
            refusal=st.session_state.pop(_REFUSED, ""),
            key=_KEY,
            on_painted=_painted,
        )


def _dots(canvas: _Canvas) -> NDArray[np.uint16]:
    if canvas.start:
        problem = make_problem(canvas.start)
        assert isinstance(problem, DataProblem), "a painting starts from points"
        return dots_of(problem)
    painted = make_problem(Painted.name, data=canvas.data)
    assert isinstance(painted, Painted), "named so"
    try:
        return on_canvas(painted.drawing)
    except (MissingDataError, ValueError):
        return np.zeros((CANVAS, CANVAS), np.uint16)


@functools.cache
def _starts() -> dict[str, str]:
    """Return what a painting can start from: problems of the plane with points, by name."""
    found = {}
    for name, kind in PROBLEMS.items():
        points = issubclass(kind, DataProblem) and not issubclass(kind, (ImageProblem, Posterior))
        if points and (problem := make_problem(name)).window is not None:
            found[name] = problem.title.capitalize() if isinstance(problem, Own) else kind.label
    return found


def _updatable() -> bool:
    """Tell whether the run that is shown has learned something painted."""
    config, run = session_config(), runs.shown_run()
    if config is None or run is None or identity(run.config) != identity(config):
        return False
    view = run.view()
    began = view.phase in runs.ACTIVE or (view.header is not None and view.header.step > 0)
    return began and run.config.target == Painted.name


def _painted() -> None:
    """Do what the browser asks for, as far as this session may."""
    try:
        sent = read_painted(st.session_state.get(_KEY), _starts())
    except ValueError as error:
        st.session_state[_REFUSED] = str(error)
        return
    canvas: _Canvas | None = st.session_state.get(_CANVAS)
    if sent is None or canvas is None or locked("data"):
        return
    if sent.act == "start":
        st.session_state[_CANVAS] = replace(canvas, load=uuid.uuid4().hex, start=sent.start)
        return
    assert sent.dots is not None, "what is learned was painted"
    total = int(sent.dots.sum(dtype=np.int64))
    title = f"Painting, {total:,} dot{'s' * (total != 1)}"
    digest = keep(Drawing(title, sent.dots).to_bytes())
    st.session_state[_CANVAS] = _Canvas(canvas.load, digest)
    goes_on = sent.act == "update" and _updatable()
    st.session_state["data"] = digest
    if goes_on:
        runs.go_on_with(typed_config())
