"""What the z of images is good for: ways between two, other labels, arrows between classes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowplay.errors import RefusedError
from flowplay.problems import ImageProblem
from flowplay.training.images.subject import (
    bits_of,
    flow_of_images,
    images_of,
    levels_of,
    points_of,
    problem_of,
    with_labels,
)
from flowplay.training.live_run import LiveRun
from flowplay.wire import ArrowsView, BetweenView, LabelsView

#: Pictures on the way between two images.
FRAMES = 9

#: Images of a class from which an arrow begins, as shown.
SHOWN = 8


@torch.inference_mode()
def between_view(live: LiveRun, first: int, last: int) -> BetweenView:
    r"""Go from one image of the validation part to another, in z and by a cross-fade of pixels.

    In z the way is an arc: the length of z changes evenly, as its direction does.
    """
    model, images = flow_of_images(live), images_of(live)
    ends = np.array([first % len(images.levels), last % len(images.levels)])
    labels = None if images.labels is None else images.labels[ends]
    z = model.encode(with_labels(model, points_of(live, images.levels[ends]), labels))
    part = torch.linspace(0, 1, FRAMES).to(z)[:, None]
    # Half of the way with the label of the first image, half with that of the last.
    told = None
    if model.classes and labels is not None:
        told = torch.from_numpy(np.where(np.linspace(0, 1, FRAMES) < 0.5, *labels))
    way = levels_of(live, model.decode(_arc(z[0], z[1], part), told))
    fade = _fade(images.levels[ends].astype(np.float64), part.cpu().numpy())
    bits = np.stack([bits_of(live, way), bits_of(live, fade)])
    return BetweenView(problem_of(live).levels - 1, np.stack([way, fade]), bits)


def _arc(a: Tensor, b: Tensor, part: Tensor) -> Tensor:
    """Return points on the arc from a to b [D]."""
    long_a, long_b = a.norm().clamp(min=1e-6), b.norm().clamp(min=1e-6)
    angle = torch.acos((a @ b / (long_a * long_b)).clamp(-0.9999, 0.9999))
    turned = torch.sin((1 - part) * angle) * a / long_a + torch.sin(part * angle) * b / long_b
    found: Tensor = turned / torch.sin(angle) * (long_a + part * (long_b - long_a))
    return found


def _fade(ends: NDArray[np.float64], part: NDArray[np.floating]) -> NDArray[np.uint8]:
    weight = part.reshape(-1, 1, 1, 1)
    mixed: NDArray[np.uint8] = np.rint((1 - weight) * ends[0] + weight * ends[1]).astype(np.uint8)
    return mixed


@torch.inference_mode()
def labels_view(live: LiveRun) -> LabelsView:
    """Keep the z of images and change their label.

    One image of each class is shown with every label. The success is measured over all images of
    the validation part and all other labels: how often a classifier, which has learned the
    training part, sees the new label.

    Raises:
        RefusedError: if the model is given no labels.
    """
    model, images = flow_of_images(live), images_of(live)
    if not model.classes or images.labels is None:
        raise RefusedError("This model is not given labels, so there is none to change.")
    classes = model.classes
    z = model.encode(with_labels(model, points_of(live, images.levels), images.labels))
    told = torch.arange(classes).repeat(len(z))
    levels = levels_of(live, model.decode(z.repeat_interleave(classes, 0), told))
    judge = _judge(live)
    wanted = told.numpy()
    own = np.repeat(images.labels, classes)
    other = wanted != own
    success = float((judge(levels[other]) == wanted[other]).mean())
    rows = _one_of_each(images.labels, classes)
    every = levels.reshape(len(z), classes, *levels.shape[1:])
    return LabelsView(
        brightest=problem_of(live).levels - 1,
        sources=images.levels[rows],
        changed=every[rows],
        labels=[int(label) for label in images.labels[rows]],
        success=success,
        judged_right=float((judge(images.levels) == images.labels).mean()),
    )


@torch.inference_mode()
def arrows_view(live: LiveRun, source: int, target: int) -> ArrowsView:
    r"""Add the difference of two classes' means to z, and the same to pixels.

    .. math:: z' = z + \bar z_b - \bar z_a

    The means are of the training part. Success is measured as in `labels_view`, over all images of
    the validation part and all other classes.

    Raises:
        RefusedError: if the images have no labels.
    """
    model, problem, images = flow_of_images(live), problem_of(live), images_of(live)
    train = images_of(live, "train")
    if train.labels is None or images.labels is None:
        raise RefusedError(f"{problem.label} has no labels.")
    classes = len(problem.classes)
    source, target = source % classes, target % classes
    known = model.encode(with_labels(model, points_of(live, train.levels), train.labels))
    z = model.encode(with_labels(model, points_of(live, images.levels), images.labels))
    z_means = torch.stack(
        [known[torch.from_numpy(train.labels == k)].mean(0) for k in range(classes)]
    ).nan_to_num()
    flat = train.levels.reshape(len(train.levels), -1).astype(np.float64)
    means = np.stack(
        [
            flat[train.labels == k].mean(0) if (train.labels == k).any() else flat.mean(0)
            for k in range(classes)
        ]
    )
    judge = _judge(live)

    def moved(rows: NDArray[np.int64], to: NDArray[np.int64]) -> dict[str, NDArray[np.uint8]]:
        assert images.labels is not None, "said above"
        own = images.labels[rows]
        arrow = z_means[torch.from_numpy(to)] - z_means[torch.from_numpy(own)]
        told = torch.from_numpy(own) if model.classes else None
        pixels = images.levels[rows].reshape(len(rows), -1) + means[to] - means[own]
        found = {
            "z": levels_of(live, model.decode(z[torch.from_numpy(rows)] + arrow, told)),
            "pixels": _whole(pixels, problem),
        }
        if model.classes:
            changed = model.decode(z[torch.from_numpy(rows)], torch.from_numpy(to))
            found["label"] = levels_of(live, changed)
        return found

    # Every image once, each to another class than its own, all classes equally often.
    rows = np.arange(len(images.levels))
    to = (images.labels + 1 + rows % (classes - 1)) % classes
    success = {kind: float((judge(made) == to).mean()) for kind, made in moved(rows, to).items()}
    shown = np.flatnonzero(images.labels == source)[:SHOWN]
    made = moved(shown, np.full(len(shown), target)) if len(shown) else {}
    return ArrowsView(
        brightest=problem.levels - 1,
        kinds=list(made),
        sources=images.levels[shown],
        made=np.stack(list(made.values())) if made else np.empty((0, 0, *problem.shape), np.uint8),
        success=success,
        judged_right=float((judge(images.levels) == images.labels).mean()),
    )


def _whole(pixels: NDArray[np.float64], problem: ImageProblem) -> NDArray[np.uint8]:
    levels = np.rint(pixels).clip(0, problem.levels - 1).astype(np.uint8)
    shaped: NDArray[np.uint8] = levels.reshape(-1, *problem.shape)
    return shaped


def _one_of_each(labels: NDArray[np.int64], classes: int) -> list[int]:
    return [int(np.argmax(labels == k)) for k in range(classes) if (labels == k).any()]


class _Judge:
    """A support vector classifier that has learned a problem's training part."""

    def __init__(self, problem: ImageProblem, seed: int) -> None:
        # Only these sections need it: workers do not load it otherwise.
        from sklearn.svm import SVC

        train = problem.images("train", seed)
        self.machine: Any = SVC(gamma="scale", C=10.0)
        self.machine.fit(train.levels.reshape(len(train.levels), -1).astype(float), train.labels)

    def __call__(self, levels: NDArray[np.uint8]) -> NDArray[np.int64]:
        found: NDArray[np.int64]
        found = self.machine.predict(levels.reshape(len(levels), -1).astype(float))
        return found


@lru_cache(maxsize=4)
def _judge_of(problem: ImageProblem, seed: int) -> _Judge:
    return _Judge(problem, seed)


def _judge(live: LiveRun) -> _Judge:
    return _judge_of(problem_of(live), live.config.seed)
