"""The session's race: read from the address, changed by controls, written back to the address."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Sequence

import streamlit as st

from flowplay.config import HotSettings, RunConfig
from flowplay.engine import Phase, Run
from flowplay.race import PRESETS, SECONDS, Preset, Race, Trace
from flowplay.race.config import difference
from flowplay.ui import runs
from flowplay.ui.settings import AUTOSTART, adopt_rules, rules_now
from flowplay.ui.switches import in_address, seed_switches
from flowplay.ui.written import written_by_session

#: The name of a preset in a link.
PRESET = "preset"

_RACE = "_race"
_WRITTEN = "_race_written"
_REFUSED = "_race_refused"
_GROUP = "_race_group"
_TRACES = "_race_traces"


def opened_race() -> tuple[Race, bool]:
    """Return the race that the address or the session has, and whether it begins by itself."""
    query = st.query_params.to_dict()
    # The menu opens a page without a query: the session's own race stays.
    if _RACE in st.session_state and (not query or written_by_session(_WRITTEN).has(query)):
        return current_race(), False
    seed_switches(query)
    rules = adopt_rules()
    refused = []
    name = query.pop(PRESET, "")
    if name and name not in PRESETS:
        refused.append(f"preset: there is no race of this name. There are {', '.join(PRESETS)}.")
    first = next(iter(PRESETS))
    known = name if name in PRESETS else "" if _is_race(query) else first
    flat = {**PRESETS[known].flat, **query} if known else query
    race, told = Race.repair(flat, rules.fixed)
    st.session_state[_REFUSED] = [*refused, *told]
    st.session_state[_RACE] = race
    return race, query.get(AUTOSTART) == "1"


def write_race(race: Race) -> None:
    """Write the race to the address."""
    query = {**rules_now().about, **race.to_flat(), **in_address()}
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    written_by_session(_WRITTEN).write(query)


def current_race() -> Race:
    """Return the session's race, as a callback may have changed it."""
    race: Race = st.session_state[_RACE]
    return race


def set_race(race: Race, refused: Sequence[str] = ()) -> None:
    """Let the session have another race, with what its rules fix.

    Args:
        race: the new one.
        refused: what was refused of it, one sentence each.
    """
    fixed, told = Race.repair(race.to_flat(), rules_now().fixed)
    st.session_state[_RACE], st.session_state[_REFUSED] = fixed, [*refused, *told]


def refusals() -> list[str]:
    """Return what was refused of the address, one sentence each."""
    sentences: list[str] = st.session_state.get(_REFUSED, [])
    return sentences


def preset_of(race: Race) -> Preset | None:
    """Return the preset that a race is, on whatever target and for however long; else None."""
    asked = _contest(race)
    return next((preset for preset in PRESETS.values() if _contest(preset.race) == asked), None)


def _contest(race: Race) -> dict[str, str]:
    """Return what an address says of the contestants alone."""
    base = RunConfig(budget_unit="seconds", budget=SECONDS)
    own = {name for name in race.to_flat() if name.partition(".")[0].isdigit()}
    return {
        **{name: value for name, value in race.to_flat().items() if name in own},
        **difference(base, race.base),
        "contestants": str(len(race.contestants)),
    }


def race_runs(race: Race) -> list[Run]:
    """Return the runs of the contestants, all in one group, with the race's hot settings."""
    group = st.session_state.setdefault(_GROUP, uuid.uuid4().hex)
    shown = runs.board_runs(race.contestants, _names(race), group)
    for run, config in zip(shown, race.contestants, strict=True):
        _hand_over(run, config.hot)
    for at in race.out:
        if shown[at].view().phase in runs.ACTIVE:
            shown[at].pause()
    traces: dict[str, Trace] = st.session_state.setdefault(_TRACES, {})
    for gone in traces.keys() - {run.id for run in shown}:
        del traces[gone]
    return shown


def trace_of(run: Run) -> Trace:
    """Return what the session has noted of a run."""
    traces: dict[str, Trace] = st.session_state.setdefault(_TRACES, {})
    return traces.setdefault(run.id, Trace())


def racing(race: Race, shown: list[Run]) -> list[Run]:
    """Return the runs that do not sit out."""
    return [run for at, run in enumerate(shown) if at not in race.out]


def _is_race(query: dict[str, str]) -> bool:
    """Tell whether an address says anything of a race."""
    race, refused = Race.repair(query)
    return bool(refused) or race != Race.repair({})[0]


def _names(race: Race) -> list[str]:
    """Name each contestant's run by its settings; equal ones by their number among these."""
    seen = Counter[str]()
    names = []
    for config in race.contestants:
        settings = config.model_dump_json(exclude={"budget", "temperature"})
        digest = hashlib.sha256(settings.encode()).hexdigest()[:16]
        seen[digest] += 1
        names.append(f"race_{digest}_{seen[digest]}")
    return names


def _hand_over(run: Run, hot: HotSettings) -> None:
    if run.view().hot == hot:
        return
    run.set_hot(hot)
    view = run.view()
    if view.header is not None and view.phase not in (*runs.ACTIVE, Phase.CLOSED):
        run.show()
