"""What a viewer sees of a run at one step: numbers and small arrays, in one pickle-free byte form.

Workers write snapshots, the web process reads them; it imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire import Packed


def encode_density(density: NDArray[np.floating], scale: float) -> NDArray[np.uint8]:
    r"""Code densities as bytes, finer where density is low: :math:`c = 255\sqrt{p / s}`.

    Args:
        density: probability density p, any shape, in 1 / (data unit)^2.
        scale: the density s that code 255 stands for; higher densities are shown as s.

    Example:
        >>> encode_density(np.array([0.0, 0.25, 1.0, 9.0]), scale=1.0)
        array([  0, 128, 255, 255], dtype=uint8)
    """
    root = np.sqrt(np.clip(np.nan_to_num(density, nan=0.0, posinf=scale) / scale, 0.0, 1.0))
    code: NDArray[np.uint8] = np.rint(255 * root).astype(np.uint8)
    return code


def decode_density(code: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    """Undo `encode_density`, up to rounding."""
    return (np.square(code.astype(np.float32) / 255) * np.float32(scale)).astype(np.float32)


@dataclass(frozen=True)
class Snapshot(Packed):
    """A run at one step.

    Attributes:
        step: optimizer steps taken.
        seconds: time spent training, without snapshots and waiting.
        steps_per_second: speed of the last slice (0 before the first).
        learning_rate: the rate of the last step, after warm-up and decay.
        grad_norm: gradient norm of the last step, before clipping.
        train_loss: mean of what training makes small over the last slice's batches: the negative
            log-likelihood, in nats, unless the catalog says otherwise.
        held_out_nll: the same over points the training never sees, in nats, as last looked at:
            while it trains, `held_out_curve` may end a few tenths of a second before `step`.
        parameters: number of trained parameters.
        device: where the last slice ran, `cpu` or `cuda`.
        finished: whether the budget is used up.
        failure: one sentence if training broke and the last good state is shown, else empty.
        train_curve: [n, 2] float32, (step, mean train NLL since the row before); empty
            where training makes something else small.
        held_out_curve: [m, 2] float32, (step, held-out NLL).
        bounds: x_min, x_max, y_min, y_max of the picture, in data units.
        density: [H, W] uint8, the model's exact density at the centres of H x W cells of
            `bounds`, coded by `encode_density`; row 0 is the lowest y.
        density_scale: the density that code 255 stands for.
        samples: [n, 2] float32, points drawn from the model at the config's temperature.
    """

    KIND: ClassVar[str] = "snapshot"

    step: int
    seconds: float
    steps_per_second: float
    learning_rate: float
    grad_norm: float
    train_loss: float
    held_out_nll: float
    parameters: int
    device: str
    finished: bool
    failure: str
    density_scale: float
    bounds: list[float]
    train_curve: NDArray[np.float32]
    held_out_curve: NDArray[np.float32]
    density: NDArray[np.uint8]
    samples: NDArray[np.float32]


@dataclass(frozen=True)
class LayerFrames(Packed):
    """The walk through a flow: for every k the exact density of z_k, and points on their way.

    Attributes:
        step: optimizer steps the flow had been trained for.
        bounds: x_min, x_max, y_min, y_max of every frame, in data units.
        labels: K + 1 names, from the base z_0 to the data z_K = x.
        densities: [K + 1, H, W] float32, density of z_k at cell centres; row 0 is the lowest y.
        points: [K + 1, n, 2] float32, the same n draws of the base after k layers.
        log_dets: [K, n] float32, log|det dz_k/dz_{k-1}| of each layer at each point, in nats.
    """

    KIND: ClassVar[str] = "layer frames"

    step: int
    bounds: list[float]
    labels: list[str]
    densities: NDArray[np.float32]
    points: NDArray[np.float32]
    log_dets: NDArray[np.float32]
