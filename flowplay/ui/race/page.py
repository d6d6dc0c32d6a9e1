"""The page Race, from top to bottom."""

from __future__ import annotations

from html import escape

import streamlit as st

from flowplay.engine import Run
from flowplay.figures.colors import RACERS
from flowplay.numbers import fixed, whole
from flowplay.race import Race, Standing
from flowplay.ui import runs
from flowplay.ui.board import follow_all
from flowplay.ui.follow import follow
from flowplay.ui.live import POLL_SHARE
from flowplay.ui.opening import FIRST_PICTURE
from flowplay.ui.own_data import require_data
from flowplay.ui.picture_views import show_model, show_problem
from flowplay.ui.race.controls import buttons, editor, lineup, setup
from flowplay.ui.race.opening import opened_race, race_runs, racing, refusals, write_race
from flowplay.ui.race.results import (
    curves_of,
    measure,
    show_loss,
    show_summary,
    show_table,
    standings_of,
)
from flowplay.ui.shell import engine, show_engine_status
from flowplay.ui.teaching import class_task
from flowplay.ui.terms import prose
from flowplay.ui.waiting import waiting_for
from flowplay.wire import Snapshot

#: Cells of the target's picture.
_CELLS = 96

#: Seconds between two looks at what is measured while the race rests, and at least between two at
#: a race that trains: each picture is seen, and the workers keep the cores.
_POLL, _SHORTEST_POLL = 0.5, 0.25


def race_page() -> None:
    """Show the session's race, and follow it for as long as it trains."""
    race, autostart = opened_race()
    require_data(race.base)
    write_race(race)
    shown = race_runs(race)
    if autostart:
        begins = racing(race, shown)
        if runs.may_train():
            runs.let_train(begins)
        else:
            runs.pause_with_class(begins)
    shown[0].wait_for_picture(FIRST_PICTURE)
    st.title("Race: which model is better, and what does it cost?", anchor=False)
    prose(
        "Two to four models learn the same target at once, from the same batches where "
        "their seeds are the same. Each gets the same time on the workers, not the same number of "
        "steps. All pictures have one colour scale."
    )
    show_engine_status()
    with st.container():
        for sentence in refusals():
            st.warning(sentence, icon=":material/block:")
    setup(race)
    class_task(*shown)
    buttons(race, shown)
    lineup(race)
    editor()
    poll = max(_SHORTEST_POLL, POLL_SHARE * engine().snapshot_interval)
    follow_all(shown, lambda: _draw(race, shown), poll)
    resting = not any(run.view().pending for run in shown)
    if resting:
        _measured(race, shown)


def _draw(race: Race, shown: list[Run]) -> None:
    """Draw what moves: pictures, loss and table."""
    snapshots = _snapshots(shown)
    standings = standings_of(race, shown, snapshots)
    _pictures(race, shown, snapshots, standings)
    show_loss(race, curves_of(standings, shown, snapshots), standings)
    show_table(race, standings)


def _measured(race: Race, shown: list[Run]) -> None:
    """Show the result of the race, and measure what the models cost while none trains."""
    waiting = measure(shown)
    with st.container(key="race_measured"):
        if waiting:
            st.caption(
                "Measuring how near samples are to data, and the times of 10,000 samples and "
                "densities…"
            )
        show_summary(race, shown, _snapshots(shown), measured=not waiting)

    def look() -> None:
        if waiting and not measure(shown):
            # The table above has the times now.
            st.rerun()

    follow(look, _POLL if waiting else None)


def _snapshots(shown: list[Run]) -> list[Snapshot | None]:
    data = [run.view().snapshot for run in shown]
    return [None if snapshot is None else Snapshot.from_bytes(snapshot) for snapshot in data]


def _pictures(
    race: Race, shown: list[Run], snapshots: list[Snapshot | None], standings: list[Standing]
) -> None:
    with st.container(key="race_pictures"):
        target, *places = st.columns(1 + len(shown))
        with target:
            problem = race.base.problem()
            st.markdown("**Target**")
            show_problem(problem, key=f"race_target_{hash(problem)}", cells=_CELLS)
        for at, place in enumerate(places):
            with place:
                _picture(at, shown[at], snapshots[at], standings[at])


def _picture(at: int, run: Run, snapshot: Snapshot | None, standing: Standing) -> None:
    st.html(
        f'<strong><span style="color:{RACERS[at][0]}" aria-hidden="true">●</span> '
        f"{escape(standing.label)}</strong>"
    )
    if snapshot is None:
        view = run.view()
        waiting = waiting_for(view, run.config, engine().status.workers)
        st.caption(view.message or waiting or "Waiting for a worker…")
        return
    show_model(snapshot, run=run.id[:6], samples=False, key=f"race_picture_{at}_{run.id}")
    gap = "" if standing.gap is None else f" · gap {fixed(standing.gap)}"
    told = f" · {standing.message}" if standing.message else ""
    st.caption(f"Step {whole(snapshot.header.step)}{gap}{told}")
