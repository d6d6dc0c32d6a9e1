"""Increasing maps of one number with parameters, for coupling and autoregressive layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from flowplay.flows.compiled import KernelTransformer
from flowplay.flows.mixtures import SavedMixtureLogit, mixture_logit, mixture_logit_backward
from flowplay.flows.roots import increasing_root
from flowplay.flows.splines import (
    SavedSpline,
    invert_spline,
    invert_spline_backward,
    parameter_count,
    rational_quadratic,
)
from flowplay.kernels import layout as lay
from flowplay.kernels.layout import LOG_SCALE_BOUND

#: As a tensor: torch would convert a number at each use, which takes longer than the addition.
_ONE = torch.tensor(1.0)

#: The named tuple in which a kind of transformer saves what its backward pass needs.
SavedT = TypeVar("SavedT")


class SavedAffine(NamedTuple):
    """What `Affine` saves, each [d, B].

    Attributes:
        bound: the factor that bounds the raw log-scale.
        shrink: the factor by which x - t was multiplied.
        z: the result.
    """

    bound: Tensor
    shrink: Tensor
    z: Tensor


class SavedLogisticMixture(NamedTuple):
    """What `LogisticMixture` saves.

    Attributes:
        a: the scale of the affine map [d, B].
        logit: the logit of the distribution function [d, B].
        log_weights: log-weights of the components [K, d, B].
        scale_bound: the factors that bound their raw log-scales [K, d, B].
        a_bound: the factor that bounds the raw log a [d, B].
        mixture: saved by `mixture_logit`.
    """

    a: Tensor
    logit: Tensor
    log_weights: Tensor
    scale_bound: Tensor
    a_bound: Tensor
    mixture: SavedMixtureLogit


class Transformer(ABC, Generic[SavedT]):
    r"""An increasing map :math:`g_\theta` of each coordinate, elementwise, in both directions.

    A transformer has a hand-written derivative of its normalizing direction, which every training
    step takes. `normalize` is the `inverse` with parameters as the first axis and the batch as the
    last, the layout of the networks' outputs; `normalize_backward` is its backward pass.

    Attributes:
        parameter_count: P, numbers in :math:`\theta` for each coordinate.
        kernel: what it is to the compiled kernels; None if they do not know it.
        log_scale_bound: largest :math:`|\log g'|`, in nats; None without a bound that is the same
            for stretching and shrinking.

    References:
        Papamakarios et al., Normalizing Flows for Probabilistic Modeling and Inference, 2021.
    """

    parameter_count: int
    log_scale_bound: float | None = None
    kernel: KernelTransformer | None = None

    @abstractmethod
    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Map z [B, d] with parameters theta [B, d, P]; return x [B, d] and log|dx/dz| [B, d]."""

    def inverse(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Undo `forward`: x [B, d] to z [B, d] and log|dz/dx| [B, d]."""
        z, log_det, _ = self.normalize(x.t(), theta.permute(2, 1, 0))
        return z.t(), log_det.t()

    @abstractmethod
    def normalize(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, SavedT]:
        """Undo `forward`: x [d, B] with theta [P, d, B].

        Returns:
            z [d, B], log|dz/dx| [d, B], and what `normalize_backward` needs.
        """

    @abstractmethod
    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: SavedT
    ) -> tuple[Tensor, Tensor]:
        """Return the gradients with respect to x [d, B] and theta [P, d, B].

        Args:
            g_z: the gradient with respect to z, [d, B].
            g_log_det: that with respect to the sum of the log-determinants over coordinates, [B],
                or one number for all points.
            saved: what `normalize` saved.
        """

    def start(self) -> Tensor | None:
        """Return the parameters [P] to start from; None for zeros."""
        return None


class Additive(Transformer[None]):
    r"""Shift: :math:`x = z + t`, which changes no volume."""

    parameter_count = 1
    kernel = KernelTransformer(lay.ADDITIVE, 1)

    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Shift."""
        return z + theta.squeeze(-1), torch.zeros_like(z)

    def normalize(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, None]:
        """Shift back."""
        return x - theta[0], torch.zeros_like(x), None

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: None
    ) -> tuple[Tensor, Tensor]:
        """Use that :math:`dz/dx = 1` and :math:`dz/dt = -1`."""
        return g_z, -g_z.unsqueeze(0)


class Affine(Transformer[SavedAffine]):
    r"""Scale and shift: :math:`x = z\,e^{s} + t`, zero parameters give the identity.

    The log-scale is bounded smoothly, :math:`s = a / (1 + |a| / c)` with c = `LOG_SCALE_BOUND`,
    which is the identity near 0. Far from 0 its derivative falls more slowly than that of a tanh.
    """

    parameter_count = 2
    kernel = KernelTransformer(lay.AFFINE, 2)
    log_scale_bound = LOG_SCALE_BOUND

    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Scale, then shift."""
        raw, shift = theta.unbind(-1)
        log_scale = bounded(raw)
        return torch.addcmul(shift, z, log_scale.exp()), log_scale

    def normalize(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, SavedAffine]:
        """Shift back, then scale back."""
        raw, shift = theta.unbind()
        bound = _bound(raw)
        log_shrink = -raw * bound
        shrink = log_shrink.exp()
        z = (x - shift) * shrink
        return z, log_shrink, SavedAffine(bound, shrink, z)

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: SavedAffine
    ) -> tuple[Tensor, Tensor]:
        r"""Use that :math:`dz/ds = -z` and :math:`ds/da = (1 + |a|/c)^{-2}`."""
        bound, shrink, z = saved
        g_x = g_z * shrink
        g_log_shrink = torch.addcmul(g_log_det, g_z, z)
        return g_x, -torch.stack((g_log_shrink * bound * bound, g_x))


class Spline(Transformer[SavedSpline]):
    """The monotone rational-quadratic spline of `splines.py`; zero parameters give the identity.

    Args:
        bins: pieces of the spline.
        bound: half width of the interval [-B, B] of the spline; outside it is the identity.
    """

    def __init__(self, bins: int, bound: float) -> None:
        self.parameter_count = parameter_count(bins)
        self.bound = bound
        self.kernel = KernelTransformer(lay.SPLINE, self.parameter_count, bins, bound)

    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate the spline."""
        return rational_quadratic(z, theta, self.bound)

    def normalize(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, SavedSpline]:
        """Solve the bin's quadratic."""
        return invert_spline(x, theta, self.bound)

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: SavedSpline
    ) -> tuple[Tensor, Tensor]:
        """Use the implicit function theorem."""
        return invert_spline_backward(g_z, g_log_det, saved, self.bound)


