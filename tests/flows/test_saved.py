"""What layers save for their backward pass: named, and flat where autograd stores it."""

from __future__ import annotations

import pytest
import torch
from test_bijections import CASES, base_points, random_flow

from flowplay.flows.chain import Link
from flowplay.flows.saved import flatten, rebuild


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_rebuilding_undoes_flattening(name: str, dim: int) -> None:
    """And every field of a named tuple is a tensor, None, or a further named tuple."""
    for link in (b for b in random_flow(name, dim).bijections if isinstance(b, Link)):
        with torch.no_grad():
            saved = link.normalize(base_points(5, dim).t(), link.tensors())[2]
        tensors: list[torch.Tensor] = []
        positions = flatten(saved, tensors)
        assert hasattr(saved, "_fields")
        assert all(isinstance(tensor, torch.Tensor) for tensor in tensors)
        again = rebuild(positions, tensors)
        assert type(again) is type(saved)
        same: list[torch.Tensor] = []
        flatten(again, same)
        assert [id(t) for t in same] == [id(t) for t in tensors]


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_nothing_of_a_network_is_saved_without_a_backward_pass(name: str, dim: int) -> None:
    for link in (b for b in random_flow(name, dim).bijections if isinstance(b, Link)):
        x = base_points(5, dim).t()
        with torch.no_grad():
            z, log_det, saved = link.normalize(x, link.tensors(), for_backward=False)
            same, same_log_det, _ = link.normalize(x, link.tensors())
        assert not hasattr(saved, "network")
        torch.testing.assert_close((z, log_det), (same, same_log_det), rtol=0, atol=1e-12)
