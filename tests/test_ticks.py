"""Ticks are few, round and where their label says."""

from __future__ import annotations

import itertools
import math

import pytest

from flowplay.ticks import axis_ticks, density_ticks, round_up


def value_of(label: str) -> float:
    """Read a number as pages write it."""
    raised = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")
    return float(label.replace(" × 10", "e").translate(raised).replace(",", ""))


@pytest.mark.parametrize(("low", "high"), [(-2.5, 2.5), (0.0, 1.0), (-0.3, 0.2), (-1200.0, 900.0)])
def test_axis_ticks_stand_at_their_label(low: float, high: float) -> None:
    ticks = axis_ticks(low, high)
    assert 2 <= len(ticks) <= 6
    for at, label in ticks:
        assert low + at * (high - low) == pytest.approx(value_of(label), abs=1e-3)


@pytest.mark.parametrize("scale", [1e-6, 0.159, 1.0, 3.7, 42.0, 8e4])
def test_density_ticks_stand_at_the_root_of_their_density(scale: float) -> None:
    ticks = density_ticks(scale)
    assert 3 <= len(ticks) <= 7
    for at, label in ticks:
        assert at == pytest.approx(math.sqrt(value_of(label) / scale), abs=1e-5)
        assert 0 <= at <= 1
    positions = [at for at, _ in ticks]
    assert min(b - a for a, b in itertools.pairwise(positions)) > 0.1


def test_round_up_keeps_what_is_round() -> None:
    assert [round_up(v) for v in (0.2, 0.21, 1.0, 99.0)] == [0.2, 0.25, 1.0, 100.0]


def test_labels_of_huge_values_stay_short() -> None:
    for _, label in axis_ticks(0.0, 3e27):
        assert len(label) < 14


def test_labels_are_written_as_all_numbers_are() -> None:
    assert [label for _, label in axis_ticks(0.0, 4000.0, 2)] == ["0", "2,000", "4,000"]
    assert density_ticks(1e-5)[-1][1] == "1 × 10⁻⁵"
    assert [label for _, label in axis_ticks(-0.5, 0.5, 2)] == ["−0.5", "0", "0.5"]
