"""What simple models reach on the rows of a table, so that a number in nats means something."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from flowplay.anomalies.detectors import MOST_ROWS, best_mixture
from flowplay.config import RunConfig
from flowplay.problems import Tabular, make_problem
from flowplay.training.data import HELD_OUT


class References(NamedTuple):
    """Mean negative log-likelihoods of held-out rows, in nats.

    Attributes:
        gaussian: of the Gaussian with the mean and covariance of the training rows.
        mixture: of the mixture of Gaussians with the lowest BIC.
        components: of that mixture.
    """

    gaussian: float
    mixture: float
    components: int


def references(config: RunConfig) -> References | None:
    """Return what both reach on the held-out rows of a run; None if it does not learn a table."""
    if not isinstance(config.problem(), Tabular):
        return None
    return _references(str(config.target_options["data"]), config.samples, config.seed)


@lru_cache(maxsize=32)
def _references(data: str, samples: int, seed: int) -> References:
    from sklearn.mixture import GaussianMixture

    table = make_problem("table", data=data)
    assert isinstance(table, Tabular)
    train = table.training_points(min(samples, MOST_ROWS), seed)
    held_out = table.held_out_points(HELD_OUT, seed)
    gaussian = GaussianMixture(1, reg_covar=1e-6).fit(train)
    mixture = best_mixture(train, seed)
    return References(
        float(-gaussian.score(held_out)), float(-mixture.score(held_out)), mixture.n_components
    )
