"""Who goes next: pure functions, and a simulated classroom."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flowplay.engine.dispatch import (
    HOME_ADVANTAGE,
    LONGEST_SLICE,
    SHORTEST_SLICE,
    Waiting,
    assign,
    slice_seconds,
)

WORKERS = ["w1", "w2", "w3"]
waiting_runs = st.lists(
    st.builds(
        Waiting,
        run=st.uuids().map(str),
        since=st.floats(0, 10),
        home=st.sampled_from([None, *WORKERS, "gone"]),
    ),
    max_size=12,
    unique_by=lambda w: w.run,
)
idle_workers = st.lists(st.sampled_from(WORKERS), unique=True)


@given(st.integers(1, 64), st.integers(0, 1000))
def test_slices_stay_within_their_bounds(workers: int, active: int) -> None:
    assert SHORTEST_SLICE <= slice_seconds(workers, active) <= LONGEST_SLICE
    assert slice_seconds(workers, active + 1) <= slice_seconds(workers, active)


@given(waiting_runs, idle_workers, st.floats(0, 1))
def test_no_worker_idles_while_a_run_waits(
    waiting: list[Waiting], idle: list[str], advantage: float
) -> None:
    pairs = assign(waiting, idle, advantage)
    assert len(pairs) == min(len(waiting), len(idle))
    assert len({run for run, _ in pairs}) == len({worker for _, worker in pairs}) == len(pairs)


@given(waiting_runs, idle_workers, st.floats(0, 1))
def test_nobody_is_overtaken_by_more_than_the_advantage(
    waiting: list[Waiting], idle: list[str], advantage: float
) -> None:
    since = {w.run: w.since for w in waiting}
    chosen = {run for run, _ in assign(waiting, idle, advantage)}
    for left in since.keys() - chosen:
        assert all(since[run] - since[left] <= advantage for run in chosen)


def test_run_returns_to_its_worker() -> None:
    waiting = [Waiting("a", 1.0, "w2"), Waiting("b", 1.1, "w1")]
    assert set(assign(waiting, ["w1", "w2"], 0.0)) == {("a", "w2"), ("b", "w1")}


def test_newcomer_leaves_a_worker_to_who_is_at_home_there() -> None:
    waiting = [Waiting("new", 1.0, None), Waiting("b", 1.1, "w1")]
    assert set(assign(waiting, ["w1", "w2"], 0.0)) == {("new", "w2"), ("b", "w1")}


def simulate(runs: int, workers: int, slices: int) -> tuple[list[list[float]], int]:
    """Return when each run was given slices, and how often one changed its worker."""
    names = [f"w{k}" for k in range(workers)]
    free_at = dict.fromkeys(names, 0.0)
    ready: dict[str, Waiting] = {
        f"r{k:03d}": Waiting(f"r{k:03d}", 0.001 * k, None) for k in range(runs)
    }
    starts: dict[str, list[float]] = {name: [] for name in ready}
    moves = 0
    length = slice_seconds(workers, runs)
    flying: list[tuple[float, str, str]] = []
    now = 0.0
    for turn in range(slices):
        idle = [w for w in names if free_at[w] <= now]
        for run, worker in assign(ready.values(), idle, HOME_ADVANTAGE * length):
            moves += ready[run].home not in (None, worker)
            starts[run].append(now)
            end = now + length * (1.0 + 0.03 * (turn % 3))
            free_at[worker] = end
            flying.append((end, run, worker))
            del ready[run]
        now, run, worker = min(flying)
        flying.remove((now, run, worker))
        ready[run] = Waiting(run, now, worker)
    return list(starts.values()), moves


def test_thirty_runs_on_four_workers_share_alike_and_stay_at_home() -> None:
    starts, moves = simulate(runs=30, workers=4, slices=3000)
    counts = [len(s) for s in starts]
    assert max(counts) - min(counts) <= 0.25 * max(counts)
    assert moves < 0.1 * sum(counts)
    longest = max(later - sooner for s in starts for sooner, later in pairwise(s))
    assert longest < 2.5 * slice_seconds(4, 30) * 30 / 4
