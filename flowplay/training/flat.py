"""A flow's parameters as one flat vector, so that optimizer, clipping and state are one array."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def flatten_parameters(module: nn.Module) -> nn.Parameter:
    """Move all parameters of a module into one vector, of which they become views.

    Gradients are views of the vector's gradient too: `backward` fills it in place, one fused
    optimizer step updates everything, and one norm is the norm of the whole gradient. Set the
    gradient to zero with `vector.grad.zero_()`, never to None.

    Returns:
        The vector [P], the same on every call with the same module structure.
    """
    parameters = list(module.parameters())
    device, dtype = parameters[0].device, parameters[0].dtype
    size = sum(p.numel() for p in parameters)
    vector = nn.Parameter(torch.empty(size, device=device, dtype=dtype))
    vector.grad = torch.zeros_like(vector)
    offset = 0
    for p in parameters:
        end = offset + p.numel()
        view = vector.data[offset:end].view_as(p)
        view.copy_(p.data)
        p.data = view
        p.grad = vector.grad[offset:end].view_as(p)
        offset = end
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
