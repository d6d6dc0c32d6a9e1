"""Pairs of draws and points in flow matching: a new order of the draws, and shorter paths."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from flowplay.flows.flow_matching import COUPLINGS, optimal_pairs, sorted_pairs


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


def test_in_one_dimension_sorted_pairs_are_optimal() -> None:
    torch.manual_seed(0)
    z, x = torch.randn(50, 1), torch.rand(50, 1)
    torch.testing.assert_close(sorted_pairs(z, x), optimal_pairs(z, x))
    assert torch.equal(sorted_pairs(z, x).flatten().argsort(), x.flatten().argsort())
