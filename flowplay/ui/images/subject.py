"""What the sections share: the state that they look at, and pickers of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from flowplay.config import RunConfig
from flowplay.figures.tiles import ink
from flowplay.numbers import fixed
from flowplay.problems import ImageProblem
from flowplay.ui.trained import Trained


@dataclass(frozen=True)
class Subject(Trained):
    """A run that has learned images, as a section looks at it.

    Attributes:
        problem: of the run.
        temperature: of samples, as set.
    """

    problem: ImageProblem
    temperature: float


@lru_cache(maxsize=8)
def shown_images(problem: ImageProblem, seed: int) -> NDArray[np.uint8]:
    """Return the images that can be picked: of the validation part, which no step sees."""
    return problem.images("validation", seed).levels


def label_note(config: RunConfig) -> str:
    """Say what is learned where the label of an image is given, to be put after a sentence."""
    problem = config.problem()
    assert isinstance(problem, ImageProblem), "sections of images are shown for images alone"
    if config.options.get("label") != "given" or not problem.classes:
        return ""
    bits = math.log2(len(problem.classes))
    return (
        " The label is given to this model: these are the bits of an image whose label is known. "
        f"An image without its label takes at most {fixed(bits, 1)} bits more, that is "
        f"{fixed(bits / problem.dim)} bits per dimension."
    )


def pick_image(subject: Subject, label: str, key: str, default: int = 0) -> int:
    """Let an image of the validation part be picked by its number; show it, return the number."""
    images = shown_images(subject.problem, subject.config.seed)
    labels = subject.problem.images("validation", subject.config.seed).labels
    if key not in st.session_state:
        st.session_state[key] = min(default, len(images) - 1)
    st.session_state[key] = min(int(st.session_state[key]), len(images) - 1)

    def named(number: int) -> str:
        if labels is None:
            return f"image {number}"
        return f"{subject.problem.classes[labels[number]]} (image {number})"

    number = st.selectbox(
        label,
        range(len(images)),
        format_func=named,
        key=key,
        help="Images of the validation part: no training step has seen them.",
        width=220,
    )
    return int(number)


def first_of(subject: Subject, label: int) -> int:
    """Return the number of the first validation image with a label; 0 if there is none."""
    labels = subject.problem.images("validation", subject.config.seed).labels
    return 0 if labels is None else int(np.argmax(labels == label))


def inked(subject: Subject, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images as colours."""
    return ink(images, subject.problem.levels - 1)


def bits_captions(bits: NDArray[np.floating] | Sequence[float]) -> list[str]:
    """Return what stands below images: their bits per dimension."""
    return [f"{value:.2f}" for value in bits]
