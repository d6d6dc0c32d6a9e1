"""The probability of a level: a discretized mixture of logistics."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from flowplay.flows.integer.coupling import turned

#: Log-scales, in levels, lie within this bound of 0.
LOG_SCALE_BOUND = 5.0

#: Numbers that a component needs: weight, mean, log-scale.
PER_COMPONENT = 3


class LogisticMixture(nn.Module):
    r"""Probabilities of the levels 0 to L − 1: a mixture of M logistics, discretized.

    .. math::
        P(z) = \sum_m \pi_m \Bigl[\sigma\bigl(\tfrac{z + 1/2 - \mu_m}{s_m}\bigr)
        - \sigma\bigl(\tfrac{z - 1/2 - \mu_m}{s_m}\bigr)\Bigr]

    The mass below 0 belongs to 0 and the mass above L − 1 to L − 1, so that all levels together
    have the probability 1.

    Args:
        levels: the number of levels L.
        components: the number of logistics M.
        unit: half levels that a network's number 1 stands for in a mean; as many as there are
            levels if None.

    References:
        Salimans, Karpathy, Chen & Kingma, PixelCNN++: Improving the PixelCNN with Discretized
        Logistic Mixture Likelihood and Other Modifications, 2017.
    """

    def __init__(self, levels: int, components: int, unit: int | None = None) -> None:
        super().__init__()
        self.unit = levels if unit is None else unit
        self.levels, self.components = levels, components
        #: How many numbers of a network make a mixture: 3M.
        self.numbers = PER_COMPONENT * components

    def first_guess(self, x: Tensor) -> Tensor:
        """Return numbers [D, 3M] for each value of training images x [n, D], to begin with.

        Where means count from predictions, x are the differences to these.
        """
        mean, spread = x.mean(0)[:, None], x.std(0)[:, None]
        means = mean + spread * torch.linspace(-1, 1, self.components).to(x)
        scales = spread.clamp(min=0.3) / (1.8 * self.components) + 0.05
        numbers = x.new_zeros(x.shape[1], self.components, PER_COMPONENT)
        middle = self.levels - 1 if self.unit == self.levels else 0
        numbers[..., 1] = (2 * means - middle) / self.unit
        numbers[..., 2] = scales.log()
        return numbers.flatten(1)

    def log_prob(self, numbers: Tensor, z: Tensor, middle: Tensor | None = None) -> Tensor:
        """Return the log-probability [...] of levels z [...] in nats.

        Args:
            numbers: [..., 3M] of a network.
            z: whole numbers from 0 to L − 1.
            middle: from which means count, in half levels [...]; L − 1 if None.
        """
        log_weight, mean, log_scale = self.parts(numbers, middle)
        rate = torch.exp(-log_scale)
        above = (z[..., None] + 0.5 - mean) * rate
        below = (z[..., None] - 0.5 - mean) * rate
        lowest, highest = (z <= 0)[..., None], (z >= self.levels - 1)[..., None]
        zero = above.new_zeros(())
        # σ(a) − σ(b) = σ(a) σ(−b) (1 − exp(b − a)), without a difference of nearly equal numbers.
        within = (
            torch.where(highest, zero, F.logsigmoid(above))
            + torch.where(lowest, zero, F.logsigmoid(-below))
            + torch.where(lowest | highest, zero, torch.log(-torch.expm1(-rate)))
        )
        return torch.logsumexp(log_weight + within, -1)

    def log_prob_around(
        self, numbers: Tensor, z: Tensor, middle: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        r"""Return `log_prob` of z, and what one step up and one step down would add to it.

        Args:
            numbers: [..., 3M] of a network.
            z: whole numbers from 0 to L − 1.
            middle: as of `log_prob`.

        Returns:
            log P(z) with its gradient by `numbers`; and without gradient, [...] each, in nats,
            :math:`\log P(z \oplus 1) - \log P(z)` and :math:`\log P(z \ominus 1) - \log P(z)`.
        """
        stay = self.log_prob(numbers, z, middle)
        with torch.no_grad():
            one = torch.ones_like(z)
            up = self.log_prob(numbers, turned(z, one, self.levels), middle) - stay
            down = self.log_prob(numbers, turned(z, -one, self.levels), middle) - stay
        return stay, up, down

    def sample(
        self,
        numbers: Tensor,
        temperature: float,
        generator: torch.Generator | None,
        middle: Tensor | None = None,
    ) -> Tensor:
        """Draw levels [...] from numbers [..., 3M]; the temperature multiplies the scales."""
        log_weight, mean, log_scale = self.parts(numbers, middle)
        choice = torch.rand((*log_weight.shape[:-1], 1), generator=generator)
        chosen = (choice > log_weight.exp().cumsum(-1)[..., :-1]).sum(-1, keepdim=True)
        position = torch.rand(choice.shape, generator=generator).clamp(1e-6, 1 - 1e-6)
        noise = torch.logit(position) * log_scale.gather(-1, chosen).exp()
        z = mean.gather(-1, chosen) + temperature * noise
        return torch.floor(z[..., 0] + 0.5).clamp(0, self.levels - 1)

    def parts(self, numbers: Tensor, middle: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return log-weights, means and log-scales [..., M], in levels, from numbers [..., 3M]."""
        parts = numbers.unflatten(-1, (self.components, PER_COMPONENT))
        log_weight = F.log_softmax(parts[..., 0], -1)
        half = self.levels - 1 if middle is None else middle[..., None]
        mean = (self.unit * parts[..., 1] + half) / 2
        log_scale = parts[..., 2].clamp(-LOG_SCALE_BOUND, LOG_SCALE_BOUND)
        return log_weight, mean, log_scale
