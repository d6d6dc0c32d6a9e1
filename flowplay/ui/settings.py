"""The session's config: seeded from the URL, changed by widgets, written back to the URL.

Widgets do not bind to the URL themselves: every value, wherever it comes from, passes the one
validation of `RunConfig`, which can say in a sentence what it refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import streamlit as st

from flowplay.catalog import Pairs, Recipe, architectures_for
from flowplay.config import FixedSettings, HotSettings, RunConfig, flat_names
from flowplay.problems import PROBLEMS
from flowplay.rules import Rules, flat_values
from flowplay.ui.switches import in_address, seed_switches
from flowplay.ui.written import written_by_session

_WRITTEN = "_addresses_written"
_CONFIG = "_config"
_REFUSED = "_refused"
_FLAT = "_flat_values"
_RULES = "_rules"
_NAMED = "_named_run"
_CHANGED = "_changed_by_widget"

#: Query names that are not of a config: to begin at once; a run of this browser; one that somebody
#: has shared.
AUTOSTART, RUN, SHARED = "autostart", "run", "shared"

#: A class that the address opens; in the session, the one that it has joined, whether its teacher
#: has paused it, and ids of the runs that go on when it is resumed.
CLASS, JOINED = "class", "_class_joined"
CLASS_PAUSED, CLASS_RESUMES = "_class_paused", "_class_resumes"


class Named(NamedTuple):
    """A run that an address names.

    Attributes:
        name: in the query.
        id: under which it is kept; whatever the address says.
        has_settings: whether the address has settings too, which are to be those of the run.
    """

    name: str
    id: str
    has_settings: bool


#: The section of a page, which stays in the address while settings change.
SECTION = "section"


def adopt_rules() -> Rules:
    """Return the rules of the link that opened this session; they hold as long as it lasts.

    A link that is followed inside the session, or an address of the browser's history, cannot
    change them. A page that is opened anew is another session.
    """
    if _RULES not in st.session_state:
        rules, refused = Rules.of_query(st.query_params.to_dict())
        set_rules(rules)
        st.session_state[_REFUSED] = [*refusals(), *refused]
    return rules_now()


def note_refusal(sentence: str) -> None:
    """Say with the next refusals that something of the address was refused."""
    if sentence not in refusals():
        st.session_state[_REFUSED] = [*refusals(), sentence]


def set_rules(rules: Rules) -> None:
    """Let rules hold in this session."""
    st.session_state[_RULES] = rules


def rules_now() -> Rules:
    """Return the rules that hold in this session."""
    rules: Rules = st.session_state.get(_RULES) or Rules()
    return rules


def locked(name: str) -> bool:
    """Tell whether a setting cannot be changed in this session."""
    return name in rules_now().fixed


def fixed_hot() -> dict[str, float]:
    """Return the hot settings that cannot be changed in this session, with their values."""
    fixed = rules_now().fixed
    return {name: fixed[name] for name in HotSettings.model_fields if name in fixed}


def address(query: Mapping[str, str]) -> dict[str, str]:
    """Return the query of a link inside this session: it keeps the session's rules and
    switches."""
    return {**query, **rules_now().about, **in_address()}


def seed_from_url() -> bool:
    """Read the config from the URL unless this session wrote the URL.

    Returns:
        Whether the URL asks for the run to start by itself.
    """
    query = st.query_params.to_dict()
    query.pop(SECTION, None)
    # The menu opens a page without a query: the session's own settings stay.
    if written_by_session(_WRITTEN).has(query) or (not query and _CONFIG in st.session_state):
        return False
    seed_switches(query)
    # A class's first page has been a form.
    first = _CONFIG not in st.session_state
    rules = adopt_rules()
    has_settings = not query.keys().isdisjoint(flat_names())
    given = query if has_settings else {**query, **rules.base}
    config, refused = RunConfig.repair(given, rules.fixed)
    named = next((name for name in (RUN, SHARED) if name in query), None)
    st.session_state[_NAMED] = named and Named(named, query[named], has_settings)
    st.session_state[_REFUSED] = [*(refusals() if first else ()), *refused]
    set_widgets(config)
    return query.get(AUTOSTART) == "1" or (first and rules.autostart and not named)


def named_run() -> Named | None:
    """Return the run that the address named, if it is still to be opened."""
    named: Named | None = st.session_state.get(_NAMED)
    return named


def forget_named_run() -> None:
    """Take it that the run that the address named was opened, or cannot be."""
    st.session_state[_NAMED] = None


def set_widgets(config: RunConfig) -> None:
    """Set every widget to a config, as if a visitor had."""
    st.session_state[_CONFIG] = config
    st.session_state.pop(_FLAT, None)
    for name, value in flat_values(config).items():
        st.session_state[name] = value


def session_config() -> RunConfig | None:
    """Return the session's config as last read, None before its first page has been drawn."""
    config: RunConfig | None = st.session_state.get(_CONFIG)
    return config


