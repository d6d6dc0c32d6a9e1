"""A run is a chain of slices: repeatable, resumable, honest, and never broken by a bad step."""

from __future__ import annotations

import math
from dataclasses import asdict, fields, is_dataclass, replace
from functools import partial

import numpy as np
import pytest
import torch

from flowplay.catalog import FLOW_FAMILIES
from flowplay.codes import decode_density
from flowplay.config import HotSettings, RunConfig
from flowplay.grids import cell_centres, exact_density
from flowplay.targets import make_target
from flowplay.training import RunState, finished, new_run, pool, slices, train_slice
from flowplay.training.divergence import diverged_since
from flowplay.training.layer_frames import flow_of
from flowplay.training.live_run import LiveRun
from flowplay.training.objectives import LossOnData
from flowplay.training.picture_makers import BLOCK
from flowplay.training.schedule import FLOOR, rate_factor
from flowplay.training.slices import CURVE_LENGTH, _thin
from flowplay.training.worker import layer_frames, run_slice
from flowplay.wire import DensityPicture, Header, LayerFrames, Snapshot

SMALL = RunConfig(depth=2, width=8, samples=500, batch_size=32, budget=1000)

#: A run that breaks at the largest learning rate there is.
FRAGILE = RunConfig(
    architecture="glow",
    depth=4,
    width=8,
    samples=500,
    batch_size=32,
    optimizer="sgd",
    clip_norm=1000,
    warmup=0,
    schedule="constant",
)
TOO_FAST = FRAGILE.hot.model_copy(update={"learning_rate": 0.5})


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def density(snapshot: Snapshot) -> DensityPicture:
    picture = snapshot.picture(DensityPicture)
    assert picture is not None
    return picture


def held_out(snapshot: Snapshot) -> float:
    return snapshot.measurements["held_out"].value


def asdict_all(value: object) -> object:
    """Return dataclasses, and mappings of them, as plain dicts that numpy can compare."""
    if isinstance(value, dict):
        return {name: asdict_all(part) for name, part in value.items()}
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def hot(config: RunConfig, **changed: float) -> HotSettings:
    return config.hot.model_copy(update=changed)


def forget_live_runs() -> None:
    """Do what a new worker process does: know no live run."""
    pool._pool.cache_clear()


def test_where_a_run_is_cut_into_slices_changes_nothing() -> None:
    whole, _ = train_slice(new_run(SMALL), steps=60)
    pieces = new_run(SMALL)
    for steps in (1, 7, 0, 30, 22):
        pieces, _ = train_slice(pieces, steps=steps)
        forget_live_runs()
        pieces = RunState.from_bytes(pieces.to_bytes())
    assert np.array_equal(whole.weights, pieces.weights)
    assert np.array_equal(whole.optimizer, pieces.optimizer)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_a_slice_can_be_lost_and_trained_again(optimizer: str) -> None:
    config = SMALL.model_copy(update={"optimizer": optimizer, "weight_decay": 0.01})
    state, _ = train_slice(new_run(config), steps=20)
    lost, _ = train_slice(state, steps=20)
    again, _ = train_slice(state, steps=20)
    assert np.array_equal(lost.weights, again.weights)