class LogisticMixture(Transformer[SavedLogisticMixture]):
    r"""The distribution function of a mixture of logistics, then a logit and an affine map.

    In the normalizing direction, where it has its closed form, with mixture weights
    :math:`\pi_k`, means :math:`\mu_k` and scales :math:`s_k`,

    .. math::
        z = e^{a}\,\operatorname{logit}\Bigl(\sum_k \pi_k\,
        \sigma\bigl((x - \mu_k) / s_k\bigr)\Bigr) + b

    Everything is computed from the logs of the distribution function and of its complement, so
    that tails stay exact in float32. Generating solves one increasing scalar equation. Its bracket
    follows from the components: the mixture's logit lies between theirs.

    Args:
        components: K.

    References:
        Ho, Chen, Srinivas, Duan & Abbeel, Flow++: Improving Flow-Based Generative Models with
        Variational Dequantization and Architecture Design, 2019.
    """

    def __init__(self, components: int) -> None:
        self.components = components
        self.parameter_count = 3 * components + 2
        self.kernel = KernelTransformer(lay.MIXTURE, self.parameter_count, components)

    def start(self) -> Tensor | None:
        """Spread the components a little: equal ones would always get equal gradients."""
        k = self.components
        means = torch.linspace(-_SPREAD, _SPREAD, k) if k > 1 else torch.zeros(1)
        return torch.cat((torch.zeros(k), means, torch.zeros(k), torch.zeros(2)))

    def normalize(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, SavedLogisticMixture]:
        """Normalize in closed form."""
        weights, means, raw_scales, raw_a, b = theta.split([*3 * [self.components], 1, 1])
        log_weights, raw_a, b = weights.log_softmax(0), raw_a.squeeze(0), b.squeeze(0)
        scale_bound, a_bound = _bound(raw_scales), _bound(raw_a)
        log_a = raw_a * a_bound
        a = log_a.exp()
        log_scales = raw_scales * scale_bound
        logit, log_slope, mixture = mixture_logit(x, log_weights, means, log_scales)
        saved = SavedLogisticMixture(a, logit, log_weights, scale_bound, a_bound, mixture)
        return torch.addcmul(b, logit, a), log_slope + log_a, saved

    def normalize_backward(
        self, g_z: Tensor, g_log_det: Tensor, saved: SavedLogisticMixture
    ) -> tuple[Tensor, Tensor]:
        """Differentiate the affine map, the logit, and the bounds."""
        a, logit, log_weights, scale_bound, a_bound, mixture = saved
        g_logit = g_z * a
        g_a = torch.addcmul(g_log_det, g_logit, logit) * a_bound * a_bound
        g_x, g_weights, g_means, g_scales = mixture_logit_backward(g_logit, g_log_det, mixture)
        g_weights = g_weights - log_weights.exp() * g_weights.sum(0)
        g_scales = g_scales * scale_bound * scale_bound
        of_affine = g_a.unsqueeze(0), g_z.unsqueeze(0)
        return g_x, torch.cat((g_weights, g_means, g_scales, *of_affine))

    def forward(self, z: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Generate by solving the scalar equation."""
        z, theta = z.t(), theta.permute(2, 1, 0)
        weights, means, raw_scales, raw_a, b = theta.split([*3 * [self.components], 1, 1])
        log_weights, log_scales = weights.log_softmax(0), bounded(raw_scales)
        log_a = bounded(raw_a.squeeze(0))
        target = (z - b.squeeze(0)) * (-log_a).exp()

        def excess(x: Tensor) -> tuple[Tensor, Tensor]:
            logit, log_slope, _ = mixture_logit(x, log_weights, means, log_scales)
            return logit - target, log_slope.exp()

        with torch.no_grad():
            roots = means + log_scales.exp() * target  # each component's own
            margin = 1e-3 * (1 + roots.abs().amax(0))
            lower, upper = roots.amin(0) - margin, roots.amax(0) + margin
        x = increasing_root(excess, lower, upper)
        log_slope = mixture_logit(x, log_weights, means, log_scales)[1]
        return x.t(), -(log_slope + log_a).t()


#: The means of an untrained mixture lie within ± this: the map is then nearly the identity.
_SPREAD = 1.0


def bounded(raw: Tensor) -> Tensor:
    """Return a log-scale within ±`LOG_SCALE_BOUND`, smooth, the identity near 0."""
    return raw * _bound(raw)


def _bound(raw: Tensor) -> Tensor:
    """Return what `bounded` multiplies by; its square is the derivative."""
    return torch.add(_ONE, raw.abs(), alpha=1 / LOG_SCALE_BOUND).reciprocal()
