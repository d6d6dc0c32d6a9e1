"""What can be set and done in a race; all of it outside of the part that draws itself again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from flowplay.catalog import architectures_for
from flowplay.config import RunConfig, bounds
from flowplay.engine import Phase, Run
from flowplay.problems import PROBLEMS
from flowplay.race import LEAST, MOST, PRESETS, SECONDS, Race, labels
from flowplay.race.config import shared_names
from flowplay.rules import flat_values
from flowplay.ui import runs
from flowplay.ui.controls import (
    batch_control,
    data_controls,
    model_controls,
    optimizer_controls,
    rate_control,
    seed_control,
)
from flowplay.ui.race.opening import (
    current_race,
    preset_of,
    race_runs,
    racing,
    set_race,
)
from flowplay.ui.settings import locked

_OWN = "own"
_EDITED = "_race_edited"
_ALL = -1

#: Stands before the name of a setting in the key of its widget.
_PREFIX = "race_edit_"


def setup(race: Race) -> None:
    """Show which race it is, what is learned, and for how long."""
    preset = preset_of(race)
    st.session_state["race_preset"] = _OWN if preset is None else preset.name
    st.session_state["race_target"] = race.base.target
    st.session_state["race_seconds"] = float(race.base.budget)
    with st.container(horizontal=True, vertical_alignment="bottom", key="race_setup"):
        st.selectbox(
            "Race",
            [*PRESETS, *([_OWN] if preset is None else [])],
            format_func=lambda name: PRESETS[name].title if name in PRESETS else "Your own",
            key="race_preset",
            help="Races that answer one question each. Every part of them can be changed.",
            on_change=_take_preset,
            width=300,
        )
        st.selectbox(
            "Target",
            list(PROBLEMS),
            format_func=lambda name: PROBLEMS[name].label,
            key="race_target",
            disabled=locked("target"),
            help="What all contestants learn.",
            on_change=_take_target,
            width=200,
        )
        low, high = bounds("budget")
        st.number_input(
            "Seconds each",
            float(low),
            float(high),
            step=5.0,
            format="%.0f",
            key="race_seconds",
            disabled=locked("budget"),
            help="So many seconds of training for each contestant. The learning rate falls towards "
            "the end of them.",
            on_change=_take_seconds,
            width=150,
        )
        st.button(
            "Settings of all",
            key="race_all",
            icon=":material/tune:",
            help="Data, batch size and seed, which all contestants share.",
            on_click=_edit,
            args=(_ALL,),
        )
    if preset is not None:
        st.caption(preset.text)


def buttons(race: Race, shown: list[Run]) -> None:
    """Show what can be done with all contestants at once; the buttons never change place."""
    phases = [run.view().phase for run in racing(race, shown)]
    active = any(phase in runs.ACTIVE for phase in phases)
    over = bool(phases) and all(phase in (Phase.FINISHED, Phase.FAILED) for phase in phases)
    begun = any((h := run.view().header) is not None and h.step > 0 for run in shown)
    with st.container(horizontal=True, key="race_buttons", vertical_alignment="center"):
        st.button(
            "Continue" if over else "Resume" if begun else "Train",
            key="race_train",
            type="primary",
            icon=":material/play_arrow:",
            disabled=active or not phases or (over and locked("budget")),
            help="Train all contestants on the server, in turns, until each has had its seconds. "
            "Continue gives each as many seconds again.",
            on_click=_train,
        )
        st.button(
            "Pause",
            key="race_pause",
            icon=":material/pause:",
            disabled=not active,
            help="Stop all contestants; Resume goes on from there.",
            on_click=_pause,
        )
        st.button(
            "Step",
            key="race_step",
            icon=":material/skip_next:",
            disabled=active or over or not phases,
            help="Each contestant takes one optimizer step.",
            on_click=_step,
        )
        st.button(
            "Reset",
            key="race_reset",
            icon=":material/restart_alt:",
            help="Return to untrained models.",
            on_click=runs.board_start_over,
            args=(shown,),
        )
        st.segmented_control(
            "Loss over",
            ["seconds", "steps"],
            default=st.session_state.get("race_over") or "seconds",
            required=True,
            format_func=lambda name: f"Loss over {name}",
            key="race_over",
            label_visibility="collapsed",
            help="Over seconds of training it is a race by the clock. Over steps it shows what is "
            "learned from as many batches.",
            persist_state="session",
        )


def lineup(race: Race) -> None:
    """Show the contestants: who races, and a button for the settings of each."""
    named = labels(race)
    # As wide as the pictures below, of which the first is the target's.
    first, *places = st.columns(1 + len(race.contestants))
    for at, (label, place) in enumerate(zip(named, places, strict=True)):
        st.session_state[f"race_in_{at}"] = at not in race.out
        with place, st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.toggle(
                label,
                key=f"race_in_{at}",
                help="Off: this contestant sits out and keeps what it has learned.",
                on_change=_sit,
                args=(at,),
            )
            st.button(
                "Change",
                key=f"race_change_{at}",
                type="tertiary",
                icon=":material/edit:",
                help=f"Change the settings of {label}.",
                on_click=_edit,
                args=(at,),
            )
    if len(race.contestants) < MOST:
        first.button(
            "Add a contestant",
            key="race_add",
            icon=":material/add:",
            type="tertiary",
            help="One more contestant, with the settings of the last one to begin with.",
            on_click=_edit,
            args=(len(race.contestants),),
        )


def editor() -> None:
    """Show the settings that are being changed, until they are used or left."""
    edited = st.session_state.get(_EDITED)
    if edited is not None:
        (_all_dialog if edited == _ALL else _contestant_dialog)()


def _close() -> None:
    st.session_state.pop(_EDITED, None)


@st.dialog("Settings of all contestants", on_dismiss=_close)
def _all_dialog() -> None:
    data_controls(current_race().base.target, _PREFIX)
    batch_control(_PREFIX)
    seed_control(_PREFIX)
    st.caption("A contestant that has a seed of its own keeps it.")
    _use(_use_for_all)


@st.dialog("A contestant", on_dismiss=_close)
def _contestant_dialog() -> None:
    race, number = current_race(), st.session_state.get(_EDITED, 0)
    known = architectures_for(PROBLEMS[race.base.target].gives)
    st.selectbox(
        "Architecture",
        list(known),
        format_func=lambda name: known[name].label,
        key="race_edit_architecture",
        disabled=locked("architecture"),
        on_change=_follow_architecture,
        help="What learns: the kind of model.",
        persist_state="session",
    )
    architecture = known[st.session_state["race_edit_architecture"]]
    st.caption(architecture.idea)
    model_controls(architecture, _PREFIX)
    rate_control(_PREFIX)
    with st.expander("Training and seed", icon=":material/tune:"):
        optimizer_controls(_PREFIX)
        seed_control(_PREFIX)
        st.caption("With another seed than the others it sees other batches.")
    _use(_use_for_one)
    if len(race.contestants) > LEAST and number < len(race.contestants):
        remove = st.button(
            "Remove this contestant",
            key="race_remove",
            icon=":material/delete:",
            type="tertiary",
            help="Take it out of the race.",
            on_click=_remove,
        )
        if remove:
            st.rerun()


def _use(act: Callable[[], None]) -> None:
    used = st.button(
        "Use these settings",
        key="race_use",
        type="primary",
        help="A contestant with other settings begins untrained.",
        on_click=act,
    )
    if used:
        # The whole page, and without the dialog.
        st.rerun()


def _edit(number: int) -> None:
    """Open the settings of a contestant, by its number, or of all."""
    race = current_race()
    config = (
        race.base if number == _ALL else race.contestants[min(number, len(race.contestants) - 1)]
    )
    _fill(config)
    st.session_state[_EDITED] = number


def _fill(config: RunConfig) -> None:
    for name, value in flat_values(config).items():
        st.session_state[_PREFIX + name] = value


def _follow_architecture() -> None:
    """Begin with the defaults of a newly chosen architecture, on the race's own seed."""
    race = current_race()
    name = st.session_state["race_edit_architecture"]
    _fill(
        RunConfig(
            target=race.base.target, architecture=name, seed=st.session_state["race_edit_seed"]
        )
    )


