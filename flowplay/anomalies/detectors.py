"""What people use otherwise: five methods of scikit-learn, on the same rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flowplay.anomalies.judging import auc, auc_interval

Array = NDArray[np.float64]

#: Rows that a method learns from at most: some take time that grows with their square.
MOST_ROWS: Final = 5000

_COMPONENTS: Final = (1, 2, 3, 4, 6, 8)


class Detected(NamedTuple):
    """How well a method tells anomalies from the rest.

    Attributes:
        label: of the method.
        auc: area under the ROC curve, with its bootstrap interval.
        seconds: of learning and scoring.
    """

    label: str
    auc: float
    low: float
    high: float
    seconds: float


def detected(train: Array, test: Array, labels: NDArray[np.int8], seed: int) -> list[Detected]:
    """Let each method learn the rows [n, D] and score the test rows [m, D] with labels [m]."""
    found = []
    for label, method in METHODS.items():
        start = time.perf_counter()
        scores = method(train[:MOST_ROWS], test, seed)
        seconds = time.perf_counter() - start
        found.append(
            Detected(label, auc(scores, labels), *auc_interval(scores, labels), round(seconds, 3))
        )
    return found


def best_mixture(rows: Array, seed: int) -> Any:  # noqa: ANN401
    """Return the Gaussian mixture with the lowest BIC, of those with 1 to 8 components."""
    from sklearn.mixture import GaussianMixture

    most = max(1, len(rows) // (5 * rows.shape[1]))
    tried = [
        GaussianMixture(k, random_state=seed, reg_covar=1e-4, n_init=1).fit(rows)
        for k in _COMPONENTS
        if k <= most or k == 1
    ]
    return min(tried, key=lambda mixture: mixture.bic(rows))


def _forest(train: Array, test: Array, seed: int) -> Array:
    from sklearn.ensemble import IsolationForest

    found: Array = -IsolationForest(random_state=seed).fit(train).score_samples(test)
    return found


def _support(train: Array, test: Array, seed: int) -> Array:
    from sklearn.svm import OneClassSVM

    found: Array = -OneClassSVM(gamma="scale", nu=0.1).fit(train).score_samples(test)
    return found


def _local(train: Array, test: Array, seed: int) -> Array:
    from sklearn.neighbors import LocalOutlierFactor

    neighbours = min(20, len(train) - 1)
    found = LocalOutlierFactor(n_neighbors=neighbours, novelty=True).fit(train)
    scores: Array = -found.score_samples(test)
    return scores


def _mixture(train: Array, test: Array, seed: int) -> Array:
    found: Array = -best_mixture(train, seed).score_samples(test)
    return found


def _kernel(train: Array, test: Array, seed: int) -> Array:
    from sklearn.neighbors import KernelDensity

    found: Array = -KernelDensity(bandwidth="scott").fit(train).score_samples(test)
    return found


#: Label -> method, from rows to learn, rows to score and a seed to scores [m].
METHODS: Final[dict[str, Callable[[Array, Array, int], Array]]] = {
    "Isolation Forest": _forest,
    "One-Class SVM": _support,
    "Local Outlier Factor": _local,
    "Gaussian mixture": _mixture,
    "Kernel density": _kernel,
}
