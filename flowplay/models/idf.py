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
from flowplay.flows.integer.pixels import UNIT, Shape
from flowplay.flows.integer.prediction import predicted, prediction_index
from flowplay.models.base import LikelihoodModel
from flowplay.problems import ImageProblem

#: How far the prior sees, in pixels; less in photographs, where what is near tells most.
REACH, REACH_OF_PHOTOGRAPHS = 4, 3

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
        smooth: whether neighbouring pixels are alike, as in photographs. Then the prior counts
            from a prediction of each value.
        turns: whether training mirrors and turns images.

    References:
        Hoogeboom, Peters, van den Berg & Welling, Integer Discrete Flows and Lossless
        Compression, 2019.
        van den Berg, Gritsenko, Dehghani, Sønderby & Salimans, IDF++: Analyzing and Improving
        Integer Discrete Flows for Lossless Compression, 2021.
    """

    trained_by_likelihood = True
    expected: Tensor

    def __init__(
        self,
        shape: Shape,
        levels: int,
        *,
        couplings: int = 4,
        width: int = 96,
        components: int = 3,
        dropout: float = 0.1,
        smooth: bool = False,
        turns: bool = False,
    ) -> None:
        super().__init__()
        self.smooth, self.turns = smooth, turns
        self.shape, self.levels = shape, levels
        self.dim = shape[0] * shape[1] * shape[2]
        self.mixture = LogisticMixture(levels, components, UNIT if smooth else None)
        reach = REACH_OF_PHOTOGRAPHS if smooth else REACH
        index = neighbours(shape, range(self.dim), lambda target, other: other < target, reach)
        numbers = self.mixture.numbers
        self.prior = PixelNetwork(index, numbers, levels, width, dropout)
        self.register_buffer("expected", prediction_index(shape), persistent=False)
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

    def middle(self, z: Tensor, targets: slice = slice(None)) -> Tensor | None:
        """Return twice the predictions of values [B, P], where the prior counts from these."""
        if not self.smooth:
            return None
        ends = z.new_tensor([self.levels // 2, 0.0]).expand(len(z), 2)
        index = self.expected[targets]
        values = torch.cat((z, ends), 1)[:, index.reshape(-1)].view(len(z), *index.shape)
        return 2 * predicted(values, self.levels)

    def loss(self, x: Tensor) -> Tensor:
        """Return the mean of :math:`-\\log P(x)` (scalar, in nats) of images x [B, D]."""
        z, shifts = self._turned(x) if self.training and self.turns else x, []
        for coupling in self.layers:
            shifts.append(-coupling.shift(z))
            z = coupling.moved_by(z, shifts[-1])
        middle = self.middle(z)
        numbers = self.prior(z, middle)
        if not shifts:
            return -self.mixture.log_prob(numbers, z, middle).sum(1).mean()
        log_prob, up, down = self.mixture.log_prob_around(numbers, z, middle)
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
            middle = self.middle(z, slice(d, d + 1))
            numbers = self.prior.at(z, d, middle)
            own = None if middle is None else middle[:, 0]
            z[:, d] = self.mixture.sample(numbers, temperature, generator, own)
        return self.restore(z)

    def initialize_from(self, x: Tensor) -> None:
        """Begin with the mean and spread of each value of training images x [n, D]."""
        with torch.no_grad():
            middle = self.middle(x)
            counted = x if middle is None else x - middle / 2
            self.prior.last_bias.copy_(self.mixture.first_guess(counted))

    def _log_prob(self, x: Tensor) -> Tensor:
        z = self.transform(x)
        middle = self.middle(z)
        return self.mixture.log_prob(self.prior(z, middle), z, middle).sum(1)

    def _turned(self, x: Tensor) -> Tensor:
        """Return images [B, D] of a batch mirrored and turned, all in the same way."""
        images = x.view(-1, *self.shape)
        for axis in (1, 2):
            images = images.flip(axis) if torch.rand(()) < 0.5 else images
        images = images.transpose(1, 2) if torch.rand(()) < 0.5 else images
        return images.reshape(len(x), -1)


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
        smooth=problem.gives == "photographs",
        turns=problem.turns,
    )
