"""Monotone maps of one number, steered by parameters: what couplings and autoregression apply."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor

from flowplay.flows.roots import increasing_root
from flowplay.flows.splines import parameter_count, rational_quadratic, rational_quadratic_inverse

#: A layer scales by at most e^±LOG_SCALE_BOUND: enough for thin shapes, too little to overflow.
LOG_SCALE_BOUND = 3.0


class Transformer(ABC):
    r"""An increasing map :math:`g_\theta` of each coordinate, elementwise and both ways.

    Attributes:
        parameters: P, numbers in :math:`\theta` for each coordinate.

    References:
        Papamakarios et al., Normalizing Flows for Probabilistic Modeling and Inference, 2021.
    """

    parameters: int

    @abstractmethod
    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Map z [B, d] with parameters theta [B, d, P]; return x [B, d] and log|dx/dz| [B, d]."""

    @abstractmethod
    def inverse(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Undo `forward`: x [B, d] to z [B, d] and log|dz/dx| [B, d]."""

    def start(self) -> Tensor | None:
        """Return the parameters [P] to start from; None for zeros."""
        return None


class Additive(Transformer):
    r"""Shift: :math:`x = z + t`, which changes no volume."""

    parameters = 1

    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Shift."""
        return z + theta.squeeze(-1), torch.zeros_like(z)

    def inverse(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Shift back."""
        return x - theta.squeeze(-1), torch.zeros_like(x)


class Affine(Transformer):
    r"""Scale and shift: :math:`x = z\,e^{s} + t`, zero parameters give the identity.

    The log-scale is bounded smoothly, :math:`s = a / (1 + |a| / c)` with c = `LOG_SCALE_BOUND`,
    which is the identity near 0 and, unlike a tanh, lets gradients through far from it.
    """

    parameters = 2

    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Scale, then shift."""
        log_scale, shift = self._scale_and_shift(theta)
        return z * log_scale.exp() + shift, log_scale

    def inverse(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Shift back, then scale back."""
        log_scale, shift = self._scale_and_shift(theta)
        return (x - shift) * (-log_scale).exp(), -log_scale

    @staticmethod
    def _scale_and_shift(theta: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = theta.unbind(-1)
        return bounded(raw), shift


class Spline(Transformer):
    """The monotone rational-quadratic spline of `splines.py`; zero parameters give the identity.

    Args:
        bins: pieces of the spline.
        bound: half width of the box in which it bends; outside it is the identity.
    """

    def __init__(self, bins: int, bound: float) -> None:
        self.parameters = parameter_count(bins)
        self.bound = bound

    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Follow the spline."""
        return rational_quadratic(z, theta, self.bound)

    def inverse(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Solve the bin's quadratic."""
        return rational_quadratic_inverse(x, theta, self.bound)


class LogisticMixture(Transformer):
    r"""The distribution function of a mixture of logistics, then a logit and an affine map.

    In the normalizing direction, where it has its closed form, with mixture weights
    :math:`\pi_k`, means :math:`\mu_k` and scales :math:`s_k`,

    .. math::
        z = e^{a}\,\operatorname{logit}\Bigl(\sum_k \pi_k\,
        \sigma\bigl((x - \mu_k) / s_k\bigr)\Bigr) + b

    Everything is computed from the logs of the distribution function and of its complement, so
    that tails stay exact in float32. Generating solves one increasing scalar equation, whose
    bracket the components give: the mixture's logit lies between those of its components.

    Args:
        components: K.

    References:
        Ho, Chen, Srinivas, Duan & Abbeel, Flow++: Improving Flow-Based Generative Models with
        Variational Dequantization and Architecture Design, 2019.
    """

    def __init__(self, components: int) -> None:
        self.components = components
        self.parameters = 3 * components + 2

    def start(self) -> Tensor | None:
        """Spread the components a little: equal ones would get equal gradients for ever."""
        k = self.components
        means = torch.linspace(-_SPREAD, _SPREAD, k) if k > 1 else torch.zeros(1)
        return torch.cat((torch.zeros(k), means, torch.zeros(k), torch.zeros(2)))

    def inverse(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Normalize in closed form."""
        log_weights, means, log_scales, log_a, b = self._unpack(theta)
        logit, log_slope = _mixture_logit(x, log_weights, means, log_scales)
        return logit * log_a.exp() + b, log_slope + log_a

    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Generate by the scalar root."""
        log_weights, means, log_scales, log_a, b = self._unpack(theta)
        target = (z - b) * (-log_a).exp()

        def excess(x: Tensor) -> tuple[Tensor, Tensor]:
            logit, log_slope = _mixture_logit(x, log_weights, means, log_scales)
            return logit - target, log_slope.exp()

        with torch.no_grad():
            ends = means + log_scales.exp() * target.unsqueeze(-1)
            margin = 1e-3 * (1 + ends.abs().amax(-1))
            lower, upper = ends.amin(-1) - margin, ends.amax(-1) + margin
        x = increasing_root(excess, lower, upper)
        log_slope = _mixture_logit(x, log_weights, means, log_scales)[1]
        return x, -(log_slope + log_a)

    def _unpack(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        k = self.components
        raw_weights, means, raw_scales, rest = theta.split([k, k, k, 2], -1)
        log_a, b = rest.unbind(-1)
        return raw_weights.log_softmax(-1), means, bounded(raw_scales), bounded(log_a), b


#: Half width of the places where the components of a fresh mixture lie: nearly the identity.
_SPREAD = 1.0


def _mixture_logit(
    x: Tensor, log_weights: Tensor, means: Tensor, log_scales: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the logit of the mixture's distribution function and the log of its slope, as x."""
    t = (x.unsqueeze(-1) - means) * (-log_scales).exp()
    below, above = F.logsigmoid(t), F.logsigmoid(-t)
    log_cdf = torch.logsumexp(log_weights + below, -1)
    log_rest = torch.logsumexp(log_weights + above, -1)
    log_density = torch.logsumexp(log_weights + below + above - log_scales, -1)
    return log_cdf - log_rest, log_density - log_cdf - log_rest


def bounded(raw: Tensor) -> Tensor:
    """Return a log-scale within ±`LOG_SCALE_BOUND`, smooth, the identity near 0."""
    return raw / (1 + raw.abs() / LOG_SCALE_BOUND)
