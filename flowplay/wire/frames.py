"""The frames of a look inside a flow: every layer's density, areas, lattice and points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire.packing import Packed


@dataclass(frozen=True)
class LayerFrames(Packed):
    r"""Every shown :math:`z_k` of a flow: densities, areas, a warped lattice, points on their way.

    S frames are shown of the K + 1 states, all of them where there is room. Positions are coded as
    `flowplay.codes.window_units`, densities as `flowplay.codes.encode_density`, areas as
    `encode_signed`, errors as `encode_error`. Each frame's maps fill a box of its own, which holds
    its probability; row 0 is the lowest y.

    Attributes:
        token: names the training state.
        step: optimizer steps the flow had been trained for.
        window: x_min, x_max, y_min, y_max in which positions are coded, in data units; all boxes
            lie in it.
        near: half width of the window that is shown at first.
        boxes: [S] x_min, x_max, y_min, y_max of each frame's maps.
        layers: K, the standardization included.
        states: [S] k of each frame, from 0 to K.
        names: [S] what made the frame: the kind of its last layer, "base" for z_0.
        times: [S] the true time of a continuous flow, None where there is none.
        ticks: of the colour bars density, layer, total and error.
        density_scale: the density that code 255 stands for.
        layer_limit: log-determinant of one frame that code 127 stands for, in nats.
        total_limit: the same of all layers up to a frame.
        mean_log_dets: [S] mean over the samples of the log-determinant from the frame before, in
            nats; 0 for the base.
        mass: [S] probability that lies in the frame's box: density times cell area, summed.
        round_trip: largest |f(f^-1(x)) - x| over held-out data, in float32; None if unsolved.
        unsolved: cells in which a numeric inverse did not reach its tolerance; drawn empty.
        base: [K] the Gaussians of the base: weight, two coordinates of the mean, and standard
            deviation of each.
        base_reach: the lattice covers -base_reach to base_reach of the base in both directions.
        density: [S, H, H] uint8, exact density of z_k at cell centres.
        layer_area: [S, H, H] int8, log|det dz_k/dz_j| at z_k, j the frame before.
        total_area: [S, H, H] int8, log|det dz_k/dz_0| at z_k.
        samples: [S, n, 2] int16, the same draws of the base after k layers.
        data: [S, n, 2] int16, held-out points of the target as z_k.
        lattice: [S, L, L, 2] int16, the base's lattice after k layers; row 0 is the lowest y.
        lattice_area: [S, L, L] int8, log|det dz_k/dz_0| at the lattice's points.
        cell_area: [S, C, C] int8, log|det dz_k/dz_0| at the centre of each of the C x C cells
            whose sides are (L - 1) / C steps of the lattice.
        round_trip_map: [E, E] uint8, |f(f^-1(x)) - x| at the centres x of E x E cells of the last
            frame's box.
    """

    KIND: ClassVar[str] = "layer frames"
    VERSION: ClassVar[int] = 2

    token: str
    step: int
    window: list[float]
    near: float
    boxes: list[list[float]]
    layers: int
    states: list[int]
    names: list[str]
    times: list[float | None]
    ticks: dict[str, list[Any]]
    density_scale: float
    layer_limit: float
    total_limit: float
    mean_log_dets: list[float]
    mass: list[float]
    round_trip: float | None
    unsolved: int
    base: list[list[float]]
    base_reach: float
    density: NDArray[np.uint8]
    layer_area: NDArray[np.int8]
    total_area: NDArray[np.int8]
    samples: NDArray[np.int16]
    data: NDArray[np.int16]
    lattice: NDArray[np.int16]
    lattice_area: NDArray[np.int8]
    cell_area: NDArray[np.int8]
    round_trip_map: NDArray[np.uint8]

    @property
    def solved(self) -> bool:
        """Whether an ODE solver gave the densities: they are exact up to its tolerance."""
        return any(time is not None for time in self.times)
