"""Nothing in training knows the plane: runs of three dimensions train, are judged and sampled."""

from __future__ import annotations

import numpy as np
import pytest

from flowplay import problems
from flowplay.catalog import FLOW_FAMILIES
from flowplay.config import RunConfig
from flowplay.problems import DataProblem
from flowplay.problems.base import FloatArray
from flowplay.training import new_run, train_slice
from flowplay.training.layer_frames import layer_frames
from flowplay.training.live_run import LiveRun
from flowplay.wire import DensityPicture, SamplesPicture


class Sheet(DataProblem):
    name = "test_sheet"
    label = "Sheet"
    summary = "Points near a curved sheet in space."
    dim = 3
    window = None
    density = None

    def training_points(self, n: int, seed: int) -> FloatArray:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, 2))
        z = x[:, 0] ** 2 + x[:, 1] + 0.1 * rng.normal(size=n)
        return np.column_stack([x, z])

    def held_out_points(self, n: int, seed: int) -> FloatArray:
        return self.training_points(n, seed + 2**31)


@pytest.fixture(autouse=True)
def _sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(problems._KINDS, Sheet.name, Sheet)


@pytest.mark.parametrize("architecture", FLOW_FAMILIES)
def test_every_family_learns_points_of_three_dimensions(architecture: str) -> None:
    config = RunConfig(
        target=Sheet.name,
        architecture=architecture,
        depth=4,
        width=16,
        samples=500,
        batch_size=64,
        warmup=5,
    )
    state, snapshot = train_slice(new_run(config), steps=30)
    first, last = state.held_out_curve[[0, -1], 1]
    assert last < first
    assert snapshot.picture(DensityPicture) is None
    samples = snapshot.picture(SamplesPicture)
    assert samples is not None
    assert samples.points.shape == (1000, 3)
    assert samples.window is None


def test_layers_outside_the_plane_are_not_drawn() -> None:
    state = new_run(RunConfig(target=Sheet.name, depth=2, width=8, samples=200))
    with pytest.raises(ValueError, match="Only flows of the plane"):
        layer_frames(LiveRun(state), state)
