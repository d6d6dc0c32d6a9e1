"""What a wall tells of a run is called what it is."""

from __future__ import annotations

import pytest

from flowplay.config import RunConfig
from flowplay.store.classes import ClassPlan
from flowplay.training import new_run, train_slice
from flowplay.ui import wall
from flowplay.ui.joining import goal_line
from flowplay.ui.tiles import tile


@pytest.mark.parametrize(
    ("settings", "begins", "ends"),
    [
        ({"depth": 1, "width": 8}, "gap ", ""),
        ({"target": "digits", "architecture": "glow", "depth": 1}, "bits/dim ", " (bound)"),
        ({"target": "digits", "architecture": "idf", "couplings": 0}, "bits/dim ", ""),
    ],
)
def test_figures_have_their_unit_and_bounds_are_called_so(
    settings: dict[str, object], begins: str, ends: str
) -> None:
    config = RunConfig.from_flat(settings)
    _, snapshot = train_slice(new_run(config), steps=1)
    shown = tile(snapshot.to_bytes(), config.model_dump_json())
    (told,) = wall._judged(shown)
    assert told.startswith(begins)
    assert told.endswith(ends)
    assert shown.kind == ("bound" if ends else "exact")


def test_a_model_without_a_likelihood_is_not_judged() -> None:
    config = RunConfig(architecture="gan", width=8)
    _, snapshot = train_slice(new_run(config), steps=1)
    assert wall._judged(tile(snapshot.to_bytes(), config.model_dump_json())) == []


def test_the_goal_of_images_is_in_bits() -> None:
    digits = RunConfig.from_flat({"target": "digits", "architecture": "glow"})
    for config, unit in ((RunConfig(), "nats"), (digits, "bits per dimension")):
        said = goal_line(ClassPlan(config=config, goal="nll", goal_value=2.0))
        assert said == f"Goal: a held-out NLL of at most 2 {unit}."
