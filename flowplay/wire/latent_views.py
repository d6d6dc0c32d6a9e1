"""What a worker finds in the latent space of a model of the plane, on its way to a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import Packed


@dataclass(frozen=True)
class PlaneView(Packed):
    """A model's density over the window of its problem.

    Attributes:
        window: x_min, x_max, y_min, y_max, in data units.
        scale: the density at the top of the colour scale, in 1 / (data unit)^2.
        exactness: `exact`, `bound` or `estimate`; `none` for a model without a likelihood, whose
            density is empty.
        density: [H, W] at the centres of the cells; row 0 is the lowest y.
    """

    KIND: ClassVar[str] = "density of the plane"

    window: list[float]
    scale: float
    exactness: str
    density: NDArray[np.float32]


@dataclass(frozen=True)
class PosteriorView(Packed):
    """What the encoder of a VAE says of a point, and what its decoder says.

    Attributes:
        point: [2] in data units.
        log_prob: log p(x) of the point by quadrature, in nats.
        bound: its ELBO, in nats, a mean over draws of z.
        draws: of z.
        mean: [latent] of q(z | x).
        std: [latent].
        reach: latents from -reach to reach are shown.
        log_posterior: [n] or [n, n] log p(z | x), of z on an even grid; row 0 is the lowest z₂.
        lattice: [lines, n, 2], lines of the latent grid, decoded, in data units.
        decoded: [2, 2], mean and standard deviation of p(x | z) at the mean of q(z | x).
    """

    KIND: ClassVar[str] = "posterior of a latent"

    point: list[float]
    log_prob: float
    bound: float
    draws: int
    mean: list[float]
    std: list[float]
    reach: float
    log_posterior: NDArray[np.float32]
    lattice: NDArray[np.float32]
    decoded: NDArray[np.float32]


@dataclass(frozen=True)
class GeneratorView(Packed):
    """What a generator makes of a lattice of its noise, and how its discriminator judges the plane.

    Attributes:
        window: x_min, x_max, y_min, y_max, in data units.
        noise: axes of the noise; the lattice spans the first two, the others are 0.
        lattice: [k, 2, 2] pieces of the lattice's image, in data units.
        turned: [k] whether a piece bounds a cell that was turned over.
        share: of the noise in these cells; NaN for noise of one axis.
        judged: [H, W] the discriminator's output: its log-odds that a point is data, or its value
            for Wasserstein's objective; row 0 is the lowest y.
        objective: that the GAN is trained by.
    """

    KIND: ClassVar[str] = "lattice of a generator"

    window: list[float]
    noise: int
    lattice: NDArray[np.float32]
    turned: NDArray[np.bool_]
    share: float
    judged: NDArray[np.float32]
    objective: str


@dataclass(frozen=True)
class InterpolationView(Packed):
    """The paths from one point of the plane to another: straight in the latent space, and straight.

    Attributes:
        ends: [2, 2] the points, in data units.
        latents: [2, L] their latents.
        paths: [2, n, 2] points at even parts of the line between the latents, and of that between
            the points themselves.
        log_prob: [2, n] their log-densities, in nats.
        exactness: of these.
    """

    KIND: ClassVar[str] = "interpolation between two points"

    ends: NDArray[np.float32]
    latents: NDArray[np.float32]
    paths: NDArray[np.float32]
    log_prob: NDArray[np.float32]
    exactness: str


@dataclass(frozen=True)
class SampledView(Packed):
    """Samples drawn from a model as a visitor has asked, and what they cost.

    Attributes:
        window: x_min, x_max, y_min, y_max, in data units.
        points: [n, 2] some of them.
        drawn: how many were drawn.
        milliseconds: that took.
        evaluations: of the network for each of them; 0 where it is not counted.
        metrics: against fresh data, by name: see `sample_metrics`.
    """

    KIND: ClassVar[str] = "samples"

    window: list[float]
    points: NDArray[np.float32]
    drawn: int
    milliseconds: float
    evaluations: int
    metrics: dict[str, Any]


@dataclass(frozen=True)
class SamplingCostView(Packed):
    """How near samples are to data, by the steps of the sampler.

    Attributes:
        rows: for each sampler and number of steps: `sampler`, `steps`, `evaluations`,
            `milliseconds` for `drawn` points, `sliced_w2` and its `error`.
        drawn: points.
        data: sliced W2 of data against other data.
    """

    KIND: ClassVar[str] = "cost of sampling"

    rows: list[dict[str, Any]]
    drawn: int
    data: float
