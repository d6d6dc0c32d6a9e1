"""Who goes next: pure functions, and a simulated classroom."""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowplay.engine.dispatch import (
    HOME_ADVANTAGE,
    LEAD,
    LONGEST_SLICE,
    MOST_STRETCH,
    SHORTEST_SLICE,
    Stretch,
    VirtualTimes,
    Waiting,
    assign,
    slice_seconds,
    turn_seconds,
)

ROOM = [f"r{k:03d}" for k in range(30)]
WORKERS = ["w1", "w2", "w3"]
waiting_runs = st.lists(
    st.builds(
        Waiting,
        run=st.uuids().map(str),
        used=st.floats(0, 10),
        since=st.floats(0, 10),
        home=st.sampled_from([None, *WORKERS, "gone"]),
    ),
    max_size=12,
    unique_by=lambda w: w.run,
)
idle_workers = st.lists(st.sampled_from(WORKERS), unique=True)


@given(st.integers(1, 64), st.integers(0, 1000), st.floats(1.0, 2.0))
def test_slices_stay_within_their_bounds(workers: int, active: int, stretch: float) -> None:
    assert SHORTEST_SLICE <= slice_seconds(workers, active, stretch) <= LONGEST_SLICE
    assert slice_seconds(workers, active + 1, stretch) <= slice_seconds(workers, active, stretch)
    assert slice_seconds(workers, active, stretch) <= slice_seconds(workers, active)


@given(st.lists(st.tuples(st.floats(0.1, 0.3), st.floats(0.0, 100.0)), max_size=300))
def test_long_turns_stretch_no_more_than_a_machine_may(
    turns: list[tuple[float, float]],
) -> None:
    stretch = Stretch()
    for ordered, took in turns:
        stretch.note(ordered, took)
    assert 1.0 <= stretch.ratio <= MOST_STRETCH


@given(waiting_runs, idle_workers, st.floats(0, 1), st.floats(0, 3))
def test_no_worker_idles_while_a_run_waits(
    waiting: list[Waiting], idle: list[str], advantage: float, lead: float
) -> None:
    pairs = assign(waiting, idle, advantage, lead)
    assert len(pairs) == min(len(waiting), len(idle))
    assert len({run for run, _ in pairs}) == len({worker for _, worker in pairs}) == len(pairs)


@given(waiting_runs, idle_workers, st.floats(0, 1), st.floats(0, 3))
def test_nobody_is_overtaken_by_more_than_lead_and_advantage(
    waiting: list[Waiting], idle: list[str], advantage: float, lead: float
) -> None:
    runs = {w.run: w for w in waiting}
    chosen = {run for run, _ in assign(waiting, idle, advantage, lead)}
    least = min((runs[run].used for run in runs.keys() - chosen), default=0.0)
    for run in chosen:
        for left in runs.keys() - chosen:
            assert runs[run].used - runs[left].used <= lead
            if runs[left].used - least <= lead and runs[left].used <= runs[run].used:
                assert runs[run].since - runs[left].since <= advantage


def test_run_returns_to_its_worker() -> None:
    waiting = [Waiting("a", 1.0, 1.0, "w2"), Waiting("b", 1.0, 1.1, "w1")]
    assert set(assign(waiting, ["w1", "w2"], 0.0, 1.0)) == {("a", "w2"), ("b", "w1")}


def test_newcomer_leaves_a_worker_to_who_is_at_home_there() -> None:
    waiting = [Waiting("new", 1.0, 1.0, None), Waiting("b", 1.0, 1.1, "w1")]
    assert set(assign(waiting, ["w1", "w2"], 0.0, 1.0)) == {("new", "w2"), ("b", "w1")}


def test_who_has_used_much_more_goes_last_though_waiting_longest_and_at_home() -> None:
    waiting = [Waiting("slow", 2.0, 0.0, "w1"), Waiting("b", 0.5, 5.0, None)]
    assert assign(waiting, ["w1"], 9.0, 1.0) == [("b", "w1")]
    assert assign(waiting, ["w1"], 9.0, 1.5) == [("slow", "w1")]