def read_widgets() -> RunConfig:
    """Return the config that the widgets show; see `write_address`."""
    flat = _widget_values()
    config, refused = RunConfig.repair(flat)
    for option in (*config.problem().options, *config.entry.options):
        # What is typed as text: the box shows what is used.
        used = flat_values(config)[option.name]
        if isinstance(option, Recipe | Pairs) and flat.get(option.name) != used:
            flat[option.name] = st.session_state[option.name] = used
    for name in rules_now().fixed.keys() & flat_values(config).keys():
        # Whatever a browser says of a widget that it must not use.
        if st.session_state.get(name) != flat[name]:
            st.session_state[name] = flat[name]
    st.session_state[_CHANGED] = st.session_state.get(_FLAT, flat) != flat
    # What was refused of a link is shown until a setting changes.
    if refused or st.session_state.setdefault(_FLAT, flat) != flat:
        st.session_state[_REFUSED] = refused
    st.session_state[_FLAT] = flat
    st.session_state[_CONFIG] = config
    return config


def write_address(config: RunConfig, about: Mapping[str, str]) -> None:
    """Write a config to the URL.

    Args:
        config: what the page shows.
        about: what the address says beside it: which run of these settings is shown.
    """
    query = address({**about, **config.to_flat()})
    section = st.query_params.get(SECTION)
    whole = query if section is None else {**query, SECTION: section}
    if st.query_params.to_dict() != whole:
        st.query_params.from_dict(whole)
    written_by_session(_WRITTEN).write(query)


def changed_by_widget() -> bool:
    """Tell whether the config was last read after a visitor had changed a setting."""
    return bool(st.session_state.get(_CHANGED))


def typed_config() -> RunConfig:
    """Return the config that the widgets show at this moment, as for a callback.

    It writes nothing: Streamlit loses an address that a callback sets.
    """
    config, _ = RunConfig.repair(_widget_values())
    return config


def refusals() -> list[str]:
    """Return what was refused of the last input, one sentence each."""
    sentences: list[str] = st.session_state.get(_REFUSED, [])
    return sentences


def identity(config: RunConfig) -> str:
    """Return what tells one run from another: the config without what can change while it runs."""
    return config.model_dump_json(include=set(FixedSettings.model_fields))


def follow_target() -> None:
    """Give a newly chosen target its own options, and what learns it defaults that suit it."""
    before: RunConfig = st.session_state[_CONFIG]
    target = PROBLEMS[st.session_state["target"]]
    for option in target.options:
        st.session_state[option.name] = option.default
    if target.gives == PROBLEMS[before.target].gives:
        return
    known = architectures_for(target.gives)
    if st.session_state["architecture"] not in known:
        st.session_state["architecture"] = next(iter(known))
    follow_architecture()


def follow_architecture() -> None:
    """Give a newly chosen family its own defaults, but keep what the visitor has set."""
    before: RunConfig = st.session_state[_CONFIG]
    old = RunConfig(target=before.target, architecture=before.architecture)
    new = RunConfig(
        target=st.session_state["target"], architecture=st.session_state["architecture"]
    )
    for name, value in flat_values(new).items():
        if name in ("target", "architecture", *new.target_options):
            continue
        if name not in st.session_state or st.session_state[name] == flat_values(old).get(name):
            st.session_state[name] = value


def _widget_values() -> dict[str, Any]:
    before: RunConfig = st.session_state[_CONFIG]
    shown = {n: st.session_state[n] for n in flat_names() if n in st.session_state}
    return flat_values(before) | shown | dict(rules_now().fixed)
