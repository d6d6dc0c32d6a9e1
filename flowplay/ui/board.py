"""A board: several runs at once, each target's density beside what its models have learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from flowplay.config import RunConfig
from flowplay.engine import Phase, Run
from flowplay.numbers import fixed, whole
from flowplay.ui import runs
from flowplay.ui.follow import follow
from flowplay.ui.picture_views import draw_density, show_problem
from flowplay.ui.shell import engine, page_link, show_engine_status
from flowplay.ui.teaching import class_task
from flowplay.ui.terms import prose
from flowplay.ui.waiting import waiting_for
from flowplay.wire import DensityPicture, Snapshot

#: Seconds between two looks at runs that train.
_POLL = 0.5

#: Cells of a target's picture.
_CELLS = 96


@dataclass(frozen=True)
class Row:
    """A target, and the runs that learn it, each under the heading of its column."""

    title: str
    configs: tuple[RunConfig, ...]


@dataclass(frozen=True)
class Board:
    """Runs to be looked at together.

    Attributes:
        name: as in a link.
        title: of the board.
        text: what to look at, Markdown.
        columns: headings of the runs.
        rows: the targets.
    """

    name: str
    title: str
    text: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def configs(self) -> list[RunConfig]:
        """All runs, row by row."""
        return [config for row in self.rows for config in row.configs]


def show_board(board: Board) -> None:
    """Show a board, and follow its runs for as long as one has pictures to come."""
    prose(board.text)
    configs = board.configs
    shown = runs.board_runs(configs)
    show_engine_status()
    class_task(*shown)
    _buttons(board, shown)
    follow_all(shown, lambda: _show(board, shown), max(_POLL, engine().snapshot_interval))


def follow_all(shown: Sequence[Run], draw: Callable[[], None], every: float) -> None:
    """Draw runs, and again every so many seconds for as long as one has pictures to come.

    Args:
        shown: the runs.
        draw: draws them, without controls: those of a fragment with a timer lose clicks.
        every: seconds between two looks.
    """
    drawn = [run.view() for run in shown]
    pending = any(view.pending for view in drawn)

    def look() -> None:
        draw()
        views = [run.view() for run in shown]
        if pending and (
            [view.phase for view in views] != [view.phase for view in drawn]
            or not any(view.pending for view in views)
        ):
            st.rerun()

    follow(look, every if pending else None)


def _buttons(board: Board, shown: Sequence[Run]) -> None:
    phases = [run.view().phase for run in shown]
    active = any(phase in runs.ACTIVE for phase in phases)
    over = all(phase is Phase.FINISHED for phase in phases)
    with st.container(horizontal=True, key="board"):
        st.button(
            "Train all",
            key="board_play",
            type="primary",
            icon=":material/play_arrow:",
            disabled=active or over,
            help="Train every run of the board on the server, in turns, until its budget is used.",
            on_click=runs.let_train,
            args=(shown,),
        )
        st.button(
            "Pause all",
            key="board_pause",
            icon=":material/pause:",
            disabled=not active,
            help="Stop every run; Train all goes on from there.",
            on_click=_pause,
            args=(shown,),
        )
        st.button(
            "Reset all",
            key="board_reset",
            icon=":material/restart_alt:",
            help="Return to untrained models.",
            on_click=runs.board_start_over,
            args=(shown,),
        )


def _pause(shown: Sequence[Run]) -> None:
    for run in shown:
        run.pause()


def _show(board: Board, shown: Sequence[Run]) -> None:
    at = iter(shown)
    for number, row in enumerate(board.rows):
        problem = row.configs[0].problem()
        with st.container(key=f"board_{board.name}_{number}"):
            places = st.columns(1 + len(board.columns))
            with places[0]:
                st.markdown(f"**{row.title}**: exact")
                show_problem(problem, key=f"board_{board.name}_{number}_target", cells=_CELLS)
            for place, heading in zip(places[1:], board.columns, strict=True):
                run = next(at)
                with place:
                    st.markdown(f"**{heading}**")
                    _show_run(run, key=f"board_{run.id}")


def _show_run(run: Run, key: str) -> None:
    view = run.view()
    snapshot = None if view.snapshot is None else Snapshot.from_bytes(view.snapshot)
    picture = None if snapshot is None else snapshot.picture(DensityPicture)
    if snapshot is None or picture is None:
        waiting = waiting_for(view, run.config, engine().status.workers)
        st.caption(view.message or waiting or "Waiting for a worker…")
        return
    told = {m.label: m.value for m in snapshot.measurements.values()}
    both = ", ".join(f"{n} {fixed(told[n])}" for n in ("KL(q‖p)", "KL(p‖q)") if n in told)
    frame = f"{run.id[:6]}-{snapshot.header.step}"
    draw_density(picture, snapshot, samples=False, frame=frame, key=key)
    ess = told.get("effective sample size")
    st.caption(
        f"Step {whole(snapshot.header.step)} · {both} nats"
        + ("" if ess is None else f" · ESS {ess:.0%}")
        + (f" · {view.message}" if view.message else "")
    )
    page_link(
        "pages/playground.py",
        run.config,
        label="Open its settings",
        icon=":material/open_in_new:",
        help="Opens the Playground with these settings, untrained.",
    )
