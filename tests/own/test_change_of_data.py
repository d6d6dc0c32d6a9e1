"""A run that goes on with other data keeps its flow, and what was measured before is forgotten."""

from __future__ import annotations

import numpy as np
import pytest

from flowplay.config import RunConfig
from flowplay.training import new_run, train_slice
from flowplay.wire import DensityPicture, RunState, pack, unpack

SMALL = {"depth": 2, "width": 8, "budget": 200}
FACE = RunConfig(target="painted", **SMALL)
OTHER = FACE.model_copy(update={"target_options": {"noise": 0.2, "data": "smiley"}})


@pytest.fixture(scope="module")
def trained() -> RunState:
    return train_slice(new_run(FACE), steps=40)[0]


def test_the_flow_is_kept_and_the_measurements_are_new(trained: RunState) -> None:
    changed = RunState.from_bytes(trained.with_target(OTHER).to_bytes())
    assert changed.config == OTHER
    assert (changed.weights == trained.weights).all()
    assert (changed.buffers == trained.buffers).all()
    still, snapshot = train_slice(changed, steps=0, fine=True)
    assert (still.weights == trained.weights).all()
    before = train_slice(trained, steps=0, fine=True)[1].picture(DensityPicture)
    after = snapshot.picture(DensityPicture)
    assert before is not None
    assert after is not None
    # The same density; its colour scale is that of another target.
    x, y = before.code.max(), after.code.max()
    assert (x, y) > (0, 0)
    # It is judged on the new data, at the same step.
    assert still.held_out_curve[-1, 0] == 40
    assert still.held_out_curve[-1, 1] != trained.held_out_curve[-1, 1]
    assert still.best_loss == still.held_out_curve[-1, 1]
    assert (still.held_out_curve[:-1] == trained.held_out_curve[:-1]).all()


def test_a_run_knows_when_its_data_were_changed(trained: RunState) -> None:
    assert RunState.changes_of_data(trained.to_bytes()) == []
    changed = trained.with_target(OTHER)
    later, _ = train_slice(changed, steps=5)
    again = later.with_target(FACE).to_bytes()
    assert RunState.changes_of_data(again) == [40, 45]
    assert RunState.from_bytes(again).data_changed_at == [40, 45]


def test_a_state_that_was_kept_before_runs_knew_that_is_read(trained: RunState) -> None:
    header, arrays = unpack(RunState.KIND, RunState.VERSION, trained.to_bytes())
    del header["data_changed_at"], header["judged_roughly"]
    old = pack(RunState.KIND, RunState.VERSION, header, arrays)
    assert RunState.from_bytes(old).data_changed_at == []
    assert not RunState.from_bytes(old).judged_roughly
    assert RunState.changes_of_data(old) == []


def test_it_trains_on_and_adapts(trained: RunState) -> None:
    start, _ = train_slice(trained.with_target(OTHER), steps=0, fine=True)
    later, snapshot = train_slice(start, steps=100)
    assert not later.failure
    assert snapshot.header.step == 140
    assert later.held_out_curve[-1, 1] < start.held_out_curve[-1, 1]


def test_a_run_that_broke_goes_on_from_what_it_has(trained: RunState) -> None:
    from dataclasses import replace

    broken = replace(trained, failure="It broke.", train_curve=np.array([[40.0, 1], [60.0, 9]]))
    changed = broken.with_target(OTHER)
    assert changed.failure == ""
    assert changed.train_curve[:, 0].max() == 40


@pytest.mark.parametrize(
    "config",
    [
        FACE.model_copy(update={"depth": 3}),
        FACE.model_copy(update={"architecture": "maf"}),
        RunConfig(target="table", **SMALL),
    ],
)
def test_nothing_but_the_target_may_differ(trained: RunState, config: RunConfig) -> None:
    with pytest.raises(ValueError, match="another target only"):
        trained.with_target(config)
