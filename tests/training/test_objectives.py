"""What is minimized says what it is, and a model that claims what it is not is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest
import torch
from cachetools import LRUCache

from flowplay import config
from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.models import build_model
from flowplay.training.data import POINTS_BYTES, points_size, training_points
from flowplay.training.live_run import LiveRun
from flowplay.training.objectives import objective_of
from flowplay.training.start import new_run

SMALL = RunConfig(depth=2, width=8, samples=200)


@pytest.mark.parametrize(
    ("architecture", "name"),
    [("realnvp", ("train NLL", "nats")), ("flow_matching", ("flow-matching loss", ""))],
)
def test_only_a_likelihood_is_in_nats(architecture: str, name: tuple[str, str]) -> None:
    config = RunConfig(architecture=architecture, depth=2, width=8, samples=200)
    live = LiveRun(new_run(config))
    assert live.objective.name(live.model) == name


def test_held_out_points_are_not_among_those_of_training() -> None:
    objective = objective_of(SMALL, torch.device("cpu"))
    distances = torch.cdist(objective.held_out, objective.scaling_points)
    assert float(distances.min()) > 0


def test_points_of_a_large_problem_are_retained_too() -> None:
    cache: LRUCache[str, torch.Tensor] = LRUCache(POINTS_BYTES, getsizeof=points_size)
    large = torch.empty(POINTS_BYTES, dtype=torch.int16)
    cache["large"] = large
    assert cache["large"] is large


@pytest.mark.parametrize("claimed", ["none", "bound"])
def test_catalog_and_model_agree_on_the_likelihood(
    claimed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = replace(ARCHITECTURES["realnvp"], likelihood=claimed)  # type: ignore[arg-type]
    entries: Mapping[str, object] = MappingProxyType({**ARCHITECTURES, "realnvp": entry})
    monkeypatch.setattr(config, "architectures_for", lambda data: entries)
    if claimed == "bound":
        build_model(SMALL, training_points(SMALL))
        return
    with pytest.raises(ValueError, match="its model disagrees"):
        build_model(SMALL, training_points(SMALL))