def test_newcomer_enters_at_the_smallest_virtual_time_and_no_later() -> None:
    times = VirtualTimes()
    times.enter({"a", "b"})
    times.charge("a", 7.0)
    times.charge("b", 9.0)
    times.enter({"a", "b", "new"})
    assert times.used("new") == 7.0


def test_absence_gives_no_claim_and_costs_nothing() -> None:
    times = VirtualTimes()
    times.enter({"a", "b"})
    times.charge("a", 5.0)
    times.enter({"b"})
    times.charge("b", 600.0)
    times.enter({"a", "b"})
    assert times.used("a") == times.used("b") == 600.0, "nothing is made up for"
    times.charge("a", 2.0)
    times.enter({"b"})
    times.enter({"a", "b"})
    assert times.used("a") == 602.0, "leaving for a moment gains nothing"


def test_time_stands_still_while_nobody_wants_slices() -> None:
    times = VirtualTimes()
    times.enter({"a"})
    times.charge("a", 600.0)
    times.enter(set())
    times.enter({"new"})
    times.charge("new", 1.0)
    times.enter({"a", "new"})
    assert times.used("new") == 601.0
    assert times.used("a") == 601.0, "who trained while alone does not wait for who came later"


def test_without_a_queue_nobody_is_owed_anything() -> None:
    times = VirtualTimes()
    times.enter({"a", "b"})
    times.charge("a", 600.0)
    times.charge("b", 590.0)  # as much of the time, but more gaps between slices
    times.level()
    assert times.used("a") == times.used("b") == 600.0


def test_dropped_run_is_forgotten_and_not_charged() -> None:
    times = VirtualTimes()
    times.enter({"a", "b"})
    times.charge("a", 3.0)
    times.drop("a")
    times.charge("a", 3.0)
    times.drop("a")
    with pytest.raises(KeyError):
        times.used("a")
    times.enter({"b", "new"})
    assert times.used("new") == times.used("b") == 0.0


class Classroom(NamedTuple):
    """What became of each run.

    Attributes:
        starts: when it was given slices.
        seconds: worker seconds that its slices count as.
        longest: its longest slice, as it counts.
        moves: how often one of all runs changed its worker.
    """

    starts: dict[str, list[float]]
    seconds: dict[str, float]
    longest: dict[str, float]
    moves: int


def simulate(
    runs: int,
    workers: int,
    until: float,
    lengths: Mapping[str, float] | None = None,
    joining: Mapping[str, float] | None = None,
    noise: float = 0.0,
) -> Classroom:
    """Let runs share workers as the engine does.

    Args:
        runs: how many.
        workers: how many.
        until: seconds that it lasts.
        lengths: what slices of a run last whatever is ordered, in seconds.
        joining: when a run begins to want slices; at once by default.
        noise: standard deviation of log(what a slice lasts / what it computes), by chance.
    """
    rng = random.Random(0)
    names = [f"w{k}" for k in range(workers)]
    length = slice_seconds(workers, runs)
    all_runs = [f"r{k:03d}" for k in range(runs)]
    joins = {run: (joining or {}).get(run, 0.0) for run in all_runs}
    homes: dict[str, str | None] = dict.fromkeys(all_runs)
    since = dict(joins)
    times = VirtualTimes()
    room = Classroom({r: [] for r in all_runs}, dict.fromkeys(all_runs, 0.0), {}, 0)
    flying: list[tuple[float, str, str, float]] = []
    now, moves, turn = 0.0, 0, 0
    while now < until:
        away = {run for _, run, _, _ in flying}
        present = {run for run in all_runs if joins[run] <= now}
        times.enter(present)
        waiting = [Waiting(r, times.used(r), since[r], homes[r]) for r in sorted(present - away)]
        busy = {worker for _, _, worker, _ in flying}
        idle = [w for w in names if w not in busy]
        pairs = assign(waiting, idle, HOME_ADVANTAGE * length, LEAD * length)
        if len(pairs) == len(waiting):
            times.level()
        for run, worker in pairs:
            turn += 1
            moves += homes[run] not in (None, worker)
            room.starts[run].append(now)
            took = (lengths or {}).get(run, length * (1.0 + 0.03 * (turn % 3)))
            counted = turn_seconds(length, took)
            room.longest[run] = max(counted, room.longest.get(run, 0.0))
            lasts = took * rng.lognormvariate(0.0, noise)
            flying.append((now + lasts, run, worker, counted))
        if not flying:
            now = min(t for t in joins.values() if t > now)
            continue
        landing = min(flying)
        flying.remove(landing)
        now, run, worker, counted = landing
        times.charge(run, counted)
        room.seconds[run] += counted
        homes[run], since[run] = worker, now
    return room._replace(moves=moves)


