"""The logit of a mixture of logistics' distribution function, elementwise, with its derivative."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class SavedMixtureLogit(NamedTuple):
    r"""What `mixture_logit_backward` needs.

    Attributes:
        t: :math:`t_k = (x - \mu_k) / s_k` [K, ...].
        log_sigmoid: :math:`\log \sigma(t_k)` [K, ...].
        inverse_scales: :math:`1 / s_k` [K, ...].
        shares: of each component in F, in 1 - F and in the density [3, K, ...].
    """

    t: Tensor
    log_sigmoid: Tensor
    inverse_scales: Tensor
    shares: Tensor


def mixture_logit(
    x: Tensor, log_weights: Tensor, means: Tensor, log_scales: Tensor
) -> tuple[Tensor, Tensor, SavedMixtureLogit]:
    r"""Return the logit of :math:`F(x) = \sum_k \pi_k\,\sigma((x - \mu_k) / s_k)`, and its slope.

    Everything is computed from the logs of F and of 1 - F, so that tails stay exact in float32.

    Args:
        x: [...].
        log_weights: :math:`\log \pi` [K, ...]; components are the first axis.
        means: :math:`\mu` [K, ...].
        log_scales: :math:`\log s` [K, ...].

    Returns:
        The logit [...], the log of its derivative with respect to x [...], and what
        `mixture_logit_backward` needs.
    """
    inverse_scales = (-log_scales).exp()
    t = (x - means) * inverse_scales
    below = F.logsigmoid(t)
    above = below - t  # log σ(-t)
    # The log of each component's term in F, in 1 - F and in the density.
    terms = torch.stack((below, above, below + above - log_scales)) + log_weights
    largest = terms.detach().amax(1, keepdim=True)
    shares = (terms - largest).exp()
    sums = shares.sum(1, keepdim=True)
    shares = shares / sums
    log_cdf, log_complement, log_density = (sums.log() + largest).squeeze(1).unbind()
    logit = log_cdf - log_complement
    saved = SavedMixtureLogit(t, below, inverse_scales, shares)
    return logit, log_density - log_cdf - log_complement, saved


def mixture_logit_backward(
    g_logit: Tensor, g_log_slope: Tensor, saved: SavedMixtureLogit
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    r"""Return the gradients of x [...], and of log-weights, means and log-scales [K, ...].

    The derivative of the log of a sum with respect to the log of a term is the term's share, and
    :math:`(\log\sigma)'(t) = 1 - \sigma(t)`.
    """
    t, log_sigmoid, inverse_scales, shares = saved
    of_cdf = (g_logit - g_log_slope) * shares[0]
    of_complement = -(g_logit + g_log_slope) * shares[1]
    of_density = g_log_slope * shares[2]
    g_log_weights = of_cdf + of_complement + of_density
    # The gradient of t through σ(t), σ(-t) and their product.
    g_t = of_cdf + of_density - log_sigmoid.exp() * (g_log_weights + of_density)
    g_shift = g_t * inverse_scales
    return g_shift.sum(0), g_log_weights, -g_shift, -torch.addcmul(of_density, g_t, t)