def test_the_seed_decides() -> None:
    weights = [
        train_slice(new_run(SMALL.model_copy(update={"seed": seed})), steps=5)[0].weights
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_a_slice_lasts_about_as_long_as_asked_and_stops_at_the_budget() -> None:
    state, snapshot = train_slice(new_run(SMALL), seconds=0.05)
    assert state.seconds >= 0.05
    assert 0 < snapshot.header.step < SMALL.budget
    state, snapshot = train_slice(state, steps=10**6)
    assert (state.step, snapshot.header.finished, finished(state)) == (1000, True, True)
    same, _ = train_slice(state, steps=5)
    assert same.step == 1000
    further, snapshot = train_slice(state, steps=5, hot=hot(SMALL, budget=2000))
    assert (further.step, snapshot.header.finished) == (1005, False)


def test_a_budget_in_seconds() -> None:
    config = SMALL.model_copy(update={"budget": 1.0, "budget_unit": "seconds"})
    state, snapshot = train_slice(new_run(config), steps=10**9)
    assert snapshot.header.finished
    # It ends with the step in which the budget was used up.
    assert state.seconds - 1.0 < 1.0 <= state.seconds


def test_the_learning_rate_can_change_while_it_trains() -> None:
    config = SMALL.model_copy(update={"schedule": "constant", "warmup": 0})
    state, _ = train_slice(new_run(config), steps=3)
    changed, snapshot = train_slice(state, steps=1, hot=hot(config, learning_rate=0.01))
    assert snapshot.header.learning_rate == pytest.approx(0.01)
    after, snapshot = train_slice(changed, steps=1)
    assert snapshot.header.learning_rate == pytest.approx(0.01)
    assert after.hot.learning_rate == 0.01


def test_schedule() -> None:
    config = RunConfig(warmup=10)
    assert rate_factor(config, 0.0, 0) == pytest.approx(0.1)
    assert rate_factor(config, 0.0, 10) == 1
    assert rate_factor(config, 0.5, 100) == pytest.approx((1 + FLOOR) / 2)
    assert rate_factor(config, 1.0, 100) == pytest.approx(FLOOR)
    assert rate_factor(RunConfig(warmup=0, schedule="constant"), 0.9, 0) == 1


def test_divergence_ends_the_run_with_the_best_state() -> None:
    good, _ = train_slice(new_run(FRAGILE), steps=60)
    state, snapshot = train_slice(good, steps=60, hot=TOO_FAST)
    assert "diverged at step" in snapshot.header.failure
    assert "lower the learning rate" in snapshot.header.failure
    assert snapshot.header.step == 60
    assert np.array_equal(state.weights, good.weights)
    assert math.isfinite(held_out(snapshot))
    still, snapshot = train_slice(state, steps=0)
    assert (still.step, bool(snapshot.header.failure)) == (60, True)


def test_after_a_divergence_it_goes_on_from_the_best_state_with_a_smaller_rate() -> None:
    good, _ = train_slice(new_run(FRAGILE), steps=60)
    broken, _ = train_slice(good, steps=60, hot=TOO_FAST)
    assert broken.failure
    after, snapshot = train_slice(broken, steps=10, hot=FRAGILE.hot)
    assert (after.step, snapshot.header.failure) == (70, "")
    same, _ = train_slice(good, steps=10)
    assert np.array_equal(after.weights, same.weights)


#: Its numbers stay finite, far above the untrained model's.
FINITE = RunConfig(learning_rate=0.5, seed=1, budget=400)


def test_divergence_with_finite_numbers_ends_the_run_with_its_best_state() -> None:
    state, snapshot = train_slice(new_run(FINITE), steps=20)
    untrained = float(state.held_out_curve[0, 1])
    while not snapshot.header.finished and not state.failure:
        state, snapshot = train_slice(state, steps=20)
    assert "diverged at step" in snapshot.header.failure
    assert state.train_curve[-1, 0] > state.step, "the curve shows what happened"
    assert state.judgement is not None
    assert held_out(snapshot) == state.judgement[1] == state.best_loss
    assert held_out(snapshot) <= untrained
    picture = snapshot.picture(DensityPicture)
    assert picture is not None
    assert picture.code.max() > 50, "there is a density to be seen"
    on, snapshot = train_slice(state, steps=20, hot=hot(FINITE, learning_rate=1e-3))
    assert on.step == state.step + 20
    assert not snapshot.header.failure
    assert (np.diff(on.train_curve[:, 0]) > 0).all(), "the curve goes on from the state"
    assert (np.diff(on.held_out_curve[:, 0]) > 0).all()


def test_a_look_that_takes_long_is_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowplay.training.live_run._JUDGING", {})
    state, _ = train_slice(new_run(SMALL), steps=20)
    live = LiveRun(state)
    after = replace(state, step=40, steps_per_second=10.0)
    assert slices._held_out_due(after, live)
    # Twenty steps took 2 s; a look of 0.4 s is a fifth of that, one of 0.5 s is more.
    live.judging_seconds = 0.39
    assert slices._held_out_due(after, live)
    live.judging_seconds = 0.5
    assert not slices._held_out_due(after, live)


def judged_at(steps: list[float], losses: list[float], train: float) -> RunState:
    curve = np.column_stack([steps, losses])
    state = new_run(SMALL)
    return replace(
        state,
        step=int(steps[-1]),
        train_loss=train,
        train_curve=np.array([[1.0, 2.0], [steps[-1], train]]),
        held_out_curve=curve,
        best_loss=min(losses),
    )


@pytest.mark.parametrize(
    ("steps", "losses", "train", "found"),
    [
        ([0, 50, 100, 150, 200], [2.0, 0.5, 9.0, 9.0, 9.0], 9.0, 100),
        ([0, 50, 100, 150], [2.0, 0.5, 9.0, 9.0], 9.0, None),  # broken for 50 steps only
        ([0, 50, 100, 150, 200], [2.0, 0.5, 9.0, 9.0, 0.7], 0.7, None),  # it has recovered
        ([0, 50, 100, 150, 200], [2.0, 0.5, 9.0, 9.0, 9.0], -1.0, None),  # it overfits
        ([0, 50, 100, 150, 200], [2.0, 2.4, 2.4, 2.4, 2.4], 2.4, None),  # little worse
    ],
)
def test_what_counts_as_divergence(
    steps: list[float], losses: list[float], train: float, found: int | None
) -> None:
    state = judged_at(steps, losses, train)
    judge = partial(diverged_since, state, by_likelihood=True)
    assert judge(settled=True, finished=False) == found
    assert judge(settled=False, finished=False) is None


def test_at_the_end_two_judgements_are_enough() -> None:
    state = judged_at([0, 50, 100, 110], [2.0, 0.5, 9.0, 9.0], 9.0)
    assert diverged_since(state, by_likelihood=True, settled=True, finished=True) == 100


def test_a_flow_that_breaks_between_two_looks_ends_with_the_slice_that_broke_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Losses and weights may be numbers where a density is none: every slice asks a few points."""
    good, _ = train_slice(new_run(SMALL), steps=60)
    monkeypatch.setattr(slices, "_held_out_due", lambda *_: False)
    sound, snapshot = train_slice(good, seconds=0.02)
    assert not snapshot.header.failure
    assert len(sound.held_out_curve) == len(good.held_out_curve), "the held-out points were seen"
    monkeypatch.setattr(LossOnData, "is_sound", lambda *_: False)
    state, snapshot = train_slice(sound, seconds=0.02)
    assert "diverged" in snapshot.header.failure
    assert np.array_equal(state.weights, good.weights), "the last state that was judged"


def test_snapshot_and_state_survive_their_byte_forms() -> None:
    state, snapshot = train_slice(new_run(SMALL), steps=5)
    again = RunState.from_bytes(state.to_bytes())
    for field in fields(state):
        np.testing.assert_equal(getattr(again, field.name), getattr(state, field.name))
    read = Snapshot.from_bytes(snapshot.to_bytes())
    for field in fields(snapshot):
        np.testing.assert_equal(
            asdict_all(getattr(read, field.name)), asdict_all(getattr(snapshot, field.name))
        )
    assert Header.of(snapshot.to_bytes()) == snapshot.header
    assert state.config == SMALL
    with pytest.raises(ValueError, match="Expected a flowplay snapshot"):
        Snapshot.from_bytes(state.to_bytes())


def test_snapshot_tells_the_truth_about_the_untrained_flow() -> None:
    """The first picture is the base in data units: a Gaussian with the data's mean and spread."""
    state, snapshot = train_slice(new_run(RunConfig()), steps=0)
    target = make_target("moons", 0.05)
    data = target.sample(20_000, 0)
    mean, std = data.mean(0), data.std(0)
    centres = cell_centres(target.window, 64)
    gauss = np.exp(-0.5 * (((centres - mean) / std) ** 2).sum(-1)) / (2 * np.pi * std.prod())
    shown = decode_density(density(snapshot).code, density(snapshot).scale)
    assert np.abs(shown - gauss).max() < 0.01
    assert snapshot.header.parameters == state.weights.size
    # N(0, I) on standardized data costs log(2 pi) + 1 = 2.838 nats.
    assert held_out(snapshot) == pytest.approx(2.838 + np.log(std.prod()), abs=0.02)


def test_curves_grow_and_are_thinned() -> None:
    state, snapshot = train_slice(new_run(SMALL), steps=20)
    assert snapshot.curves["train"].points[-1, 0] == 20
    assert snapshot.curves["held_out"].points[-1, 0] == 20
    assert snapshot.curves["held_out"].points[0, 0] == 0
    long = np.column_stack([np.arange(CURVE_LENGTH + 1.0), np.zeros(CURVE_LENGTH + 1)])
    thinned = _thin(long)
    assert len(thinned) <= CURVE_LENGTH
    assert thinned[0, 0] == 0
    assert thinned[-1, 0] == CURVE_LENGTH
    assert state.train_curve[:, 1].mean() == pytest.approx(state.train_loss, abs=0.5)


def test_a_worker_s_slice_takes_and_gives_bytes() -> None:
    config = SMALL.model_dump_json()
    state, snapshot = run_slice(config, None, {"steps": 3})
    state, snapshot = run_slice(config, state, {"steps": 3, "fine": True})
    assert Snapshot.from_bytes(snapshot).header.step == 6
    assert density(Snapshot.from_bytes(snapshot)).code.shape == (192, 192)
    frames = LayerFrames.from_bytes(layer_frames(state, None, True))
    assert frames.step == 6
    assert frames.states == [0, 1, 2, 3]


@pytest.mark.parametrize("architecture", FLOW_FAMILIES)
def test_trained_flow_is_a_density_and_stays_above_the_entropy(architecture: str) -> None:
    config = RunConfig(architecture=architecture, budget=300)
    state, snapshot = train_slice(new_run(config), steps=300)
    flow, held_out_points = flow_of(pool.live_run(state)), LiveRun(state).held_out
    target = make_target("moons", 0.05)
    side = torch.linspace(-4, 4, 281)
    grid = torch.cartesian_prod(side, side)
    with torch.inference_mode():
        log_prob = torch.cat([flow.log_prob(g) for g in grid.split(BLOCK)])
        surprise = -flow.log_prob(held_out_points).double()
    mass = float(log_prob.double().exp().sum()) * float(side[1] - side[0]) ** 2
    assert mass == pytest.approx(1, abs=0.01)
    standard_error = float(surprise.std()) / math.sqrt(len(surprise))
    assert held_out(snapshot) > target.entropy - 3 * standard_error
    assert held_out(snapshot) < 0.75 * 1.98, "training did not help"


def test_cuda_is_refused_where_there_is_none() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ValueError, match="no CUDA device"):
        train_slice(new_run(SMALL.model_copy(update={"device": "cuda"})), steps=1)


def test_exact_density_is_read_only_and_normalized() -> None:
    target = make_target("moons", 0.05)
    density = exact_density(target, 256)
    assert density is not None
    x_min, x_max, _, _ = target.window
    assert float(density.sum()) * ((x_max - x_min) / 256) ** 2 == pytest.approx(1, abs=1e-3)
    with pytest.raises(ValueError, match="read-only"):
        density[0, 0] = 1
