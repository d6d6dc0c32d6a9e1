"""From a run's config to the model that it trains."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable

import torch
from torch import Tensor

from flowplay.config import RunConfig
from flowplay.models.base import LikelihoodModel, Model


def build_model(config: RunConfig, points: Tensor) -> Model:
    """Build the untrained model of a config, by the function that the catalog names.

    The seed of the config fixes the initialization.

    Args:
        config: the run's config.
        points: [n, D] training points, from which a model may take location and scale.

    Raises:
        ValueError: if the model cannot learn points of this dimension, or if it has a likelihood
            and the catalog says none, or the reverse.
    """
    build: Callable[[RunConfig, Tensor], Model]
    build = pkgutil.resolve_name(config.entry.build)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = build(config, points)
    likelihood = config.entry.likelihood
    if isinstance(model, LikelihoodModel) != (likelihood != "none"):
        raise ValueError(
            f"The catalog says that the likelihood of {config.architecture} is {likelihood!r}; "
            "its model disagrees."
        )
    return model
