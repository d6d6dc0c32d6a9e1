"""What a model says of an image that somebody has drawn."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from flowplay.errors import RefusedError
from flowplay.models.images import DequantizedFlow
from flowplay.training.images.subject import (
    DRAWS,
    bits_of,
    flow_of_images,
    images_of,
    points_of,
    problem_of,
)
from flowplay.training.live_run import LiveRun
from flowplay.wire import DrawnView

#: Draws of the noise for each label, where the labels of all test images are told.
ACCURACY_DRAWS = 2

#: Nearest images of the training part that are shown.
NEIGHBOURS = 6


@torch.inference_mode()
def drawn_view(live: LiveRun, levels: list[int]) -> DrawnView:
    r"""Judge an image of D levels: its bits, its nearest neighbours, its label by Bayes' rule.

    .. math:: P(y \mid x) = \frac{P(x \mid y)}{\sum_{y'} P(x \mid y')}

    Raises:
        RefusedError: if it is no image of the run's problem.
    """
    problem, model = problem_of(live), live.model
    if len(levels) != problem.dim or not all(0 <= v < problem.levels for v in levels):
        raise RefusedError("This is no image of the kind that the model has learned.")
    image = np.array(levels, np.uint8).reshape(1, *problem.shape)
    own = float(bits_of(live, image)[0])
    others = bits_of(live, images_of(live).levels, draws=1)
    train = images_of(live, "train")
    apart = train.levels.astype(np.float64) - image
    distance = np.sqrt(np.square(apart).reshape(len(apart), -1).sum(1))
    near = np.argsort(distance, kind="stable")[:NEIGHBOURS]
    posterior = None
    if isinstance(model, DequantizedFlow) and model.classes:
        given = model.class_bounds(points_of(live, image), DRAWS).double()
        posterior = [float(p) for p in given.softmax(1)[0]]
    return DrawnView(
        brightest=problem.levels - 1,
        image=image[0],
        bits=own,
        more=float((others > own).mean()),
        neighbours=train.levels[near],
        distances=[float(distance[k]) for k in near],
        labels=[] if train.labels is None else [int(train.labels[k]) for k in near],
        posterior=posterior,
    )


@torch.inference_mode()
def bayes_accuracy(live: LiveRun) -> dict[str, float]:
    """Tell how often Bayes' rule finds the label of a test image, and of how many.

    Raises:
        RefusedError: if the model is given no labels.
    """
    model, test = flow_of_images(live), images_of(live, "test")
    if not model.classes or test.labels is None:
        raise RefusedError("This model is not given labels, so it cannot tell them.")
    x = points_of(live, test.levels)
    found = torch.cat([model.class_bounds(b, ACCURACY_DRAWS).argmax(1) for b in x.split(120)])
    right: NDArray[np.bool_] = found.cpu().numpy() == test.labels
    return {"accuracy": float(right.mean()), "images": float(len(right))}
