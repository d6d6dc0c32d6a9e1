"""One small network for all values of an image: each sees those around it that are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: Half levels that are 1 to a network, where values enter as differences to a prediction.
UNIT = 32

Shape = tuple[int, int, int]
"""H, W, C: a value has the index (row·W + column)·C + channel."""


def neighbours(
    shape: Shape, targets: Sequence[int], known: Callable[[int, int], bool], reach: int
) -> Tensor:
    """Return for each target the indices of the known values around it.

    Each of the K stands for one offset from the target: of rows, of columns, and of channels
    (counted on from the target's own, around the end).

    Args:
        shape: H, W, C.
        targets: indices of the values that are predicted.
        known: tells of (target, other) whether the other value may be seen.
        reach: rows and columns that are seen on each side.

    Returns:
        Indices [P, K]; D = H·W·C where an offset leads out of the image or to an unknown value.
        Offsets that lead nowhere for all targets are left out.
    """
    height, width, channels = shape
    outside = height * width * channels
    offsets = []
    span = range(-reach, reach + 1)
    for down, right, onward in ((d, r, c) for d in span for r in span for c in range(channels)):
        seen = []
        for target in targets:
            row, column = divmod(target // channels, width)
            row, column = row + down, column + right
            channel = (target + onward) % channels
            other = (row * width + column) * channels + channel
            inside = 0 <= row < height and 0 <= column < width
            seen.append(other if inside and known(target, other) else outside)
        if any(other != outside for other in seen):
            offsets.append(seen)
    return torch.tensor(offsets, dtype=torch.long).reshape(-1, len(targets)).T.contiguous()


class PixelNetwork(nn.Module):
    r"""A network that gives numbers to P targets from the values around each of them.

    .. math::
        h_1 = \mathrm{relu}(W_1 v_p + b_{1,p}), \qquad h_2 = \mathrm{relu}(W_2 h_1 + b_2), \qquad
        o_p = W_3 h_2 + b_{3,p}

    The weights are the same for all targets, as in a convolution; the first and the last bias
    belong to a target, since digits are not the same everywhere.

    Args:
        index: [P, K] of `neighbours`: what each target sees.
        outputs: numbers for each target.
        levels: number of levels; values enter as :math:`(2x - (L - 1)) / L`, unknown ones as 0.
            With a prediction e of the target they enter as :math:`2 (x - e) / 32`: then it makes no
            difference how bright a photograph is.
        width: units of each hidden layer.
        dropout: part of the units that training leaves out, for all targets of an image at once.
    """

    index: Tensor

    def __init__(
        self,
        index: Tensor,
        outputs: int,
        levels: int,
        width: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.register_buffer("index", index, persistent=False)
        targets, seen = index.shape
        self.levels, self.dropout = levels, dropout
        self.first = nn.Linear(seen, width, bias=False)
        self.first_bias = nn.Parameter(0.1 * torch.randn(targets, width))
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, outputs, bias=False)
        self.last_bias = nn.Parameter(torch.zeros(targets, outputs))

    def forward(self, x: Tensor, middle: Tensor | None = None) -> Tensor:
        """Return the numbers [B, P, outputs] for values x [B, D].

        Args:
            x: levels.
            middle: twice the predictions of the targets [B, P], where values enter as differences
                to them.
        """
        return self._through(x, middle, slice(None))

    def at(self, x: Tensor, target: int, middle: Tensor | None = None) -> Tensor:
        """Return the numbers [B, outputs] of one target for values x [B, D]."""
        return self._through(x, middle, slice(target, target + 1))[:, 0]

    def _through(self, x: Tensor, middle: Tensor | None, targets: slice) -> Tensor:
        index = self.index[targets]
        if middle is None:
            scaled = F.pad((2 * x - (self.levels - 1)) / self.levels, (0, 1))
            seen = scaled[:, index.reshape(-1)].view(len(x), *index.shape)
        else:
            values = F.pad(x, (0, 1))[:, index.reshape(-1)].view(len(x), *index.shape)
            seen = (2 * values - middle[..., None]) * ((index < x.shape[1]) / UNIT)
        hidden = self._dropped(F.relu(self.first(seen) + self.first_bias[targets]))
        hidden = self._dropped(F.relu(self.second(hidden)))
        out: Tensor = self.last(hidden) + self.last_bias[targets]
        return out

    def _dropped(self, hidden: Tensor) -> Tensor:
        if not self.training or not self.dropout:
            return hidden
        # One draw for all targets: a draw for each value would take longer than the products.
        kept = torch.rand(len(hidden), 1, hidden.shape[-1]) >= self.dropout
        return hidden * (kept / (1 - self.dropout))
