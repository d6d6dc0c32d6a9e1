"""The logit of a mixture of logistics' distribution function, elementwise, with its derivative."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def mixture_logit(
    x: Tensor, log_weights: Tensor, means: Tensor, log_scales: Tensor
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    r"""Return the logit of :math:`F(x) = \sum_k \pi_k\,\sigma((x - \mu_k) / s_k)`, and its slope.

    Everything is computed from the logs of F and of 1 - F, so that tails stay exact in float32.

    Args:
        x: [...].
        log_weights: :math:`\log \pi` [K, ...]; components are the first axis.
        means: :math:`\mu` [K, ...].
        log_scales: :math:`\log s` [K, ...].

    Returns:
        The logit [...], the log of its derivative by x [...], and tensors to hand to
        `differentiate_mixture_logit`.
    """
    per_scale = (-log_scales).exp()
    t = (x - means) * per_scale
    below = F.logsigmoid(t)
    above = below - t  # log σ(-t)
    # Of F, of 1 - F and of the density, what each component brings.
    terms = torch.stack((below, above, below + above - log_scales)) + log_weights
    most = terms.detach().amax(1, keepdim=True)
    shares = (terms - most).exp()
    sums = shares.sum(1, keepdim=True)
    shares = shares / sums
    log_cdf, log_rest, log_density = (sums.log() + most).squeeze(1).unbind()
    logit = log_cdf - log_rest
    return logit, log_density - log_cdf - log_rest, (t, below, per_scale, shares)


def differentiate_mixture_logit(
    g_logit: Tensor, g_log_slope: Tensor, saved: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    r"""Return the gradients of x [...], and of log-weights, means and log-scales [K, ...].

    The log of a sum has the components' shares in it as its derivatives, and
    :math:`(\log\sigma)'(t) = 1 - \sigma(t)`.
    """
    t, below, per_scale, shares = saved
    of_cdf = (g_logit - g_log_slope) * shares[0]
    of_rest = -(g_logit + g_log_slope) * shares[1]
    of_density = g_log_slope * shares[2]
    g_log_weights = of_cdf + of_rest + of_density
    # By t: those of σ(t), of σ(-t), and of their product.
    g_t = of_cdf + of_density - below.exp() * (g_log_weights + of_density)
    g_shift = g_t * per_scale
    return g_shift.sum(0), g_log_weights, -g_shift, -torch.addcmul(of_density, g_t, t)
