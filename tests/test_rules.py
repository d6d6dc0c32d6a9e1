"""What a link locks stays as the link has it, whatever else is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from flowplay.config import RunConfig, flat_names
from flowplay.rules import PARTS, Rules, flat_values
from flowplay.ui import shell

ROOT = Path(__file__).parents[1]
NAMES = st.one_of(st.sampled_from([*flat_names(), *PARTS]), st.text(max_size=12))
LISTS = st.lists(NAMES, max_size=6).map(",".join)
VALUES = st.sampled_from(["4", "-1", "nan", "moons", "rings", "nsf", "planar", "<b>", "0.5", ""])
QUERIES = st.fixed_dictionaries(
    {"lock": LISTS, "hide": LISTS},
    optional=dict.fromkeys(["target", "architecture", "depth", "bins", "seed"], VALUES),
)


@given(QUERIES, st.dictionaries(st.sampled_from(flat_names()), VALUES, max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_locked_setting_keeps_the_link_s_value(
    query: dict[str, str], later: dict[str, str]
) -> None:
    rules, refused = Rules.of_query(query)
    assert len(refused) <= 2
    assert all("<" not in sentence and sentence.endswith(".") for sentence in refused)
    assert set(rules.hidden) <= {*flat_names(), *PARTS}
    opened, _ = RunConfig.repair(query, rules.fixed)
    changed, _ = RunConfig.repair(later, rules.fixed)
    for name, value in rules.fixed.items():
        for config in (opened, changed):
            assert flat_values(config).get(name, value) == value, name
    # The address that the page writes says the same again.
    again, complaints = Rules.of_query(changed.to_flat() | dict(rules.about))
    assert (dict(again.fixed), again.hidden, complaints) == (dict(rules.fixed), rules.hidden, [])


def test_another_value_of_a_locked_setting_is_refused_in_a_sentence() -> None:
    config, refused = RunConfig.repair({"depth": "8", "seed": "3"}, {"depth": 4, "seed": 3})
    assert config.depth == 4
    assert refused == ["depth is locked: using 4, not 8."]


@pytest.fixture
def playground() -> Any:  # noqa: ANN401
    at = AppTest.from_file(str(ROOT / "pages/playground.py"), default_timeout=60)
    yield at
    shell.close_engine()
    shell._engine = None


def test_a_locked_widget_is_disabled_and_its_value_is_the_link_s(playground: Any) -> None:  # noqa: ANN401
    playground.query_params.update(
        {"architecture": "nice", "depth": "3", "lock": "depth,target,nope", "hide": "width"}
    )
    playground.run()
    depth = playground.slider(key="depth")
    assert depth.disabled
    assert not playground.number_input(key="seed").disabled
    assert any("lock: no setting is named nope." in w.value for w in playground.warning)
    # A browser that sends a value nevertheless.
    playground.session_state["depth"] = 9
    playground.run()
    assert playground.slider(key="depth").value == 3
    assert playground.query_params["depth"] == "3"
    assert playground.query_params["lock"] == "depth,target"
    assert playground.query_params["hide"] == "width"
    # A link inside the session cannot lift the lock.
    playground.query_params.clear()
    playground.query_params.update({"architecture": "planar", "depth": "20", "target": "rings"})
    playground.run()
    assert playground.slider(key="depth").value == 3
    assert playground.radio(key="target").value == "moons"
    assert playground.radio(key="architecture").value == "planar"
    assert not playground.exception
