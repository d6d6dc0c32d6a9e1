"""What all sections need: the model of a run, images that it has not learned, and their bits."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowplay.errors import RefusedError
from flowplay.models import BoundModel, LikelihoodModel
from flowplay.models.images import DequantizedFlow
from flowplay.problems import ImageProblem, Images
from flowplay.problems.images import Part
from flowplay.training.live_run import LiveRun

#: Draws of the noise behind bits of single images.
DRAWS = 8


def problem_of(live: LiveRun) -> ImageProblem:
    """Return the problem of a run of images.

    Raises:
        RefusedError: if the run is of something else.
    """
    problem = live.config.problem()
    if not isinstance(problem, ImageProblem):
        raise RefusedError(f"{problem.label} has no images.")
    return problem


def flow_of_images(live: LiveRun) -> DequantizedFlow:
    """Return the model of a run, if it has a base that images can be taken to.

    Raises:
        RefusedError: if it has none.
    """
    problem_of(live)
    if not isinstance(live.model, DequantizedFlow):
        raise RefusedError(
            f"{live.config.entry.label} has no z: choose a flow with noise on the levels."
        )
    return live.model


def images_of(live: LiveRun, part: Part = "validation") -> Images:
    """Return a part of the images of a run's problem; the page shows those of validation."""
    return problem_of(live).images(part, live.config.seed)


def points_of(live: LiveRun, images: NDArray[np.uint8]) -> Tensor:
    """Return images [n, H, W, C] as points [n, D] on the device of a run."""
    return torch.from_numpy(images.reshape(len(images), -1)).float().to(live.device)


def with_labels(model: DequantizedFlow, x: Tensor, labels: NDArray[np.int64] | None) -> Tensor:
    """Return points [n, D] as the model takes them: with labels [n], where it is given them."""
    if not model.classes:
        return x
    assert labels is not None, "a model that is given labels has learned images with labels"
    return torch.cat((x, torch.from_numpy(labels).to(x).unsqueeze(-1)), -1)


def levels_of(live: LiveRun, x: Tensor) -> NDArray[np.uint8]:
    """Return points [n, D] as images [n, H, W, C]."""
    problem = problem_of(live)
    levels = torch.nan_to_num(x).clamp(0, problem.levels - 1).byte().cpu().numpy()
    return levels.reshape(-1, *problem.shape)


@torch.inference_mode()
def bits_of(live: LiveRun, images: NDArray[np.uint8], draws: int = DRAWS) -> NDArray[np.float32]:
    r"""Return :math:`-\log_2 P(x) / D` of images [n, H, W, C], in bits per dimension.

    It is exact for an integer flow, else an upper bound: the importance-weighted one with so many
    draws. Where labels are given, it is of :math:`P(x) = \sum_y P(x \mid y) / K`.

    Raises:
        RefusedError: if the run has no likelihood.
    """
    model = live.likelihood
    if model is None:
        raise RefusedError(f"{live.config.entry.label} gives images no probability.")
    parts = [_log_prob(model, x, draws) for x in points_of(live, images).split(256)]
    nats = -torch.cat(parts).double().cpu().numpy()
    found: NDArray[np.float32] = (nats / (problem_of(live).dim * np.log(2))).astype(np.float32)
    return found


def _log_prob(model: LikelihoodModel, x: Tensor, draws: int) -> Tensor:
    if isinstance(model, DequantizedFlow) and model.classes:
        return model.class_bounds(x, draws).logsumexp(1) - float(np.log(model.classes))
    if isinstance(model, BoundModel):
        return model.importance_bound(x, draws)
    return model.log_prob(x)
