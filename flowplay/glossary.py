"""What the field's words mean: one short explanation each, for every place with the word."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from types import MappingProxyType

TERMS: Mapping[str, str] = MappingProxyType(
    {
        "base": "The simple density that a flow starts from. Trained flows here start from the "
        "Gaussian N(0, I), or from a mixture of Gaussians if you choose one; on the page Change of "
        "variables you choose the base.",
        "bijection": "A map that is one-to-one and onto: every x comes from exactly one z, so the "
        "map can be inverted.",
        "bits per dimension": "Negative log-likelihood in bits, divided by the number of "
        "dimensions: the mean length of an ideal code for each number of a data point, written in "
        "steps of a given size.",
        "CDF": "Cumulative distribution function: the probability of a value of at most x.",
        "condition number": "The largest singular value of a matrix divided by the smallest: how "
        "much more it stretches in one direction than in another.",
        "conditioner": "The network that computes the parameters of a layer from one part of a "
        "point. It need not be invertible itself.",
        "coupling": "A layer that keeps one part of a point and transforms the rest with "
        "parameters computed from the kept part. The kept part is known in both directions, so "
        "the layer can be inverted.",
        "density": "Probability per unit of length, area or volume. It may be above 1.",
        "diffeomorphism": "A bijection that is differentiable in both directions.",
        "effective sample size": "How many draws of the target the weighted draws of a model are "
        "worth, as a share of their number: 1 if all weights are equal.",
        "ELBO": "Evidence lower bound: the mean of log p̃ − log q over draws of q, where p̃ is a "
        "density without its constant Z. It is log Z minus KL(q‖p), so it is never above log Z.",
        "energy": "A function U that gives a density up to its constant: p = exp(−U) / Z.",
        "entropy floor": "The entropy of the target: the expected negative log-likelihood under a "
        "perfect model. No model has a lower expected value. A mean over a sample may lie a "
        "little below it, and a training NLL further below it, if the model overfits.",
        "held-out": "Points of the target that training never uses. The model is judged on them.",
        "Jacobian": "The matrix of all partial derivatives of a map. It describes how the map "
        "stretches, turns and shears a small region.",
        "KL divergence": "How many nats per point the model loses against the true density: the "
        "expected NLL minus the entropy. It is 0 only for a perfect model.",
        "latent": "The point z of the base that belongs to a data point x.",
        "Lipschitz constant": "The largest factor by which a map can increase the distance "
        "between two points.",
        "log-det": "The logarithm of |det J|, in nats: the log of the factor by which a map "
        "multiplies volumes. From z to x, it is subtracted from the log-density.",
        "mixture": "A density that is a weighted mean of simpler ones, such as Gaussians. To draw "
        "from it, choose one of them by its weight, then draw from that.",
        "nats": "The unit of information with natural logarithms. 1 nat is 1.443 bits.",
        "NLL": "Negative log-likelihood: minus the mean log-density of data under the model, in "
        "nats. Lower is better. Most flows are trained to make it small.",
        "overfitting": "The fit to the training points gets better while the fit to new points "
        "gets worse.",
        "pass": "One evaluation of a layer's network, for all points at once.",
        "pushforward": "The density of x = f(z), if z is drawn from a given density.",
        "quantile": "The value below which a given share of the probability lies.",
        "score": "The gradient of the log-density with respect to x: the direction in which the "
        "density increases fastest.",
        "standardization": "The fixed shift and scaling that give each coordinate of the data "
        "mean 0 and variance 1. Correlations stay as they are.",
        "temperature": "A factor τ on the standard deviation of the base while samples are drawn. "
        "Below 1, base points lie nearer to the mean of the base (of a mixture: to the mean of "
        "their Gaussian), and samples vary less. They are not always nearer to the data.",
        "triangular": "A matrix with only zeros on one side of its diagonal. Its determinant is "
        "the product of the diagonal.",
    }
)

_MARK = re.compile(r"\[\[(?:([^\]|]+)\|)?([^\]|]+)\]\]")


def explain(text: str) -> str:
    """Turn `[[term]]` and `[[as shown|term]]` in Markdown into words that explain themselves.

    The explanation shows on hover, on a tap and on keyboard focus; `style.css` draws it.

    Raises:
        KeyError: for a term that the glossary lacks.

    Example:
        >>> explain("a [[base]]")
        'a <span class="term" tabindex="0" ...>base</span>'
    """
    return _MARK.sub(lambda match: _word(match[1] or match[2], TERMS[match[2]]), text)


def plain(text: str) -> str:
    """Return the text that `explain` marks up, without its marks.

    Example:
        >>> plain("see [[the way back|bijection]]")
        'see the way back'
    """
    return _MARK.sub(lambda match: match[1] or match[2], text)


def _word(shown: str, meaning: str) -> str:
    tip = html.escape(meaning, quote=True)
    return (
        f'<span class="term" tabindex="0" role="note" aria-description="{tip}" '
        f'data-tip="{tip}">{html.escape(shown)}</span>'
    )
