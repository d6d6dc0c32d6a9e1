"""What benchmarks make of what they measured: fits, windows, shares of time."""

from __future__ import annotations

import pytest

from benchmarks.engine import Arrival, Share, in_window, longest_gap, speed_table, together
from benchmarks.scaling import growth, line
from benchmarks.slice_parts import STEPS, Clock, table


def test_growth_finds_the_exponent_of_a_power_law() -> None:
    sizes = [2.0, 4.0, 8.0, 64.0]
    fit = growth(sizes, [3 * size**1.5 for size in sizes])
    assert fit.exponent == pytest.approx(1.5)
    assert fit.r2 == pytest.approx(1)
    assert growth(sizes, [5.0] * 4).exponent == pytest.approx(0, abs=1e-12)


def test_line_finds_what_a_step_takes_before_its_first_layer() -> None:
    fit = line([2, 4, 64], [0.5 + 0.25 * depth for depth in (2, 4, 64)])
    assert fit == pytest.approx((0.5, 0.25))


def arrivals(*times: float) -> list[Arrival]:
    return [Arrival(at, step=10 * k, trained=0.1 * k) for k, at in enumerate(times)]


def test_window_begins_with_what_was_shown_then() -> None:
    seen = arrivals(1, 2, 4, 5, 9)
    assert [a.at for a in in_window(seen, 3, 6)] == [2, 4, 5]
    assert [a.at for a in in_window(seen, 2, 5)] == [2, 4, 5]
    assert [a.at for a in in_window(seen, 0, 1.5)] == [1]


def test_longest_interval_may_reach_out_of_the_window() -> None:
    seen = arrivals(1, 2, 4, 5, 9)
    assert longest_gap(seen, 3, 4.5) == 2
    assert longest_gap(seen, 3, 6) == 4
    assert longest_gap(arrivals(1), 3, 6) == 3, "nothing came at all"


def share_of(runs: int, steps: int, trained: float) -> Share:
    return Share(runs, 10.0, steps, trained, [1.0], 1.0, [1.0], 1.0, 0.01, 0.0)


def test_windows_of_a_count_are_taken_together() -> None:
    whole = together([share_of(1, 100, 9), share_of(2, 1, 1), share_of(1, 200, 8)], 1)
    assert whole is not None
    assert (whole.wall, whole.steps, whole.trained) == (20, 300, 17)
    assert together([share_of(2, 1, 1)], 1) is None


def test_speed_stands_beside_that_of_a_lone_run_and_of_training_alone() -> None:
    shares = [share_of(1, 1000, 8), share_of(2, 1800, 15), share_of(30, 1700, 16)]
    last = speed_table(shares, workers=2).splitlines()[-1]
    # 170 of 2 x 100 steps/s, and of 2 x 120 steps in a second of training.
    assert "| 85.0% | 70.8% |" in last
    assert "| 80.0% |" in last
    assert "| – |" in speed_table(shares[2:], workers=2)


def test_part_is_charged_with_what_parts_inside_leave() -> None:
    now = 0.0

    def pass_(seconds: float) -> None:
        nonlocal now
        now += seconds

    clock = Clock(lambda: now)
    inner = clock.timed(lambda: pass_(2.0), "inner")

    def outer() -> None:
        pass_(1.0)
        inner()
        inner()
        pass_(0.5)

    clock.timed(outer, "outer")()
    assert clock.spent == {"inner": 4.0, "outer": 1.5}


def test_table_of_parts_sums_up_what_is_not_training() -> None:
    text = table([{"snapshot": 0.02, STEPS: 0.17}, {STEPS: 0.19, "snapshot": 0.02}])
    assert text.splitlines()[2].startswith(f"| {STEPS} | 180.00 | 90.0% |")
    assert "| **all but the steps** | 20.00 | 10.0% |" in text
