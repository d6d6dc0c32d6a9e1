"""Thresholds from held-out scores, and how well scores tell labelled anomalies from the rest."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Resamples behind an interval, and the share that lies outside it.
RESAMPLES: Final = 500
OUTSIDE: Final = 0.05

#: Points of a curve at most.
_CURVE_POINTS: Final = 400


class Curves(NamedTuple):
    """ROC and precision-recall curves, with as many points each."""

    false_positives: Array
    true_positives: Array
    recall: Array
    precision: Array


def threshold(held_out: Array, share: float) -> float:
    """Return the score that a share of held-out points exceeds, in nats.

    Args:
        held_out: scores [m] of points that were not trained on.
        share: from 0 to 1.

    Example:
        >>> threshold(np.arange(101.0), 0.05)
        95.0
    """
    return float(np.quantile(held_out, 1 - share))


def percentile(held_out: Array, score: float) -> float:
    """Return the share of held-out scores that are at most this score.

    Example:
        >>> percentile(np.arange(10.0), 4.0)
        0.5
    """
    return float((held_out <= score).mean())


def verdicts(scores: Array, limit: float) -> list[str]:
    """Return `anomaly` or `normal` for each score; nothing for NaN."""
    return ["" if np.isnan(s) else "anomaly" if s > limit else "normal" for s in scores]


def judged(scores: Array, labels: NDArray[np.int8]) -> tuple[dict[str, Any], Curves] | None:
    """Return what labels tell of scores, and both curves; None without labels of both kinds.

    `auc` is the area under the ROC curve, `auc_low` and `auc_high` its bootstrap interval of 95 %,
    `average_precision` the area under the precision-recall curve, `anomalies` and `normal` count
    the rows.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

    known = (labels >= 0) & ~np.isnan(scores) if len(labels) == len(scores) else np.zeros(0, bool)
    if not known.any() or len(np.unique(labels[known])) < 2:
        return None
    # Infinite scores are the highest there are.
    scores, labels = np.clip(scores[known], -1e300, 1e300), labels[known]
    low, high = auc_interval(scores, labels)
    false, true, _ = roc_curve(labels, scores)
    precision, recall, _ = precision_recall_curve(labels, scores)
    found = {
        "auc": auc(scores, labels),
        "auc_low": low,
        "auc_high": high,
        "average_precision": float(average_precision_score(labels, scores)),
        "anomalies": int(labels.sum()),
        "normal": int((labels == 0).sum()),
    }
    return found, Curves(*_alike(false, true), *_alike(recall[::-1], precision[::-1]))


def auc(scores: Array, labels: NDArray[np.int8]) -> float:
    """Return the area under the ROC curve: how often an anomaly scores higher than the rest."""
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    n = int(labels.sum())
    m = len(labels) - n
    return float((ranks[labels == 1].sum() - n * (n + 1) / 2) / (n * m))


def auc_interval(scores: Array, labels: NDArray[np.int8], seed: int = 0) -> tuple[float, float]:
    """Return the bootstrap interval of the AUC: both kinds of rows are drawn anew by themselves."""
    rng = np.random.default_rng(seed)
    one, zero = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    kinds = np.repeat(np.array([1, 0], np.int8), [len(one), len(zero)])
    found = [
        auc(scores[np.concatenate([rng.choice(one, len(one)), rng.choice(zero, len(zero))])], kinds)
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(found, (OUTSIDE / 2, 1 - OUTSIDE / 2))
    return float(low), float(high)


def _alike(x: Array, y: Array) -> tuple[Array, Array]:
    """Return a curve with a fixed number of points, its first and last among them."""
    at = np.linspace(0, len(x) - 1, _CURVE_POINTS).round().astype(int)
    return x[at].astype(np.float64), y[at].astype(np.float64)
