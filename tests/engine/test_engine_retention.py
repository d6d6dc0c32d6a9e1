"""Which runs are let go: budgets in bytes, the longest unseen first, never one that is seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowplay.engine.retention import (
    CROWDED,
    UNSEEN,
    UNSEEN_SECONDS,
    Resident,
    looked_at_bytes,
    thin_histories,
    to_let_go,
)


def resident(run: str, seen_at: float, size: int, *, looked_at: bool = False) -> Resident:
    return Resident(run, seen_at, looked_at, (bytes(size),))


residents = st.lists(
    st.builds(
        resident,
        run=st.uuids().map(str),
        seen_at=st.floats(0, 1000),
        size=st.integers(1, 50),
        looked_at=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda r: r.run,
)


@given(residents, st.integers(0, 300))
def test_the_longest_unseen_go_and_no_more_than_needed(runs: list[Resident], budget: int) -> None:
    going = to_let_go(runs, now=1000.0, budget=budget)
    staying = [r for r in runs if r.run not in going]
    gone = [r for r in runs if r.run in going]
    assert not any(r.looked_at for r in gone)
    unseen = [r.seen_at for r in staying if not r.looked_at]
    assert all(r.seen_at <= seen for r in gone for seen in unseen)
    total = sum(len(r.parts[0]) for r in staying)
    looked_at = looked_at_bytes(runs)
    assert total <= budget or not unseen or looked_at > budget
    assert looked_at <= budget or not gone, "it would not have helped"
    if gone:
        latest = max(gone, key=lambda r: r.seen_at)
        assert total + len(latest.parts[0]) > budget, "it would have fitted"


def test_a_resting_run_of_200_megabytes_stays_while_somebody_looks_at_it() -> None:
    runs = [resident("seen", 0.0, 203, looked_at=True), resident("small", 5.0, 1)]
    assert to_let_go(runs, now=10.0, budget=100) == {}, "no other goes in vain"
    assert to_let_go(runs, now=10.0, budget=203) == {"small": CROWDED}


def test_runs_that_share_their_bytes_count_them_once() -> None:
    shared = bytes(60)
    runs = [Resident(str(k), float(k), False, (shared,)) for k in range(100)]
    assert to_let_go(runs, now=100.0, budget=60) == {}


def test_long_unseen_runs_go_whatever_they_take() -> None:
    runs = [resident("old", 0.0, 1), resident("seen", 0.0, 1, looked_at=True)]
    assert to_let_go(runs, now=UNSEEN_SECONDS - 1, budget=10) == {}
    assert to_let_go(runs, now=UNSEEN_SECONDS, budget=10) == {"old": UNSEEN.format(minutes=30)}


def test_the_largest_histories_are_thinned_until_all_fit() -> None:
    sizes = {"a": 40, "b": 100, "c": 3}

    def thin(run: str) -> int:
        freed = sizes[run] - sizes[run] // 2 if run != "c" else 0
        sizes[run] -= freed
        return freed

    thin_histories(dict(sizes), 143, thin)
    assert sizes == {"a": 40, "b": 100, "c": 3}, "all fit"
    thin_histories(dict(sizes), 100, thin)
    assert sizes == {"a": 40, "b": 50, "c": 3}
    thin_histories(dict(sizes), 0, thin)
    assert sizes == {"a": 0, "b": 0, "c": 3}, "what cannot be thinned ends nothing"
