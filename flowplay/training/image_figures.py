"""How good a model of images became: bits per dimension of the images that nothing has seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from flowplay.models import BoundModel, LikelihoodModel
from flowplay.models.images import DequantizedFlow
from flowplay.problems import ImageProblem, bits_per_dim
from flowplay.training.data import gives_labels, images_to_judge
from flowplay.training.live_run import LiveRun
from flowplay.wire import RunState

#: Draws of the noise for each image: of the plain bound, and of the importance-weighted ones.
DRAWS = 8
IMPORTANCE_DRAWS = (8, 64)


@torch.inference_mode()
def image_figures(state: RunState) -> dict[str, float | str | None]:
    """Judge a run of images by the test part of its problem.

    Returns:
        `bits_per_dim` of the test images; `bits_per_dim_kind`, what that is: `exact`, or a bound
        by noise of a kind, for instance `variational bound`; `bits_per_dim_iw8` and
        `bits_per_dim_iw`, the importance-weighted bounds with 8 and 64 draws, None where exact;
        `nll`, the same as `bits_per_dim` in nats of a whole image, None where that is a bound, and
        then `bound`. Where labels are given, all
        of these are of P(x | y); then `accuracy` is how often Bayes' rule finds the label, with
        all labels alike beforehand, and `bits_per_dim_marginal` the importance-weighted bound with
        8 draws of the probability without the label.

    Raises:
        ValueError: if the run is not of images, or its model has no likelihood.
    """
    live = LiveRun(state)
    problem, model = live.config.problem(), live.likelihood
    if not isinstance(problem, ImageProblem) or model is None:
        raise ValueError("Only a model of images with a likelihood has bits per dimension.")
    x = images_to_judge(live.config).to(live.device)

    def mean(log_prob: Callable[[Tensor], Tensor]) -> float:
        return float(torch.cat([-log_prob(block).double() for block in x.split(256)]).mean())

    if not isinstance(model, BoundModel):
        found = mean(model.log_prob)
        weighted: list[float | None] = [None for _ in IMPORTANCE_DRAWS]
    else:
        found = mean(partial(model.bound, draws=DRAWS))
        weighted = [
            bits_per_dim(mean(partial(model.importance_bound, draws=draws)), problem.dim)
            for draws in IMPORTANCE_DRAWS
        ]
    exact = live.config.entry.likelihood == "exact"
    return {
        **(_with_labels(model, x, problem) if gives_labels(live.config) else {}),
        **({"nll": found} if exact else {"nll": None, "bound": found}),
        "bits_per_dim": bits_per_dim(found, problem.dim),
        "bits_per_dim_kind": _kind(live),
        "bits_per_dim_iw8": weighted[0],
        "bits_per_dim_iw": weighted[1],
    }


def _with_labels(model: LikelihoodModel, x: Tensor, problem: ImageProblem) -> dict[str, float]:
    """Return how often Bayes' rule finds the label, and the bound where no label is told."""
    assert isinstance(model, DequantizedFlow), "no other model is given labels"
    images, labels = x[:, : problem.dim], x[:, problem.dim].long()
    parts = [model.class_bounds(block, DRAWS) for block in images.split(256)]
    given = torch.cat(parts).double()
    marginal = given.logsumexp(1) - math.log(given.shape[1])
    return {
        "accuracy": float((given.argmax(1) == labels).double().mean()),
        "bits_per_dim_marginal": bits_per_dim(-float(marginal.mean()), problem.dim),
    }


def _kind(live: LiveRun) -> str:
    if live.config.entry.likelihood == "exact":
        return "exact"
    noise = live.config.options.get("dequantization")
    bound = "bound" if noise is None else f"{noise} bound"
    return f"{bound}, label given" if gives_labels(live.config) else bound
