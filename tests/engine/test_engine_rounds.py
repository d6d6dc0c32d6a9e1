"""Runs of one group get equal worker time: pure rounds, and the real engine on real models."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from deadline import until
from hypothesis import given, settings
from hypothesis import strategies as st

from flowplay.config import RunConfig
from flowplay.engine import Engine, Run
from flowplay.engine.dispatch import LONGEST_SLICE, SHORTEST_SLICE
from flowplay.engine.rounds import LONGEST, PICTURE_SECONDS, Rounds, group_slice_seconds

RACERS = (
    {"architecture": "realnvp"},
    {"architecture": "ffjord"},
    {"architecture": "planar"},
    {"architecture": "nsf"},
)


@given(st.integers(1, 64), st.integers(0, 100))
def test_slices_of_a_group_stay_within_the_bounds_of_all_slices(workers: int, active: int) -> None:
    assert SHORTEST_SLICE <= group_slice_seconds(workers, active) <= LONGEST_SLICE


def test_four_on_two_workers_are_pictured_more_than_twice_a_second() -> None:
    assert 4 / 2 * group_slice_seconds(2, 4) <= PICTURE_SECONDS < 0.5


def race(
    workers: int, off: Mapping[str, float], seconds: float, seed: int = 0
) -> tuple[dict[str, float], dict[str, int], float]:
    """Let runs train in rounds.

    Args:
        workers: how many.
        off: what each run's slices take beyond what was ordered, in seconds.
        seconds: that it lasts.
        seed: of small differences between slices.

    Returns:
        Worker seconds and slices of each run, and the longest slice.
    """
    jitter = random.Random(seed)
    rounds, slice_ = Rounds(), group_slice_seconds(workers, len(off))
    used, slices = dict.fromkeys(off, 0.0), dict.fromkeys(off, 0)
    flying: dict[str, tuple[float, float, float]] = {}
    now, longest = 0.0, 0.0
    while now < seconds:
        ready = [run for run in off if run not in flying]
        promised = {r: max(ordered, now - at) for r, (at, ordered, _) in flying.items()}
        lengths = rounds.lengths(ready, promised, slice_)
        assert flying or lengths, "somebody can always go"
        for run in list(lengths)[: workers - len(flying)]:
            took = lengths[run] + off[run] + jitter.uniform(0.0, 0.02)
            longest = max(longest, took)
            flying[run] = (now, lengths[run], now + took)
        run = min(flying, key=lambda r: flying[r][2])
        at, _, now = flying.pop(run)
        rounds.charge(run, now - at)
        used[run] += now - at
        slices[run] += 1
    return used, slices, longest


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.lists(st.floats(0.0, 1.5), min_size=2, max_size=4), st.integers(0, 9))
def test_nobody_is_ahead_by_more_than_its_longest_slice(
    workers: int, off: list[float], seed: int
) -> None:
    used, _, longest = race(workers, {f"r{k}": more for k, more in enumerate(off)}, 20.0, seed)
    assert max(used.values()) - min(used.values()) <= longest + LONGEST * LONGEST_SLICE


def test_a_run_with_slow_pictures_has_fewer_slices_but_as_much_time() -> None:
    used, slices, _ = race(2, {"slow": 0.3, "b": 0.01, "c": 0.01, "d": 0.0}, 40.0)
    assert max(used.values()) <= 1.03 * min(used.values())
    assert slices["slow"] < 0.6 * slices["b"]


def test_who_enters_later_makes_up_for_nothing() -> None:
    rounds = Rounds()
    rounds.lengths({"a", "b"}, {}, 0.2)
    rounds.charge("a", 5.0)
    rounds.charge("b", 5.0)
    assert set(rounds.lengths({"a", "b", "new"}, {}, 0.2)) == {"a", "b", "new"}
    rounds.drop("b")
    assert set(rounds.lengths({"a", "new"}, {}, 0.2)) == {"a", "new"}
    assert rounds.lengths((), {}, 0.2) == {}


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(workers=2)
    until(lambda: engine.status.workers == 2, 180, what="two workers")
    yield engine
    engine.close()


class Looking:
    """Looks at runs as an open page does.

    Attributes:
        longest: seconds of the longest slice so far; a slice is not divided, so that runs may be
            so far apart.
    """

    def __init__(self, runs: list[Run]) -> None:
        self.runs = runs
        self.longest = 0.0
        self._before = dict.fromkeys((run.id for run in runs), 0.0)

    @property
    def used(self) -> list[float]:
        return [run.view().worker_seconds for run in self.runs]

    def all_have(self, seconds: float) -> bool:
        """Tell whether each has had so much worker time."""
        for run, used in zip(self.runs, self.used, strict=True):
            run.renew()
            self.longest = max(self.longest, used - self._before[run.id])
            self._before[run.id] = used
        return min(self.used) >= seconds

    def apart(self) -> float:
        return max(self.used) - min(self.used)


@pytest.mark.slow
def test_contestants_get_equal_worker_time_on_the_real_engine(engine: Engine) -> None:
    shared = {"budget": 1000.0, "budget_unit": "seconds"}
    configs = [RunConfig.model_validate(racer | shared) for racer in RACERS]
    # Somebody else trains on the same workers.
    other = engine.open_run(RunConfig(budget=1_000_000, seed=9))
    runs = [engine.open_run(config, group="race") for config in configs]
    for run in (*runs, other):
        run.play()

    looking = Looking(runs)

    def ten_seconds() -> bool:
        other.renew()
        return looking.all_have(10.0)

    until(ten_seconds, 300, "each has had ten seconds of the workers")
    assert looking.apart() <= max(0.05 * max(looking.used), looking.longest), looking.used
    steps = [header.step for run in runs if (header := run.view().header) is not None]
    assert max(steps) > 2 * min(steps), "equal time is not equal steps"


def test_two_runs_with_a_worker_each_stay_together(engine: Engine) -> None:
    runs = [
        engine.open_run(RunConfig.model_validate(racer | {"budget": 1e6}), group="race")
        for racer in RACERS[:2]
    ]
    for run in runs:
        run.play()
    looking = Looking(runs)
    until(lambda: looking.all_have(3.0), 180, "each has had three seconds of the workers")
    assert looking.apart() <= max(0.1 * max(looking.used), looking.longest), looking.used
    runs[0].pause()
    alone = looking.used[1]
    until(lambda: looking.all_have(0.0) and looking.used[1] > alone + 1.0, 120, "one goes on alone")


class Gated(NamedTuple):
    """Two contestants on an engine of fake work; the stills of the first end when they may."""

    runs: list[Run]
    gate: Path
    clock: list[float]  # by how many seconds the engine's clock is ahead

    def watch(self, condition: Callable[[], object]) -> None:
        """Look at both as an open page does, until `condition` is true."""

        def look() -> object:
            for run in self.runs:
                run.renew()
            return condition()

        until(look, 60, f"wanted of {[run.view() for run in self.runs]}")

    def held(self) -> bool:
        return Path(f"{self.gate}.waiting").exists()

    def step(self, at: int) -> int:
        header = self.runs[at].view().header
        return 0 if header is None else header.step


@pytest.fixture
def gated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gated]:
    gate, ahead = tmp_path / "gate", [0.0]
    monkeypatch.setenv("STILL_GATE", str(gate))
    engine = Engine(
        workers=2,
        preload="fake_work",
        work="fake_work:gated_stills",
        clock=lambda: time.monotonic() + ahead[0],
    )
    until(lambda: engine.status.workers == 2, what="two workers")
    configs = [RunConfig(budget=1_000_000, seed=seed) for seed in (1, 2)]
    gated = Gated([engine.open_run(config, group="race") for config in configs], gate, ahead)
    for run in gated.runs:
        run.play()
    gated.watch(lambda: min(gated.step(0), gated.step(1)) > 20)
    yield gated
    gate.touch()
    engine.close()


def test_nobody_waits_for_a_still_of_a_run_that_trains_on(gated: Gated) -> None:
    for run in gated.runs:
        run.pause()
    gated.watch(gated.held)
    for run in gated.runs:
        run.play()
    before, still = gated.step(1), gated.step(0)
    gated.watch(lambda: gated.step(1) > before + 200)
    assert gated.step(0) == still, "its still is not done yet"
    gated.gate.touch()
    gated.watch(lambda: gated.step(0) > still)


def test_the_still_after_a_step_is_no_time_of_training(gated: Gated) -> None:
    first, second = gated.runs
    for run in gated.runs:
        run.pause()
    gated.watch(gated.held)
    gated.gate.touch()
    gated.watch(lambda: not any(run.view().pending for run in gated.runs))
    gated.gate.unlink()
    Path(f"{gated.gate}.waiting").unlink()
    first.step()
    gated.watch(gated.held)
    trained = first.view().worker_seconds
    gated.clock[0] += 17.0
    gated.gate.touch()
    gated.watch(lambda: not first.view().pending)
    assert first.view().worker_seconds < trained + 17.0
    before, step, seconds = gated.step(0), gated.step(1), second.view().worker_seconds
    for run in gated.runs:
        run.play()
    gated.watch(lambda: gated.step(0) > before and gated.step(1) > step)
    assert second.view().worker_seconds < seconds + 8.5, "the other did not have to catch up"
