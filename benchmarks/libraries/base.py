"""What the benchmark asks of every library; it imports none of them, so that imports can be timed.

Models take and give points in data units, as float32 arrays; standardization is the adapter's part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

#: Splines are the identity outside a box of this half width, in standardized units.
BOUND = 4.0


class Job(NamedTuple):
    """What to build and train.

    Attributes:
        kind: affine, spline or maf.
        depth: layers.
        width: units in each of the two hidden layers of a conditioner.
        bins: pieces of a spline.
        batch: points in a step.
        clip: gradients longer than this are shortened; None leaves them alone.
        seed: of the initialization and the batches.
        data: training points [N, 2].
        settings: the run as flowplay describes it; only flowplay needs more than the above.
    """

    kind: str
    depth: int
    width: int
    bins: int
    batch: int
    clip: float | None
    seed: int
    data: FloatArray
    settings: Mapping[str, object]


class Model(Protocol):
    """A flow in training."""

    def prepare(self) -> None:
        """Compile whatever the first step would have to; nothing in most libraries."""

    def step(self, rate: float) -> None:
        """Draw a batch and take one optimizer step; it may return before the step is done."""

    def wait(self) -> None:
        """Return when all steps are done."""

    def log_prob(self, points: FloatArray) -> FloatArray:
        """Return the log-density [n] of points [n, 2], in nats."""

    def sample(self, n: int) -> FloatArray:
        """Draw n points [n, 2]."""


class Eager:
    """The part of a model that has nothing to do where every line runs at once."""

    def prepare(self) -> None:
        """Nothing is compiled."""

    def wait(self) -> None:
        """A step is done when it returns."""


def draw_points(job: Job) -> None:
    """Draw the data once more: what that takes of memory, everybody who trains has to take."""
    from flowplay.targets import make_target

    options = cast(Mapping[str, float], job.settings["target_options"])
    make_target(str(job.settings["target"]), **options).sample(len(job.data), job.seed)


class Library(NamedTuple):
    """A library as the benchmark sees it.

    Attributes:
        kinds: the architectures it has.
        build: begins a model.
        version: of the package.
        draw: draws data in the library's process, ahead of the clock.
    """

    kinds: tuple[str, ...]
    build: Callable[[Job], Model]
    version: str
    draw: Callable[[Job], None] = draw_points


class Standardized:
    """Data of zero mean and unit variance, and the way back."""

    def __init__(self, data: FloatArray) -> None:
        self.mean, self.std = data.mean(0), data.std(0)
        self.log_det = float(np.log(self.std).sum())
        self.data = self.inward(data)

    def inward(self, points: FloatArray) -> FloatArray:
        """Map data units to standardized units."""
        standardized: FloatArray = (points - self.mean) / self.std
        return standardized

    def outward(self, points: FloatArray) -> FloatArray:
        """Map standardized units to data units."""
        data: FloatArray = self.mean + self.std * points
        return data
