"""Monotone maps of one number, steered by parameters: what couplings and autoregression apply."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from flowplay.flows.mixtures import differentiate_mixture_logit, mixture_logit
from flowplay.flows.roots import increasing_root
from flowplay.flows.splines import (
    differentiate_inverse,
    evaluate_inverse,
    parameter_count,
    rational_quadratic,
)

#: A layer scales by at most e^±LOG_SCALE_BOUND: enough for thin shapes, too little to overflow.
LOG_SCALE_BOUND = 3.0

#: A number would be made a tensor at each use, which takes longer than to add it.
_ONE = torch.tensor(1.0)


class Transformer(ABC):
    r"""An increasing map :math:`g_\theta` of each coordinate, elementwise and both ways.

    A transformer brings the derivative of its normalizing direction with it, since that is what
    every training step of a layer takes; `evaluate` and `differentiate` have the batch as their
    last axis and parameters as their first, as the networks that steer them give them.

    Attributes:
        parameters: P, numbers in :math:`\theta` for each coordinate.

    References:
        Papamakarios et al., Normalizing Flows for Probabilistic Modeling and Inference, 2021.
    """

    parameters: int

    @abstractmethod
    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Map z [B, d] with parameters theta [B, d, P]; return x [B, d] and log|dx/dz| [B, d]."""

    def inverse(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Undo `forward`: x [B, d] to z [B, d] and log|dz/dx| [B, d]."""
        z, log_det, _ = self.evaluate(x.t(), theta.permute(2, 1, 0))
        return z.t(), log_det.t()

    @abstractmethod
    def evaluate(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Undo `forward`: x [d, B] with theta [P, d, B].

        Returns:
            z [d, B], log|dz/dx| [d, B], and tensors to hand to `differentiate`.
        """

    @abstractmethod
    def differentiate(
        self, g_z: Tensor, g_log_det: Tensor, saved: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Pull gradients back through `evaluate`.

        Args:
            g_z: of z, [d, B].
            g_log_det: of the sum of the log-determinants over coordinates, [B], or one number for
                all points.
            saved: what `evaluate` kept.

        Returns:
            The gradients of x [d, B] and of theta [P, d, B].
        """

    def start(self) -> Tensor | None:
        """Return the parameters [P] to start from; None for zeros."""
        return None


class Additive(Transformer):
    r"""Shift: :math:`x = z + t`, which changes no volume."""

    parameters = 1

    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Shift."""
        return z + theta.squeeze(-1), torch.zeros_like(z)

    def evaluate(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Shift back."""
        return x - theta[0], torch.zeros_like(x), ()

    def differentiate(
        self, g_z: Tensor, g_log_det: Tensor, saved: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Hand the gradient on."""
        return g_z, -g_z.unsqueeze(0)


class Affine(Transformer):
    r"""Scale and shift: :math:`x = z\,e^{s} + t`, zero parameters give the identity.

    The log-scale is bounded smoothly, :math:`s = a / (1 + |a| / c)` with c = `LOG_SCALE_BOUND`,
    which is the identity near 0 and, unlike a tanh, lets gradients through far from it.
    """

    parameters = 2

    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Scale, then shift."""
        raw, shift = theta.unbind(-1)
        log_scale = bounded(raw)
        return torch.addcmul(shift, z, log_scale.exp()), log_scale

    def evaluate(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Shift back, then scale back."""
        raw, shift = theta.unbind()
        bound = _bound(raw)
        log_shrink = -raw * bound
        shrink = log_shrink.exp()
        z = (x - shift) * shrink
        return z, log_shrink, (bound, shrink, z)

    def differentiate(
        self, g_z: Tensor, g_log_det: Tensor, saved: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        r"""Use that :math:`dz/ds = -z` and :math:`ds/da = (1 + |a|/c)^{-2}`."""
        bound, shrink, z = saved
        g_x = g_z * shrink
        g_log_shrink = torch.addcmul(g_log_det, g_z, z)
        return g_x, -torch.stack((g_log_shrink * bound * bound, g_x))


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

    def evaluate(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Solve the bin's quadratic."""
        return evaluate_inverse(x, theta, self.bound)

    def differentiate(
        self, g_z: Tensor, g_log_det: Tensor, saved: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Use the implicit function theorem."""
        return differentiate_inverse(g_z, g_log_det, saved, self.bound)


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

    def evaluate(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Normalize in closed form."""
        weights, means, raw_scales, raw_a, b = theta.split([*3 * [self.components], 1, 1])
        log_weights, raw_a, b = weights.log_softmax(0), raw_a.squeeze(0), b.squeeze(0)
        scale_bound, a_bound = _bound(raw_scales), _bound(raw_a)
        log_a = raw_a * a_bound
        a = log_a.exp()
        log_scales = raw_scales * scale_bound
        logit, log_slope, saved = mixture_logit(x, log_weights, means, log_scales)
        saved = (a, logit, log_weights, scale_bound, a_bound, *saved)
        return torch.addcmul(b, logit, a), log_slope + log_a, saved

    def differentiate(
        self, g_z: Tensor, g_log_det: Tensor, saved: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Go back through the affine map, the logit, and the bounds."""
        a, logit, log_weights, scale_bound, a_bound, *of_mixture = saved
        g_logit = g_z * a
        g_a = torch.addcmul(g_log_det, g_logit, logit) * a_bound * a_bound
        g_x, g_weights, g_means, g_scales = differentiate_mixture_logit(
            g_logit, g_log_det, of_mixture
        )
        g_weights = g_weights - log_weights.exp() * g_weights.sum(0)
        g_scales = g_scales * scale_bound * scale_bound
        ends = g_a.unsqueeze(0), g_z.unsqueeze(0)
        return g_x, torch.cat((g_weights, g_means, g_scales, *ends))

    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Generate by the scalar root."""
        z, theta = z.t(), theta.permute(2, 1, 0)
        weights, means, raw_scales, raw_a, b = theta.split([*3 * [self.components], 1, 1])
        log_weights, log_scales = weights.log_softmax(0), bounded(raw_scales)
        log_a = bounded(raw_a.squeeze(0))
        target = (z - b.squeeze(0)) * (-log_a).exp()

        def excess(x: Tensor) -> tuple[Tensor, Tensor]:
            logit, log_slope, _ = mixture_logit(x, log_weights, means, log_scales)
            return logit - target, log_slope.exp()

        with torch.no_grad():
            ends = means + log_scales.exp() * target
            margin = 1e-3 * (1 + ends.abs().amax(0))
            lower, upper = ends.amin(0) - margin, ends.amax(0) + margin
        x = increasing_root(excess, lower, upper)
        log_slope = mixture_logit(x, log_weights, means, log_scales)[1]
        return x.t(), -(log_slope + log_a).t()


#: Half width of the places where the components of a fresh mixture lie: nearly the identity.
_SPREAD = 1.0


def bounded(raw: Tensor) -> Tensor:
    """Return a log-scale within ±`LOG_SCALE_BOUND`, smooth, the identity near 0."""
    return raw * _bound(raw)


def _bound(raw: Tensor) -> Tensor:
    """Return what `bounded` multiplies by; its square is the derivative."""
    return torch.add(_ONE, raw.abs(), alpha=1 / LOG_SCALE_BOUND).reciprocal()
