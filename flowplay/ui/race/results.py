"""How a race stands: its table, its loss, and the summary at its end."""

from __future__ import annotations

import json
from concurrent.futures import Future
from functools import partial
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from flowplay.engine import Phase, Run
from flowplay.figures import ReportFigure, html_report
from flowplay.figures.colors import RACERS
from flowplay.figures.race import RacerCurve, race_figure, race_range
from flowplay.numbers import fixed, whole
from flowplay.problems import Floor
from flowplay.race import (
    COLUMNS,
    Column,
    Race,
    SampleFigure,
    Standing,
    labels,
    leaders,
    shown_columns,
    standing,
)
from flowplay.race.results import results_csv, verdict
from flowplay.ui import runs
from flowplay.ui.components.curves_view import Line, curves_view
from flowplay.ui.downloads import download_button
from flowplay.ui.look import WORKER
from flowplay.ui.race.opening import trace_of
from flowplay.ui.shell import engine
from flowplay.ui.work import ask, failure
from flowplay.wire import Snapshot

_HEIGHT = 330

#: What a worker has measured of a run, by the run's id: its times, the figures of its samples,
#: and at which steps.
_MEASURED = "_race_measured"

#: Points whose times are shown.
_POINTS = 10_000

_STYLE = """<style>
.race { overflow-x: auto; }
.race table { border-collapse: collapse; width: 100%; font-size: 0.85rem; }
.race :is(td, th) { padding: 0.3rem 0.6rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid rgba(128, 136, 150, 0.28); font-variant-numeric: tabular-nums; }
.race thead th { font-weight: 400; opacity: 0.85; cursor: help; vertical-align: bottom; }
.race :is(td, th):first-child { text-align: left; white-space: normal; min-width: 8rem; }
.race .kind { opacity: 0.75; font-size: 0.78rem; }
.race .leads { font-weight: 700; }
.race .unseen { position: absolute; clip-path: inset(50%); }
</style>"""


def standings_of(
    race: Race, shown: list[Run], snapshots: list[Snapshot | None], *, measured: bool = True
) -> list[Standing]:
    """Return how the contestants stand.

    Args:
        race: the race.
        shown: its runs.
        snapshots: their newest.
        measured: with the times of samples and densities as last measured, and the figures of
            samples if they are of the step that is shown; both once those of all are there, so
            that nobody leads whose rivals are still to come.
    """
    known = [st.session_state.setdefault(_MEASURED, {}).get(run.id, {}) for run in shown]
    # Who could not start is never measured.
    started = [(each, s) for each, s in zip(known, snapshots, strict=True) if s is not None]
    timed = measured and all("timed" in each for each, _ in started)
    judged = measured and all(each.get("step") == s.header.step for each, s in started)
    found = []
    for at, (label, config, run, snapshot) in enumerate(
        zip(labels(race), race.contestants, shown, snapshots, strict=True)
    ):
        view = run.view()
        message = view.message or ("sits out" if at in race.out else "")
        found.append(
            standing(
                label,
                config,
                snapshot,
                trace_of(run),
                worker_seconds=view.worker_seconds,
                message=message,
                timing=known[at] if timed and snapshot is not None else None,
                samples=known[at]["samples"] if judged and snapshot is not None else None,
            )
        )
    return found


def measure(shown: list[Run]) -> bool:
    """Let workers time and judge the samples of runs, one at a time, where none of them trains.

    Each run is timed once when it is new, once when it has trained, and again when it has ended.
    Its samples are compared with data at every step at which it rests.

    Returns:
        Whether something is still to come.
    """
    views = [run.view() for run in shown]
    if engine().status.phase != "ready" or any(view.pending for view in views):
        return False
    measured = st.session_state.setdefault(_MEASURED, {})
    for run, view in zip(shown, views, strict=True):
        if view.header is None or view.phase is Phase.CLOSED:
            continue
        step = view.header.step
        found = dict(measured.get(run.id, {}))
        if found.get("step") == step:
            continue
        key = (run.id, step)
        ended = view.phase in (Phase.FINISHED, Phase.FAILED)
        if ended or not found.get("timed"):
            config = run.config.model_dump_json()
            timing = ask("race", key, f"{WORKER}:measure_timing", config, run.state)
            if not timing.done():
                return True
            found |= _times(_read(timing)) | {"timed": step}
        samples = ask("race_samples", key, f"{WORKER}:measure_samples", run.state) if step else None
        if samples is not None and not samples.done():
            return True
        measured[run.id] = found | {"samples": _figures(_read(samples)), "step": step}
    return False