def _typed() -> dict[str, Any]:
    return {
        key.removeprefix(_PREFIX): value
        for key, value in st.session_state.items()
        if isinstance(key, str) and key.startswith(_PREFIX)
    }


def _use_for_one() -> None:
    race, number = current_race(), st.session_state[_EDITED]
    if number < MOST:
        set_race(*race.with_contestant(number, _typed()))
    _close()


def _use_for_all() -> None:
    race, typed = current_race(), _typed()
    names = (shared_names() - {"target", "budget", "budget_unit"}) | {"seed"}
    own = flat_values(race.base)
    set_race(race.with_shared({n: v for n, v in typed.items() if n in names and n in own}))
    _close()


def _remove() -> None:
    set_race(current_race().without(st.session_state[_EDITED]))
    _close()


def _take_preset() -> None:
    name = st.session_state["race_preset"]
    if name in PRESETS:
        set_race(PRESETS[name].race)


def _take_target() -> None:
    set_race(current_race().with_shared({"target": st.session_state["race_target"]}))


def _take_seconds() -> None:
    set_race(current_race().with_shared({"budget": st.session_state["race_seconds"]}))


def _train() -> None:
    race = current_race()
    phases = [run.view().phase for run in racing(race, race_runs(race))]
    if phases and all(phase in (Phase.FINISHED, Phase.FAILED) for phase in phases):
        more = min(race.base.budget + SECONDS, bounds("budget")[1])
        set_race(race.with_shared({"budget": more}))
    race = current_race()
    runs.let_train(racing(race, race_runs(race)))


def _pause() -> None:
    race = current_race()
    for run in racing(race, race_runs(race)):
        run.pause()


def _step() -> None:
    race = current_race()
    runs.let_train(racing(race, race_runs(race)), Run.step)


def _sit(number: int) -> None:
    """Let a contestant sit out or race; it trains at once if the others do."""
    race = current_race()
    others = [run.view().phase for run in racing(race, race_runs(race))]
    races = bool(st.session_state[f"race_in_{number}"])
    out = race.out - {number} if races else race.out | {number}
    race = Race(race.base, race.contestants, frozenset(out))
    set_race(race)
    run = race_runs(race)[number]
    if races and any(phase in runs.ACTIVE for phase in others):
        runs.let_train([run])
