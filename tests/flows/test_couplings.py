"""Pairs of draws and points in flow matching: a new order of the draws, and shorter paths."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flowplay.flows import build_flow
from flowplay.flows.flow_matching import (
    COUPLINGS,
    LARGEST_ASSIGNMENT,
    optimal_pairs,
    sorted_pairs,
)


@given(st.integers(1, 70), st.integers(1, 6), st.sampled_from(sorted(COUPLINGS)), st.integers(0, 9))
def test_pairs_are_the_same_draws_in_another_order(
    n: int, dim: int, coupling: str, seed: int
) -> None:
    z, x = torch.randn(2, n, dim, generator=torch.Generator().manual_seed(seed))
    paired = COUPLINGS[coupling](z, x)
    assert paired.shape == z.shape
    assert sorted(map(tuple, paired.tolist())) == sorted(map(tuple, z.tolist()))


def test_sorted_pairs_have_shorter_paths_than_chance_and_optimal_ones_the_shortest() -> None:
    torch.manual_seed(0)
    z, x = torch.randn(256, 2), torch.randn(256, 2) + 1
    lengths = {
        name: float((pair(z, x) - x).square().sum(-1).mean()) for name, pair in COUPLINGS.items()
    }
    assert lengths["optimal"] < lengths["sorted"] < 0.75 * lengths["independent"]


def test_a_large_batch_has_shortest_paths_in_groups() -> None:
    torch.manual_seed(0)
    z, x = torch.randn(2, 2 * LARGEST_ASSIGNMENT + 5, 2)
    paired = optimal_pairs(z, x)
    first = optimal_pairs(z[:LARGEST_ASSIGNMENT], x[:LARGEST_ASSIGNMENT])
    assert torch.equal(paired[:LARGEST_ASSIGNMENT], first)


@pytest.mark.parametrize("coupling", sorted(COUPLINGS))
def test_broken_points_break_the_loss_and_nothing_else(coupling: str) -> None:
    flow = build_flow("flow_matching", 2, depth=2, width=8, coupling=coupling)
    x = torch.randn(20, 2)
    x[3, 0] = torch.nan
    loss, _ = flow.loss_and_gradient(x)
    assert not loss.isfinite()


def test_with_three_coordinates_each_strip_is_sorted_within() -> None:
    """Of 27 points three strips of nine, of three strips of three each."""
    torch.manual_seed(0)
    x = torch.randn(27, 3)
    marks = torch.arange(27.0).unsqueeze(1).expand(27, 3)
    # Draws whose own order by strips is that in which they stand.
    z = torch.stack((marks[:, 0] // 9, marks[:, 0] % 9 // 3, marks[:, 0] % 3), 1)
    paired = sorted_pairs(z, x)
    for strip in range(3):
        inside = paired[:, 0] == strip
        assert inside.sum() == 9
        lower = x[paired[:, 0] < strip, 0]
        assert not len(lower) or lower.max() <= x[inside, 0].min()
        for part in range(1, 3):
            here = inside & (paired[:, 1] == part)
            before = inside & (paired[:, 1] == part - 1)
            assert x[before, 1].max() <= x[here, 1].min()


def test_in_one_dimension_sorted_pairs_are_optimal() -> None:
    torch.manual_seed(0)
    z, x = torch.randn(50, 1), torch.rand(50, 1)
    torch.testing.assert_close(sorted_pairs(z, x), optimal_pairs(z, x))
    assert torch.equal(sorted_pairs(z, x).flatten().argsort(), x.flatten().argsort())
