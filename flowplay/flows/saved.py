"""Flatten the named tuples that a forward pass saves for its backward pass, and rebuild them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor


def flatten(saved: Any, tensors: list[Tensor]) -> Any:  # noqa: ANN401
    """Append the tensors of nested named tuples to a list.

    Args:
        saved: a tensor, None, or a named tuple of these or of further named tuples.
        tensors: the list to append to.

    Returns:
        The same named tuples with positions in the list in place of tensors, for `rebuild`.

    Example:
        >>> import torch
        >>> from flowplay.flows.standardization import SavedStandardization
        >>> tensors: list[Tensor] = []
        >>> flatten(SavedStandardization(std=torch.ones(2)), tensors)
        SavedStandardization(std=0)
        >>> rebuild(SavedStandardization(std=0), tensors)
        SavedStandardization(std=tensor([1., 1.]))
    """
    if saved is None:
        return None
    if isinstance(saved, Tensor):
        tensors.append(saved)
        return len(tensors) - 1
    return type(saved)(*[flatten(field, tensors) for field in saved])


def rebuild(positions: Any, tensors: Sequence[Tensor]) -> Any:  # noqa: ANN401
    """Undo `flatten`: put the tensors back in place of their positions."""
    if positions is None:
        return None
    if isinstance(positions, int):
        return tensors[positions]
    return type(positions)(*[rebuild(field, tensors) for field in positions])
