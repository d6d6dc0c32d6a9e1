"""What a look inside a flow shows: frames of its layers, a point's ledger, diagnoses, kept weights.

Workers write these, the web process and the browser read them; it imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from flowplay.wire import Packed

#: Powers of ten between which a round-trip error is coded, 0 to `UNSOLVED` - 1.
ERROR_DECADES = (-8.0, 0.0)

#: Code of a round trip that a numeric inverse did not solve to its tolerance.
UNSOLVED = 255


def encode_signed(values: NDArray[np.floating], limit: float) -> NDArray[np.int8]:
    """Code values as bytes from -127 (-limit or below) to 127 (limit or above).

    Example:
        >>> encode_signed(np.array([-9.0, 0.0, 0.5]), limit=1.0)
        array([-127,    0,   64], dtype=int8)
    """
    unit = np.clip(np.nan_to_num(values / limit, nan=0.0), -1.0, 1.0)
    code: NDArray[np.int8] = np.rint(127 * unit).astype(np.int8)
    return code


def encode_error(errors: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Code errors by their decade within `ERROR_DECADES`; what is no number as `UNSOLVED`.

    Example:
        >>> encode_error(np.array([0.0, 1e-4, 7.0, np.nan]))
        array([  0, 127, 254, 255], dtype=uint8)
    """
    low, high = ERROR_DECADES
    decades = np.log10(np.maximum(np.nan_to_num(errors, nan=1.0), 10.0**low))
    unit = np.clip((decades - low) / (high - low), 0.0, 1.0)
    code: NDArray[np.uint8] = np.rint((UNSOLVED - 1) * unit).astype(np.uint8)
    code[~np.isfinite(errors)] = UNSOLVED
    return code


@dataclass(frozen=True)
class InsideFrames(Packed):
    r"""Every kept :math:`z_k` of a flow: densities, areas, a warped lattice, points on their way.

    S frames are kept of the K + 1 states, all of them where there is room. Positions are coded as
    `flowplay.pictures.window_units`, densities as `flowplay.snapshot.encode_density`, areas as
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
        mass: [S] probability that lies in the frame's box: density times cell area, summed.
        round_trip: largest |f(f^-1(x)) - x| over held-out data, in float32; None if unsolved.
        unsolved: cells in which a numeric inverse did not reach its tolerance; drawn empty.
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

    KIND: ClassVar[str] = "inside frames"

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
    mass: list[float]
    round_trip: float | None
    unsolved: int
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


@dataclass(frozen=True)
class Ledger(Packed):
    r"""One point's way through a flow, and how its log-density adds up, in float64.

    .. math::
        \log p(x) = \log \mathcal{N}(z_0; 0, I) + \sum_k \log|\det \partial z_{k-1}/\partial z_k|

    Attributes:
        token: names the training state.
        step: optimizer steps the flow had been trained for.
        names: [K] the kind of each layer, in generating order.
        base_log_prob: log-density of z_0, in nats.
        log_prob: log p(x) as `Flow.log_prob` computes it, in nats.
        states: [K + 1, 2] z_0 … z_K = x.
        log_dets: [K] log|det dz_{k-1}/dz_k|, in nats.
        jacobians: [K, 2, 2] dz_k/dz_{k-1} at the point.
        singular_values: [K, 2] of the Jacobians, the larger first.
    """

    KIND: ClassVar[str] = "ledger"

    token: str
    step: int
    names: list[str]
    base_log_prob: float
    log_prob: float
    states: NDArray[np.float64]
    log_dets: NDArray[np.float64]
    jacobians: NDArray[np.float64]
    singular_values: NDArray[np.float64]

    @property
    def running_sums(self) -> NDArray[np.float64]:
        """Sums of log-dets [K] as they are met from x to z_0: entry k adds layers K … k."""
        sums: NDArray[np.float64] = np.cumsum(self.log_dets[::-1])[::-1]
        return sums

    @property
    def total(self) -> float:
        """The ledger's last line: base log-density plus the sum of all log-dets, in nats."""
        return self.base_log_prob + float(self.log_dets.sum())


@dataclass(frozen=True)
class Diagnosis(Packed):
    """What is right and what is not with a flow, each with a verdict and what to do.

    Attributes:
        step: optimizer steps the flow had been trained for.
        checks: of each check its name, value, whether it is fine, and a sentence.
        names: [K] the kind of each layer.
        ranges: [K, 2] smallest and largest log|det| of each layer over held-out data, in nats.
        moves: [K] root mean square distance that each layer moves a held-out point, in the
            spread of those points.
    """

    KIND: ClassVar[str] = "diagnosis"

    step: int
    checks: list[dict[str, Any]]
    names: list[str]
    ranges: NDArray[np.float64]
    moves: NDArray[np.float64]


@dataclass(frozen=True)
class Kept(Packed):
    """What is kept of a training state so that it can be looked at again: no more than its flow.

    Attributes:
        step: optimizer steps taken.
        held_out_nll: as last measured then, in nats.
        weights: [P] float32, as in `flowplay.training.RunState`.
        buffers: [b] float32, as there.
    """

    KIND: ClassVar[str] = "kept weights"

    step: int
    held_out_nll: float
    weights: NDArray[np.float32]
    buffers: NDArray[np.float32]


@dataclass(frozen=True)
class ExportedFlow(Packed):
    """A trained flow as files for somebody else's interpreter.

    Attributes:
        config: the run's config as indented JSON.
        snippet: Python that rebuilds the flow from the weights' file.
        weights: bytes of a `.safetensors` file as uint8.
    """

    KIND: ClassVar[str] = "exported flow"

    config: str
    snippet: str
    weights: NDArray[np.uint8]
