"""The running average of a model's weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn

#: How much of the average is kept at each step, once it has seen enough of them.
DECAY = 0.999


class WeightAverage(nn.Module):
    r"""The average of all weights: :math:`\bar w \leftarrow \gamma_t \bar w + (1 - \gamma_t) w`.

    With :math:`\gamma_t = \min(\gamma, (1 + t) / (10 + t))` the weights from the start are soon
    forgotten. What the average needs are buffers, so that it travels with the state of a run.

    Args:
        size: number of weights.

    References:
        Polyak & Juditsky, Acceleration of Stochastic Approximation by Averaging, 1992.
    """

    mean: Tensor
    steps: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("steps", torch.tensor(0.0))

    @torch.no_grad()
    def update(self, weights: Sequence[Tensor]) -> None:
        """Take the weights as they are now into the average."""
        steps = float(self.steps)
        now = torch.cat([w.detach().reshape(-1) for w in weights])
        self.mean.lerp_(now, 1 - min(DECAY, (1 + steps) / (10 + steps)) if steps else 1.0)
        self.steps.add_(1)

    def shown(self, weights: Sequence[Tensor], *, training: bool) -> AbstractContextManager[None]:
        """Return a block in which the average is `applied`, unless the model is training."""
        return nullcontext() if training else self.applied(weights)

    @contextmanager
    def applied(self, weights: Sequence[Tensor]) -> Iterator[None]:
        """Put the average in the place of the weights, if there is one, and put them back."""
        if not float(self.steps):
            yield
            return
        with torch.no_grad():
            now = [w.detach().clone() for w in weights]
            parts = self.mean.split([w.numel() for w in weights])
            for w, part in zip(weights, parts, strict=True):
                w.detach().copy_(part.view_as(w))
        try:
            yield
        finally:
            with torch.no_grad():
                for w, before in zip(weights, now, strict=True):
                    w.detach().copy_(before)