def _read(future: Future[bytes] | None) -> dict[str, Any]:
    """Return what a worker has measured; nothing if it failed."""
    if future is None or failure(future):
        return {}
    found: dict[str, Any] = json.loads(future.result())
    return found


def _times(timing: dict[str, Any]) -> dict[str, float | None]:
    """Return the milliseconds of 10,000 samples and densities; of fewer points they are scaled."""
    names = ("sample_ms", "log_prob_ms")
    known = {name: timing.get(name) for name in names}
    return {n: None if ms is None else ms * _POINTS / timing["points"] for n, ms in known.items()}


def _figures(samples: dict[str, dict[str, float]]) -> dict[str, SampleFigure]:
    return {name: SampleFigure(**found) for name, found in samples.items()}


def curves_of(
    standings: list[Standing], shown: list[Run], snapshots: list[Snapshot | None]
) -> list[RacerCurve]:
    """Return the held-out loss of each contestant that has one."""
    found = []
    for at, (each, run, snapshot) in enumerate(zip(standings, shown, snapshots, strict=True)):
        curve = None if snapshot is None else snapshot.curves.get("held_out")
        if curve is not None and each.likelihood != "none":
            seconds = trace_of(run).seconds(curve.points[:, 0])
            found.append(RacerCurve(each.label, at, curve.points, seconds))
    return found


def show_loss(race: Race, curves: list[RacerCurve], standings: list[Standing]) -> None:
    """Draw the held-out loss of all contestants in one chart, with its floor."""
    over_seconds = st.session_state.get("race_over") != "steps"
    floor, unit = _floor(race, standings), _unit(standings)
    by_place = {curve.place: curve for curve in curves}
    lines = []
    for at, each in enumerate(standings):
        color, dashes = RACERS[at]
        rows = (
            by_place[at].rows(over_seconds=over_seconds)
            if at in by_place
            else np.zeros((0, 2), np.float32)
        )
        note = {"none": "no likelihood", "bound": "a bound"}.get(each.likelihood, "")
        lines.append(Line(each.label, color, dashes, rows, note))
    told = ", ".join(
        f"{s.label} {'–' if s.held_out is None else fixed(s.held_out)}" for s in standings
    )
    value = None if floor is None else floor.value
    st.markdown("**Held-out loss** of all: lower is better")
    curves_view(
        lines,
        bounds=race_range(curves, value),
        floor=value,
        floor_name="" if floor is None else floor.label,
        across="seconds of training" if over_seconds else "optimizer step",
        unit=unit,
        digits=1 if over_seconds else 0,
        alt=f"Held-out loss of all contestants. Now: {told}.",
        key="race_loss",
        height=_HEIGHT,
    )


def show_table(race: Race, standings: list[Standing]) -> None:
    """Show all figures of all contestants; who leads in a column is marked."""
    lead = leaders(standings)
    shown = shown_columns(standings)
    head = "".join(f'<th title="{escape(c.help)}">{escape(c.title)}</th>' for c in shown)
    body = "".join(_row(at, s, lead, shown) for at, s in enumerate(standings))
    st.html(
        f'{_STYLE}<div class="race" tabindex="0" role="region" aria-label="Standings">'
        f"<table><thead><tr><th>Contestant</th>{head}</tr></thead><tbody>{body}</tbody></table>"
        "</div>"
    )
    batches = (
        "All see the same batches, in the same order."
        if race.same_batches
        else "Seeds differ, so contestants see other batches."
    )
    st.caption(
        f"★ leads its column. {batches} While they train, contestants have equal time on the "
        "workers, which counts training, held-out figures and pictures; so they take different "
        "numbers of steps."
    )


