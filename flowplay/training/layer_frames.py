"""The frames of a look inside a flow: every z_k as an exact density, as area, and as a lattice."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowplay.codes import (
    ERROR_DECADES,
    encode_density,
    encode_error,
    encode_signed,
    window_units,
)
from flowplay.flows import (
    Bijection,
    Flow,
    Inverse,
    NotConvergedError,
)
from flowplay.grids import cell_centres, density_scale
from flowplay.ticks import Tick, axis_ticks, density_ticks, round_up
from flowplay.training.live_run import LiveRun
from flowplay.training.picture_makers import BLOCK
from flowplay.training.streams import generator
from flowplay.wire import LayerFrames, RunState

#: Half width of the window that holds the base, in standard deviations.
BASE_REACH = 3.5

#: How far the base's lattice reaches beyond the means, in standard deviations of its Gaussians, and
#: its cells along each side.
LATTICE_REACH = 3.0
LATTICE_CELLS = 24

#: No picture reaches further than this, in the units of the base or of the data.
FARTHEST = 40.0

#: Share of the points of base and data, in each coordinate and on each side, that a frame's box may
#: leave out before its margin is added.
_LEFT_OUT = 0.0005
_MARGIN = 0.18

#: Time in seconds that frames may take before they are drawn in larger cells: of a run that stands
#: still, and of one that trains or is looked at for the first time.
PATIENCE = 1.0
LIVE_PATIENCE = 0.4

#: So many neighbours are given up with a point at which a numeric inverse fails.
GIVEN_UP = 64

#: Points that tell how long a pass takes.
_PROBE = 1024


@dataclass(frozen=True)
class Detail:
    """How finely frames are drawn: the more frames, the less of each, so that all fit in 1.3 MB.

    Attributes:
        frames: most frames.
        cells: along each side of a picture.
        points: samples, and as many held-out points.
        steps: lattice steps along each side of a lattice cell.
    """

    frames: int
    cells: int
    points: int
    steps: int

    @property
    def scouts(self) -> int:
        """Points that tell where a frame's probability lies."""
        return 32 * self.cells

    @property
    def error_cells(self) -> int:
        """Cells along each side of the round-trip map: it takes a way there and a way back."""
        return self.cells // 2

    def passes(self, states: int) -> float:
        """Return how many points go all the way through a flow of so many states.

        Each frame goes back to the base by itself: half of the way on average.
        """
        lattice = (LATTICE_CELLS * self.steps + 1) ** 2 + LATTICE_CELLS**2
        there_and_back = 2 * (self.points + 2 * self.scouts + self.error_cells**2)
        return min(self.frames, states) / 2 * self.cells**2 + lattice + there_and_back

    def smaller(self) -> Detail:
        """Return less of everything, with larger cells."""
        return Detail(self.frames, self.cells * 3 // 4, max(300, self.points * 3 // 4), 1)


DETAILS = (Detail(14, 128, 1500, 3), Detail(26, 96, 1000, 1), Detail(34, 64, 1000, 1))

#: For a run that still trains, whose frames are soon overtaken.
LIVE_DETAIL = Detail(14, 64, 600, 1)

_FEWEST_CELLS = 32


@torch.inference_mode()
def layer_frames(
    live: LiveRun, state: RunState, *, fine: bool = True, detail: Detail | None = None
) -> LayerFrames:
    """Look inside a live run that stands at `state`.

    Args:
        live: the run.
        state: where it stands.
        fine: as finely as 1.3 MB and `PATIENCE` allow, or quickly, as while it trains.
        detail: exactly how finely, instead.

    Raises:
        ValueError: if the model is no flow of the plane.
    """
    flow, problem = flow_of(live), live.config.problem()
    if problem.window is None:
        raise ValueError("Only flows of the plane can be drawn layer by layer.")
    last = len(flow.bijections)
    if detail is None:
        wanted = _detail_for(last + 1) if fine else LIVE_DETAIL
        detail = _affordable(flow, wanted, live.device, PATIENCE if fine else LIVE_PATIENCE)
    shown = shown_states(last, detail.frames)

    source = generator(live.config.seed, "samples")
    drawn = flow.base_sample(detail.points, source, state.hot.temperature)
    side = LATTICE_CELLS * detail.steps + 1
    means, stds = flow.base.means(), flow.base.stds()
    lattice_reach = _half_up(float((means.abs() + LATTICE_REACH * stds.unsqueeze(1)).max()))
    # Together: the steps of a solver cost about the same for few points and for many.
    base = [
        drawn,
        flow.base_sample(detail.scouts, torch.Generator().manual_seed(1)),
        _lattice(lattice_reach, side).to(drawn),
        _centres(lattice_reach).to(drawn),
    ]
    sizes = [len(points) for points in base]
    generated, generated_log_dets = forward_states(flow, torch.cat(base))
    samples, scouts, lattice, _ = generated.split(sizes, 1)
    log_dets, _, lattice_log_dets, cell_log_dets = generated_log_dets.split(sizes, 1)
    normalized, _ = inverse_states(flow, live.held_out[: max(detail.points, detail.scouts)])
    data_states = normalized[:, : detail.points]
    around = torch.cat([scouts, normalized[:, : detail.scouts]], 1)[shown]
    boxes = _boxes(around, problem.window)
    near = max(BASE_REACH, *(abs(side) for side in problem.window))
    reach = _half_up(max(near, *(abs(side) for box in boxes for side in box)))
    window = (-reach, reach, -reach, reach)
    total_limit = _limit(log_dets.cumsum(0))
    layer_limit = _limit(_by_frame(log_dets, shown))

    scale = max(density_scale(problem), float(flow.base.log_prob(means).max().exp()))
    pictures = [
        torch.from_numpy(cell_centres(box, detail.cells)).reshape(-1, 2).to(live.device)
        for box in boxes
    ]
    maps = [
        _maps(flow, before, k, y)
        for before, k, y in zip([0, *shown[:-1]], shown, pictures, strict=True)
    ]
    density, layer_area, total_area = (
        np.stack([m[i].reshape(detail.cells, -1).cpu().numpy() for m in maps]) for i in range(3)
    )
    cells = np.array([(b[1] - b[0]) * (b[3] - b[2]) for b in boxes]) / detail.cells**2
    errors = cell_centres(boxes[-1], detail.error_cells)
    at = torch.from_numpy(errors).reshape(-1, 2).to(live.device)
    checked = live.held_out[: detail.scouts]
    error, data_error = round_trip_error(flow, torch.cat([at, checked])).split(
        [len(at), len(checked)]
    )

    return LayerFrames(
        token=state.token,
        step=state.step,
        window=list(window),
        near=_half_up(near),
        boxes=[list(box) for box in boxes],
        layers=last,
        states=shown,
        names=["base", *(layer_name(flow.bijections[k - 1]) for k in shown[1:])],
        times=[_time(flow, k) for k in shown],
        ticks={
            "density": density_ticks(scale),
            "layer": axis_ticks(-layer_limit, layer_limit, 4),
            "total": axis_ticks(-total_limit, total_limit, 4),
            "error": _decade_ticks(),
        },
        density_scale=scale,
        layer_limit=layer_limit,
        total_limit=total_limit,
        mean_log_dets=_means(_by_frame(log_dets, shown)),
        mass=[float(m) for m in np.nansum(density, (1, 2)) * cells],
        round_trip=float(data_error.max()) if bool(torch.isfinite(data_error).all()) else None,
        unsolved=int(np.isnan(density).sum()),
        base=torch.column_stack([flow.base.weights(), means, stds]).tolist(),
        base_reach=lattice_reach,
        density=encode_density(density, scale),
        layer_area=encode_signed(layer_area, layer_limit),
        total_area=encode_signed(total_area, total_limit),
        samples=window_units(samples[shown].cpu().numpy(), window),
        data=window_units(data_states[shown].cpu().numpy(), window),
        lattice=window_units(
            lattice[shown].reshape(len(shown), side, side, 2).cpu().numpy(), window
        ),
        lattice_area=_totals(lattice_log_dets, shown, side, total_limit),
        cell_area=_totals(cell_log_dets, shown, LATTICE_CELLS, total_limit),
        round_trip_map=encode_error(error.reshape(detail.error_cells, -1).cpu().numpy()),
    )


def flow_of(live: LiveRun) -> Flow:
    """Return the flow of a live run.

    Raises:
        ValueError: if its model is no flow.
    """
    if not isinstance(live.model, Flow):
        raise ValueError("Only a flow has layers to look into.")
    return live.model


def shown_states(last: int, most: int) -> list[int]:
    """Choose at most `most` of the states 0 … last, ends included, evenly.

    Example:
        >>> shown_states(4, 9), shown_states(9, 4)
        ([0, 1, 2, 3, 4], [0, 3, 6, 9])
    """
    count = min(last + 1, most)
    return sorted({round(k) for k in np.linspace(0, last, count)})


def layer_name(bijection: Bijection) -> str:
    """Name a layer by its kind, in words.

    Example:
        >>> from flowplay.flows import Standardization
        >>> layer_name(Standardization(torch.zeros(2), torch.ones(2)))
        'standardization'
    """
    if isinstance(bijection, Inverse):
        return f"inverse {layer_name(bijection.bijection)}"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", type(bijection).__name__).lower()


def round_trip_error(flow: Flow, x: Tensor) -> Tensor:
    """Return |f(f^-1(x)) - x| [B] for x [B, 2]; NaN where a numeric inverse was not solved."""
    try:
        (error,) = _in_blocks(lambda block: _error(flow, block), x)
    except NotConvergedError:
        return x.new_full((len(x),), torch.nan)
    return error


def _error(flow: Flow, x: Tensor) -> tuple[Tensor]:
    z, _ = flow.inverse(x)
    back, _ = flow.forward(z)
    return ((back - x).norm(dim=-1),)


def _maps(flow: Flow, before: int, k: int, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Evaluate density, log|det dz_k/dz_before| and log|det dz_k/dz_0| at points y [B, 2] of z_k.

    One path back to the base gives all three.
    """

    def back(block: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        middle, recent = flow.inverse_between(k, block, before)
        z, rest = flow.inverse_between(before, middle)
        total = recent + rest
        density = (flow.base.log_prob(z) + total).exp()
        # A density that is no number is not drawn as 0: it is counted as unsolved.
        return torch.where(density.isfinite(), density, torch.nan), -recent, -total

    density, recent, total = _in_blocks(back, y)
    return density, recent if k else torch.zeros_like(total), total


def _in_blocks(
    function: Callable[[Tensor], tuple[Tensor, ...]], points: Tensor, size: int = BLOCK
) -> tuple[Tensor, ...]:
    """Evaluate a function of points few at a time, as NaN where it does not converge.

    The points that spoil a block are looked for by halving it, to within `GIVEN_UP` neighbours.

    Args:
        function: points [B, D] to tensors [B, ...].
        points: [n, D].
        size: most points at a time.

    Raises:
        NotConvergedError: if not one of the points is solved.
    """
    blocks = points.split(size)
    done: list[tuple[Tensor, ...] | None] = []
    for block in blocks:
        try:
            done.append(function(block))
        except NotConvergedError:
            done.append(_halves(function, block))
    like = next((parts for parts in done if parts is not None), None)
    if like is None:
        raise NotConvergedError("A numeric inverse was solved at none of these points.")
    filled = [
        parts or tuple(part.new_full((len(block), *part.shape[1:]), torch.nan) for part in like)
        for parts, block in zip(done, blocks, strict=True)
    ]
    return tuple(torch.cat(column) for column in zip(*filled, strict=True))


def _halves(
    function: Callable[[Tensor], tuple[Tensor, ...]], block: Tensor
) -> tuple[Tensor, ...] | None:
    if len(block) <= GIVEN_UP:
        return None
    try:
        return _in_blocks(function, block, (len(block) + 1) // 2)
    except NotConvergedError:
        return None


def forward_states(flow: Flow, z: Tensor) -> tuple[Tensor, Tensor]:
    """Return `Flow.forward_states`, as NaN for points that a numeric map does not solve."""
    return _states(flow.forward_states, z)


def inverse_states(flow: Flow, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return `Flow.inverse_states`, as NaN for points that a numeric map does not solve."""
    return _states(flow.inverse_states, x)


def _states(
    method: Callable[[Tensor], tuple[Tensor, Tensor]], points: Tensor
) -> tuple[Tensor, Tensor]:
    def by_point(block: Tensor) -> tuple[Tensor, ...]:
        states, log_dets = method(block)
        return states.transpose(0, 1), log_dets.transpose(0, 1)

    states, log_dets = _in_blocks(by_point, points)
    return states.transpose(0, 1), log_dets.transpose(0, 1)


def _by_frame(log_dets: Tensor, shown: list[int]) -> Tensor:
    """Add the log-dets [K, n] of the layers between each frame and the one before."""
    return _running(log_dets)[shown].diff(dim=0)


def _means(log_dets: Tensor) -> list[float]:
    """Return the mean of each frame's log-dets [S - 1, n] over its points, 0 for the base."""
    return [0.0, *(float(m) for m in torch.nan_to_num(log_dets).double().mean(1))]


def _running(log_dets: Tensor) -> Tensor:
    """Sum log-dets [K, n] over the layers so far, from none to all: [K + 1, n]."""
    return torch.cat([log_dets.new_zeros(1, log_dets.shape[1]), log_dets.cumsum(0)])


def _totals(log_dets: Tensor, shown: list[int], side: int, limit: float) -> NDArray[np.int8]:
    """Code the running sums of log-dets [K, side^2] at the shown states as [S, side, side]."""
    totals = _running(log_dets)[shown].reshape(len(shown), side, side)
    return encode_signed(totals.cpu().numpy(), limit)


def _detail_for(states: int) -> Detail:
    return next((d for d in DETAILS if states <= d.frames), DETAILS[-1])


def _affordable(flow: Flow, detail: Detail, device: torch.device, patience: float) -> Detail:
    """Take larger cells where one pass through the flow tells that the frames would take long."""
    if device.type != "cpu":
        return detail
    # As wide as frames are, whose margins take longer than what lies in the middle.
    probe = 2 * torch.randn(_PROBE, flow.dim, generator=torch.Generator().manual_seed(0))
    flow.inverse(probe[:16])
    # The thread's own time: what others do on this machine must not change the picture.
    start = time.thread_time()
    flow.inverse(probe)
    pass_seconds = (time.thread_time() - start) / _PROBE
    states = len(flow.bijections) + 1
    while detail.cells > _FEWEST_CELLS and pass_seconds * detail.passes(states) > patience:
        detail = detail.smaller()
    return detail


def _boxes(
    around: Tensor, target: tuple[float, float, float, float]
) -> list[tuple[float, float, float, float]]:
    """Return for each frame the box that holds its probability, so that no cell is wasted.

    Args:
        around: [S, n, 2] points of the base and of the data at each frame.
        target: the window of the problem, which the last box holds too.
    """
    low, high = _LEFT_OUT, 1 - _LEFT_OUT
    boxes = []
    for k, state in enumerate(around):
        points = torch.nan_to_num(state.double().cpu())
        lower, upper = (points.quantile(q, dim=0).numpy() for q in (low, high))
        margin = _MARGIN * np.maximum(upper - lower, 1e-3)
        lower, upper = lower - margin, upper + margin
        if k == len(around) - 1:
            lower = np.minimum(lower, [target[0], target[2]])
            upper = np.maximum(upper, [target[1], target[3]])
        lower, upper = (
            np.clip(lower, -FARTHEST, FARTHEST - 1),
            np.clip(upper, 1 - FARTHEST, FARTHEST),
        )
        boxes.append((float(lower[0]), float(upper[0]), float(lower[1]), float(upper[1])))
    return boxes


def _half_up(value: float) -> float:
    """Round up to a half, so that axes are calm while a run trains."""
    return float(np.ceil(2 * value) / 2)


def _limit(log_dets: Tensor) -> float:
    """Return a round limit for a colour scale that nearly all of the values keep to, in nats."""
    if not log_dets.numel():
        return 0.5
    sizes = torch.nan_to_num(log_dets).abs().flatten().double().cpu().numpy()
    return float(round_up(max(0.5, float(np.quantile(sizes, 0.99)))))


def _lattice(reach: float, side: int) -> Tensor:
    line = torch.linspace(-reach, reach, side)
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 2)


def _centres(reach: float) -> Tensor:
    half = reach / LATTICE_CELLS
    line = torch.linspace(-reach + half, reach - half, LATTICE_CELLS)
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 2)


def _time(flow: Flow, k: int) -> float | None:
    """Return the time of a continuous flow at z_k, None where no such flow ends or begins."""
    if k > 0 and (times := flow.bijections[k - 1].times) is not None:
        return float(times[1])
    if k < len(flow.bijections) and (times := flow.bijections[k].times) is not None:
        return float(times[0])
    return None


def _decade_ticks() -> list[Tick]:
    low, high = ERROR_DECADES
    digits = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return [
        ((decade - low) / (high - low), f"10{str(decade).translate(digits)}")
        for decade in range(int(low), int(high) + 1, 2)
    ]
