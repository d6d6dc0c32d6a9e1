"""What the field's words mean: one sentence each, for every place in which a word appears."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from types import MappingProxyType

TERMS: Mapping[str, str] = MappingProxyType(
    {
        "base": "The simple density that a flow starts from; here a Gaussian N(0, I).",
        "bijection": "A map with exactly one way back from every value it reaches.",
        "bits per dimension": "Negative log-likelihood in bits (base 2), divided by the number of "
        "dimensions: what an ideal code spends on each number of a data point.",
        "conditioner": "The network that reads one part of a point and says how the rest is "
        "transformed; it need not be invertible itself.",
        "coupling": "A layer that keeps one part of a point and transforms the rest by what the "
        "kept part says, so that it can be undone.",
        "density": "Probability per unit of length, area or volume; it may be above 1.",
        "diffeomorphism": "A bijection that is smooth in both directions.",
        "entropy floor": "The target's own entropy: the mean negative log-likelihood of a perfect "
        "model. No honest model gets below it, up to sampling error.",
        "held-out": "Points of the target that no training step sees, kept for judging.",
        "Jacobian": "The matrix of all partial derivatives of a map: how it stretches, turns and "
        "shears a small neighbourhood.",
        "KL divergence": "How many nats per point the model loses against the truth: NLL minus "
        "entropy. It is 0 only for a perfect model.",
        "latent": "The point z of the base that belongs to a data point x.",
        "Lipschitz constant": "The most by which a map can grow a distance.",
        "log-det": "The logarithm of |det J|, in nats: by how much a map grows volumes; it is "
        "subtracted from the log-density.",
        "nats": "The unit of information with natural logarithms; 1 nat is 1.443 bits.",
        "NLL": "Negative log-likelihood: minus the mean log-density of the data under the model, "
        "in nats. Lower is better; it is the loss.",
        "overfitting": "Getting better on the training points while getting worse on new ones.",
        "pushforward": "What a map makes of a density.",
        "quantile": "The value below which a given share of the probability lies.",
        "standardization": "The fixed shift and scaling that gives each coordinate of the data "
        "mean 0 and variance 1.",
        "temperature": "Standard deviation of the base while sampling; below 1, samples keep to "
        "the likely.",
        "triangular": "A matrix that is zero on one side of its diagonal; its determinant is the "
        "product of the diagonal.",
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
