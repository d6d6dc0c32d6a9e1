"""The additive coupling of whole numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from flowplay.flows.integer.pixels import PixelNetwork, Shape, neighbours

#: How far a coupling sees, in pixels.
REACH = 2

#: What a network's output is multiplied by, in half ranges of the levels: couplings begin as the
#: identity and grow slowly, so that the prior can follow.
GAIN = 0.1

#: What a step away from 0 must bring at least, in nats: small gains on the training images are lost
#: on others.
PRICE = 0.05

#: Largest slope of the log-probability by a shift, in nats for a step.
STEEPEST = 5.0


def checkerboard(shape: Shape, parity: int) -> list[int]:
    """Return the indices of the values of all pixels of one colour of a checkerboard."""
    height, width, channels = shape
    return [
        (row * width + column) * channels + channel
        for row in range(height)
        for column in range(width)
        for channel in range(channels)
        if (row + column) % 2 == parity
    ]


def turned(x: Tensor, steps: Tensor, levels: int) -> Tensor:
    r"""Move whole numbers by whole steps around the ring of the levels between the two ends.

    .. math:: z = 1 + (x - 1 + t) \bmod (L - 2) \quad\text{for } 0 < x < L - 1

    Both ends, 0 and L − 1, stay where they are: many pixels are exactly black or white, and a
    step would take that away from them. So all levels are moved to levels, one to one.

    Args:
        x: whole numbers from 0 to L − 1.
        steps: whole numbers t, of the same shape.
        levels: the number of levels L.
    """
    ring = max(1, levels - 2)
    between = (x > 0) & (x < levels - 1)
    return torch.where(between, 1 + torch.remainder(x - 1 + steps, ring), x)


class RoundedCoupling(nn.Module):
    r"""Moves the values of one part by whole steps that a network computes from the other part.

    .. math:: z_1 = x_1, \qquad z_2 = x_2 \ominus \lfloor t(x_1) \rceil

    The steps go around the ring of the levels, see `turned`. It is a bijection of the levels, so
    the probability of a point is that of its image: there is no log-det. The last weights begin
    at zero, so the map begins as the identity. How a network learns through the rounding: see
    `gain`.

    Args:
        shape: H, W, C.
        moved: indices of the values that are moved; all others stay.
        levels: number of levels of the data.
        width: units of the network.

    References:
        Hoogeboom, Peters, van den Berg & Welling, Integer Discrete Flows and Lossless
        Compression, 2019.
        van den Berg, Gritsenko, Dehghani, Sønderby & Salimans, IDF++: Analyzing and Improving
        Integer Discrete Flows for Lossless Compression, 2021.
    """

    moved: Tensor

    def __init__(self, shape: Shape, moved: list[int], levels: int, width: int) -> None:
        super().__init__()
        self.register_buffer("moved", torch.tensor(moved), persistent=False)
        moving = set(moved)
        index = neighbours(shape, moved, lambda _, other: other not in moving, REACH)
        self.network = PixelNetwork(index, 1, levels, width)
        nn.init.zeros_(self.network.last.weight)
        self.levels, self.scale = levels, GAIN * levels / 2

    def shift(self, x: Tensor) -> Tensor:
        """Return the real numbers t [B, P] by which values of x [B, D] are moved, once rounded."""
        shift: Tensor = self.scale * self.network(x)[..., 0]
        return shift

    def inverse(self, x: Tensor) -> Tensor:
        """Return z [B, D] of x [B, D]: the direction of the likelihood."""
        return self.moved_by(x, -self.shift(x))

    def forward(self, z: Tensor) -> Tensor:
        """Return x [B, D] of z [B, D]: the direction of samples."""
        return self.moved_by(z, self.shift(z))

    @torch.no_grad()
    def moved_by(self, x: Tensor, shift: Tensor) -> Tensor:
        """Return x [B, D], its moved part moved by a shift [B, P], rounded."""
        before = x[:, self.moved]
        return x.index_copy(1, self.moved, turned(before, rounded(shift), self.levels))

    def gain(self, shift: Tensor, up: Tensor, down: Tensor) -> Tensor:
        r"""Return what a little more shift would bring, in nats [B]: its value is 0, not its slope.

        Between two whole numbers the log-probability is taken as a straight line, so its slope is
        the difference that the next whole step makes, in the direction to which t leans. A
        derivative at z instead would drive values away from where they are best.

        Args:
            shift: t [B, P], as given to `moved_by`.
            up: what one step up would add to the log-probability [B, D].
            down: what one step down would add.
        """
        still = shift.detach()
        slope = torch.where(still > rounded(still), up[:, self.moved], -down[:, self.moved])
        slope = slope - PRICE * torch.sign(still)
        return ((shift - still) * slope.clamp(-STEEPEST, STEEPEST)).sum(1)


def rounded(shift: Tensor) -> Tensor:
    """Round half away from zero, so that a shift and its negative undo each other."""
    return torch.sign(shift) * torch.floor(shift.abs() + 0.5)
