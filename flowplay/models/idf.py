"""The integer discrete flow: an exact probability of images, without noise on their levels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from flowplay.config import RunConfig
from flowplay.flows.integer import (
    LogisticMixture,
    PixelNetwork,
    RoundedCoupling,
    checkerboard,
    neighbours,
)
from flowplay.flows.integer.pixels import Shape
from flowplay.models.base import LikelihoodModel
from flowplay.problems import ImageProblem

#: How far the prior sees, in pixels.
REACH = 4

#: Images that are evaluated at once without a gradient, so that memory stays bounded.
BLOCK = 256


class IntegerFlow(LikelihoodModel):
    r"""Couplings of whole numbers, and a prior from which each value is factored out in turn.

    .. math:: P(x) = P_Z(f(x)), \qquad P_Z(z) = \prod_{d=1}^D P(z_d \mid z_1, \dots, z_{d-1})

    f is a bijection of images whose values are levels, so there is no log-det. The probability is
    exact: those of all images together are 1.

    Args:
        shape: H, W, C.
        levels: number of levels L.
        couplings: number of couplings, which move the two colours of a checkerboard in turn.
            Without any, an autoregressive model is left.
        width: units of the prior's network; those of couplings have a third.
        components: logistics of each mixture.
        dropout: part of the prior's units that training leaves out.

    References:
        Hoogeboom, Peters, van den Berg & Welling, Integer Discrete Flows and Lossless
        Compression, 2019.
        van den Berg, Gritsenko, Dehghani, Sønderby & Salimans, IDF++: Analyzing and Improving
        Integer Discrete Flows for Lossless Compression, 2021.
    """

    trained_by_likelihood = True

    def __init__(
        self,
        shape: Shape,
        levels: int,
        *,
        couplings: int = 4,
        width: int = 96,
        components: int = 3,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.shape, self.levels = shape, levels
        self.dim = shape[0] * shape[1] * shape[2]
        self.mixture = LogisticMixture(levels, components)
        index = neighbours(shape, range(self.dim), lambda target, other: other < target, REACH)
        numbers = self.mixture.numbers
        self.prior = PixelNetwork(index, numbers, levels, width, dropout)
        self.couplings = nn.ModuleList(
            RoundedCoupling(shape, checkerboard(shape, 1 - k % 2), levels, max(4, width // 3))
            for k in range(couplings)
        )

    @property
    def layers(self) -> list[RoundedCoupling]:
        """The couplings, in the order of the normalizing direction."""
        return [c for c in self.couplings if isinstance(c, RoundedCoupling)]

    def transform(self, x: Tensor) -> Tensor:
        """Return z [B, D] of images x [B, D]."""
        for coupling in self.layers:
            x = coupling.inverse(x)
        return x

    def restore(self, z: Tensor) -> Tensor:
        """Return the images x [B, D] of z [B, D]."""
        for coupling in reversed(self.layers):
            z = coupling.forward(z)
        return z

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the log-probability [B] of images x [B, D], in nats: exact, and at most 0."""
        return torch.cat([self._log_prob(block) for block in x.split(BLOCK)])

    def loss(self, x: Tensor) -> Tensor:
        """Return the mean of :math:`-\\log P(x)` (scalar, in nats) of images x [B, D]."""
        z, shifts = x, []
        for coupling in self.layers:
            shifts.append(-coupling.shift(z))
            z = coupling.moved_by(z, shifts[-1])
        log_prob, up, down = self.mixture.log_prob_around(self.prior(z), z)
        total = log_prob.sum(1)
        for coupling, shift in zip(self.layers, shifts, strict=True):
            total = total + coupling.gain(shift, up, down)
        return -total.mean()

    @torch.no_grad()
    def sample(
        self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw n images [n, D]; the temperature scales the logistics of each value."""
        z = torch.zeros(n, self.dim, device=self.prior.last_bias.device)
        for d in range(self.dim):
            z[:, d] = self.mixture.sample(self.prior.at(z, d), temperature, generator)
        return self.restore(z)

    def initialize_from(self, x: Tensor) -> None:
        """Begin with the mean and spread of each value of training images x [n, D]."""
        with torch.no_grad():
            self.prior.last_bias.copy_(self.mixture.first_guess(x))

    def _log_prob(self, x: Tensor) -> Tensor:
        z = self.transform(x)
        return self.mixture.log_prob(self.prior(z), z).sum(1)


def build(config: RunConfig, points: Tensor) -> IntegerFlow:
    """Build the untrained integer flow of a config for images [n, D]."""
    problem = config.problem()
    assert isinstance(problem, ImageProblem), "the catalog lists it for images alone"
    return IntegerFlow(
        problem.shape,
        problem.levels,
        couplings=int(config.options["couplings"]),
        width=config.width,
        components=int(config.options["components"]),
        dropout=float(config.options["dropout"]),
    )
