"""A flow as the model of a run."""

from __future__ import annotations

from torch import Tensor

from flowplay.config import RunConfig
from flowplay.flows import Flow, Standardization, build_flow
from flowplay.problems import learns_from_draws


def build(config: RunConfig, points: Tensor) -> Flow:
    """Build the untrained flow of a config, standardized by its training points [n, D].

    Where it is trained on its own draws, its layers generate in their cheap direction.
    """
    return build_flow(
        config.architecture,
        dim=points.shape[1],
        depth=config.depth,
        width=config.width,
        seed=config.seed,
        standardization=Standardization.of(points),
        checkpoint=config.checkpoint,
        turned=learns_from_draws(config.problem()),
        **config.options,
    )