def show_summary(
    race: Race, shown: list[Run], snapshots: list[Snapshot | None], *, measured: bool
) -> None:
    """Show what the race has come to, once none of its contestants trains.

    Args:
        race: the race.
        shown: its runs.
        snapshots: their newest.
        measured: whether all figures are there that are measured at rest; else dashes stand there.
    """
    views = [run.view() for run in shown]
    there = [snapshot for snapshot in snapshots if snapshot is not None]
    begun = any(snapshot.header.step > 0 for snapshot in there)
    if not begun or len(there) < len(shown) or any(v.phase in runs.ACTIVE for v in views):
        return
    standings = standings_of(race, shown, snapshots, measured=measured)
    curves = curves_of(standings, shown, snapshots)
    over = all(
        view.phase in (Phase.FINISHED, Phase.FAILED)
        for at, view in enumerate(views)
        if at not in race.out
    )
    st.subheader("Result" if over else "Result so far", anchor=False)
    st.markdown(verdict(standings))
    floor = _floor(race, standings)
    figure = race_figure(
        curves,
        standings,
        floor=None if floor is None else floor.value,
        floor_name="" if floor is None else floor.label,
        unit=_unit(standings),
    )
    title = f"{race.base.problem().label}: {', '.join(s.label for s in standings)}"
    with st.container(key="race_summary"):
        st.plotly_chart(
            figure,
            key="race_figure",
            config={"displayModeBar": False},
            alt=f"The held-out loss of all contestants over seconds of training, and a table of "
            f"what each has cost. {verdict(standings)}",
        )
    with st.container(horizontal=True, key="race_downloads"):
        download_button(
            "CSV",
            partial(results_csv, standings, race.contestants),
            "race.csv",
            "text/csv",
            key="race_csv",
            icon=":material/download:",
            help="The table as numbers, with the settings of every contestant.",
        )
        download_button(
            "PNG",
            partial(_png, title, standings, there),
            "race.png",
            "image/png",
            key="race_png",
            icon=":material/image:",
            help="The pictures of all contestants with their figures, as one picture.",
        )
        download_button(
            "HTML",
            partial(_html, title, race, standings, figure),
            "race.html",
            "text/html",
            key="race_html",
            icon=":material/code:",
            help="The figure and all settings in one file that opens offline.",
        )


def _row(at: int, standing: Standing, lead: dict[str, frozenset[int]], shown: list[Column]) -> str:
    note = f'<div class="kind">{escape(standing.message)}</div>' if standing.message else ""
    color = RACERS[at][0]
    cells = [
        f'<td><span style="color:{color}" aria-hidden="true">●</span> '
        f"{escape(standing.label)}{note}</td>"
    ]
    for column in shown:
        leads = at in lead[column.name]
        beside = column.beside(standing)
        small = f' <span class="kind">{escape(beside)}</span>' if beside else ""
        told = escape(column.shown(standing)) + small
        star = f'<span style="color:{color}" aria-hidden="true">★</span> ' if leads else ""
        spoken = '<span class="unseen"> leads</span>' if leads else ""
        cells.append(f"<td{' class=leads' if leads else ''}>{star}{told}{spoken}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _floor(race: Race, standings: list[Standing]) -> Floor | None:
    judged = any(s.likelihood != "none" for s in standings)
    return race.base.problem().floor if judged else None


def _unit(standings: list[Standing]) -> str:
    return next((s.unit for s in standings if s.held_out is not None), "")


def _png(title: str, standings: list[Standing], snapshots: list[Snapshot]) -> bytes:
    from flowplay.figures.race_card import race_png

    return race_png(title, standings, snapshots)


def _html(title: str, race: Race, standings: list[Standing], figure: go.Figure) -> str:
    settings = list(race.to_flat().items())
    results = [
        (s.label, f"{COLUMNS[0].shown(s)} {s.unit} {s.kind}, step {whole(s.steps or 0)}")
        for s in standings
    ]
    shown = ReportFigure(figure, verdict(standings), f"Loss and figures of the race {title}.")
    return html_report(title, settings, results, [shown])
