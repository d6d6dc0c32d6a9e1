"""A flow's parameters as one flat vector, so that optimizer, clipping and state are one array."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters


def flatten_parameters(module: nn.Module) -> nn.Parameter:
    """Move all parameters of a module into one vector, of which they become views.

    One fused optimizer step then updates everything, and one norm is that of the whole gradient.

    Returns:
        The vector [P], in the order of the module's parameters.
    """
    parameters = list(module.parameters())
    vector = nn.Parameter(parameters_to_vector(parameters).detach().clone())
    vector_to_parameters(vector.data, parameters)
    return vector


def flatten_buffers(module: nn.Module) -> Tensor:
    """Copy all buffers of a module that belong to its state into one float vector [b]."""
    buffers = [b.reshape(-1).float() for b in _buffers(module)]
    return torch.cat(buffers) if buffers else torch.empty(0)


@torch.no_grad()
def fill_buffers(module: nn.Module, vector: Tensor) -> None:
    """Set all buffers of a module from what `flatten_buffers` gave."""
    offset = 0
    for b in _buffers(module):
        b.copy_(vector[offset : offset + b.numel()].view_as(b))
        offset += b.numel()


def _buffers(module: nn.Module) -> list[Tensor]:
    kept = module.state_dict(keep_vars=True)
    return [b for name, b in module.named_buffers() if name in kept]