def test_thirty_runs_on_four_workers_share_alike_and_stay_at_home() -> None:
    room = simulate(runs=30, workers=4, until=150.0)
    starts = list(room.starts.values())
    counts = [len(s) for s in starts]
    assert max(counts) - min(counts) <= 0.25 * max(counts)
    assert room.moves < 0.1 * sum(counts)
    longest = max(later - sooner for s in starts for sooner, later in pairwise(s))
    a_round = slice_seconds(4, 30) * 30 / 4
    assert longest < 2.0 * a_round
    assert max(s[0] for s in starts) < 1.5 * a_round


def test_a_worker_that_shares_its_cores_takes_no_turn_from_a_run() -> None:
    room = simulate(runs=30, workers=2, until=100.0, lengths=dict.fromkeys(ROOM, 0.1), noise=0.6)
    waits = [b - a for s in room.starts.values() for a, b in pairwise(s)]
    assert max(waits) < 1.7 * statistics.median(waits), "two rounds would be twice as long"


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.integers(1, 8), st.data())
def test_no_run_gets_ahead_of_another_by_more_than_the_lead_and_two_slices(
    workers: int, beside: int, data: st.DataObject
) -> None:
    runs = workers + beside
    # A run that is done before its slice is over would count as more than it had.
    lasts = st.floats(slice_seconds(workers, runs), 3.0)
    lengths = {f"r{k:03d}": data.draw(lasts) for k in range(runs)}
    room = simulate(runs, workers, until=25.0, lengths=lengths)
    lead = LEAD * slice_seconds(workers, runs)
    ahead = max(room.seconds.values()) - min(room.seconds.values())
    assert ahead <= lead + 2.0 * max(room.longest.values()) + 1e-6


def test_two_second_steps_take_no_more_than_their_share() -> None:
    room = simulate(runs=8, workers=2, until=120.0, lengths={"r000": 2.0})
    total = sum(room.seconds.values())
    assert room.seconds["r000"] / total < 1 / 8 + 2.0 / total
    gaps = [b - a for r in list(room.starts)[1:] for a, b in pairwise(room.starts[r])]
    assert max(gaps) < 2.0 * 7 * LONGEST_SLICE, "the other worker serves them all meanwhile"


def test_latecomers_share_alike_from_when_they_came() -> None:
    room = simulate(runs=6, workers=2, until=90.0, joining={"r004": 60.0, "r005": 60.0})
    late = [room.seconds[r] for r in ("r004", "r005")]
    # Thirty seconds of two workers for six runs are ten for each.
    assert late == pytest.approx([10.0, 10.0], abs=1.0)
    assert max(room.starts["r000"][-1], room.starts["r001"][-1]) > 88.0


def test_runs_that_had_a_worker_each_are_both_served_when_a_third_comes() -> None:
    # The second one's slices are shorter than they are charged: it falls behind without a queue.
    room = simulate(runs=3, workers=2, until=310.0, lengths={"r001": 2.0}, joining={"r002": 300.0})
    for run in ("r000", "r001"):
        recent = [b - a for a, b in pairwise(room.starts[run]) if b > 300.0]
        assert max(recent) < 6.0
