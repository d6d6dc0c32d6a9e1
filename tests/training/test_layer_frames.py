"""The look inside, over the registry: densities integrate to one, areas keep probability."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from flowplay.codes import POINT_UNITS, UNSOLVED, encode_density, encode_error
from flowplay.config import RunConfig
from flowplay.figures.gif import between_codes
from flowplay.flows import FAMILIES, Bijection, Flow, NotConvergedError, build_flow
from flowplay.grids import cell_centres
from flowplay.training import RunState, new_run, train_slice, worker
from flowplay.training.layer_frames import (
    GIVEN_UP,
    Detail,
    flow_of,
    inverse_states,
    layer_frames,
    layer_name,
    round_trip_error,
    shown_states,
)
from flowplay.training.live_run import LiveRun
from flowplay.training.streams import generator
from flowplay.wire import Diagnosis, EarlierWeights, LayerFrames

#: What a websocket message may hold, in bytes.
PAYLOAD = 1.5e6


def bent(architecture: str, *, depth: int = 3, spread: float = 0.05) -> RunState:
    """Return the state of a run whose layers are far from the identity, untrained."""
    state = new_run(RunConfig(architecture=architecture, depth=depth, width=16, samples=1000))
    noise = np.random.default_rng(1).normal(0, spread, state.weights.shape)
    return replace(state, weights=(state.weights + noise).astype(np.float32))


@pytest.fixture(scope="module", params=FAMILIES)
def looked_at(request: pytest.FixtureRequest) -> tuple[LiveRun, LayerFrames]:
    state = bent(request.param)
    live = LiveRun(state)
    return live, layer_frames(live, state, detail=Detail(64, 96, 300, 1))


def test_every_layer_s_density_integrates_to_one(looked_at: tuple[LiveRun, LayerFrames]) -> None:
    live, frames = looked_at
    assert frames.states == list(range(len(flow_of(live).bijections) + 1))
    np.testing.assert_allclose(frames.mass, 1, atol=0.02)


def test_maps_are_the_flow_s_own_numbers(looked_at: tuple[LiveRun, LayerFrames]) -> None:
    live, frames = looked_at
    cells = frames.density.shape[1]
    for k, box in enumerate(frames.boxes):
        left, right, bottom, top = box
        centres = torch.from_numpy(cell_centres((left, right, bottom, top), cells)).reshape(-1, 2)
        with torch.inference_mode():
            log_prob = flow_of(live).layer_log_prob(k, centres)
            _, log_det = (
                flow_of(live).bijections[k - 1].inverse(centres) if k else (None, log_prob * 0)
            )
        expected = encode_density(log_prob.exp().numpy(), frames.density_scale)
        shown = frames.density[k].ravel().astype(int)
        assert np.abs(shown - expected).max() <= 1
        layer = frames.layer_area[k].ravel() / 127 * frames.layer_limit
        limit = frames.layer_limit
        np.testing.assert_allclose(layer, (-log_det).clamp(-limit, limit), atol=limit / 127)


def test_positions_are_those_of_the_states(looked_at: tuple[LiveRun, LayerFrames]) -> None:
    live, frames = looked_at
    low, high = frames.window[:2]

    def place(codes: np.ndarray) -> Tensor:
        return torch.from_numpy(low + codes / POINT_UNITS * (high - low)).float()

    with torch.inference_mode():
        z = flow_of(live).base_sample(300, generator(0, "samples"))
        states, _ = flow_of(live).forward_states(z)
        back, _ = flow_of(live).inverse_states(live.held_out[:300])
    inside = states.abs().amax(-1) < high
    near = (high - low) / POINT_UNITS
    assert (place(frames.samples) - states)[inside].abs().max() <= near
    inside = back.abs().amax(-1) < high
    assert (place(frames.data) - back)[inside].abs().max() <= near
    side = frames.lattice.shape[1]
    corners = place(frames.lattice[0])[[0, -1], [0, -1]]
    torch.testing.assert_close(corners, torch.tensor([[-3.0, -3], [3, 3]]), atol=1e-2, rtol=0)
    assert side == frames.cell_area.shape[1] + 1


@pytest.mark.parametrize("name", FAMILIES)
def test_density_times_area_stays_the_same(name: str) -> None:
    """Change of variables, seen: along the warped grid no cell gains or loses probability."""
    flow = flow_of(LiveRun(bent(name))).double()
    cells, reach = 100, 1.5
    line = torch.linspace(-reach, reach, cells + 1, dtype=torch.float64)
    step = 2 * reach / cells
    y, x = torch.meshgrid(line, line, indexing="ij")
    corners = torch.stack([x, y], -1).reshape(-1, 2)
    centres = (torch.stack([x, y], -1)[:-1, :-1] + step / 2).reshape(-1, 2)
    with torch.inference_mode():
        warped, _ = flow.forward_states(corners)
        middles, _ = flow.forward_states(centres)
        base = flow.layer_log_prob(0, centres).exp() * step**2
        for k in range(len(flow.bijections) + 1):
            area = quadrilateral_area(warped[k].reshape(cells + 1, cells + 1, 2))
            mass = flow.layer_log_prob(k, middles[k]).exp() * area.reshape(-1)
            torch.testing.assert_close(mass, base, rtol=0.05, atol=0)


def quadrilateral_area(corners: Tensor) -> Tensor:
    """Return the areas [H, W] of the cells between corners [H + 1, W + 1, 2]."""
    diagonal = corners[1:, 1:] - corners[:-1, :-1]
    other = corners[1:, :-1] - corners[:-1, 1:]
    return (diagonal[..., 0] * other[..., 1] - diagonal[..., 1] * other[..., 0]).abs() / 2


@pytest.mark.parametrize(("depth", "frames"), [(8, 10), (64, 34)])
def test_what_travels_is_bounded(depth: int, frames: int) -> None:
    state = bent("planar", depth=depth)
    data = worker.layer_frames(state.to_bytes(), None, True)
    shown = LayerFrames.from_bytes(data)
    assert len(data) <= PAYLOAD
    assert len(shown.states) == frames
    assert shown.states[0] == 0
    assert shown.states[-1] == shown.layers == depth + 1
    if depth == 8:
        assert shown.density.shape[1:] == (128, 128)
        assert shown.samples.shape[1] == 1500
        assert shown.cell_area.shape[1:] == (24, 24), "25 x 25 lines"


def test_frames_that_stand_for_several_layers_add_their_areas() -> None:
    state = bent("realnvp", depth=4)
    frames = layer_frames(LiveRun(state), state, detail=Detail(2, 32, 50, 1))
    assert frames.states == [0, 5]
    np.testing.assert_allclose(
        frames.layer_area[1] / 127 * frames.layer_limit,
        np.clip(frames.total_area[1] / 127 * frames.total_limit, -frames.layer_limit, None),
        atol=(frames.layer_limit + frames.total_limit) / 127,
    )


def test_earlier_weights_are_looked_at_as_they_were() -> None:
    first, _ = train_slice(new_run(RunConfig(depth=2, width=8, samples=500)), steps=5)
    later, _ = train_slice(first, steps=20)
    earlier = EarlierWeights(first.step, 0.0, 0.0, first.weights, first.buffers).to_bytes()
    shown = LayerFrames.from_bytes(worker.layer_frames(later.to_bytes(), earlier, True))
    directly = LayerFrames.from_bytes(worker.layer_frames(first.to_bytes(), None, True))
    now = LayerFrames.from_bytes(worker.layer_frames(later.to_bytes(), None, True))
    assert shown.step == 5
    np.testing.assert_array_equal(shown.density, directly.density)
    assert not np.array_equal(shown.density, now.density)
    assert len({shown.token, now.token}) == 2
    then = Diagnosis.from_bytes(worker.diagnosis(later.to_bytes(), earlier))
    likelihood = next(c for c in then.checks if c["name"] == "Held-out NLL")
    assert likelihood["value"].endswith(f"{first.held_out_curve[-1, 1]:.3f} nats")


class _OnlyLeft(Bijection):
    """Has a numeric inverse that fails on the right."""

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z, z.new_zeros(len(z))

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if bool((x[:, 0] > 0).any()):
            raise NotConvergedError("not there")
        return self.forward(x)


def test_where_an_inverse_is_not_solved_the_map_says_so() -> None:
    x = torch.cat([torch.full((200, 2), -1.0), torch.full((40, 2), 1.0)])
    error = round_trip_error(Flow([_OnlyLeft()], 2), x)
    assert torch.isnan(error[-40:]).all()
    assert (error[:-GIVEN_UP] == 0).all(), "only neighbours are given up"
    assert set(encode_error(error.numpy())) == {0, UNSOLVED}
    states, log_dets = inverse_states(Flow([_OnlyLeft()], 2), x)
    assert torch.equal(torch.isnan(states[0, :, 0]), torch.isnan(error))
    assert log_dets.shape == (1, 240)
    assert torch.isnan(round_trip_error(Flow([_OnlyLeft()], 2), x[-40:])).all()


def test_times_of_a_continuous_flow_are_told() -> None:
    state = bent("realnvp", depth=2)
    live = LiveRun(state)
    flow_of(live).bijections[0].times = (0.0, 0.5)
    flow_of(live).bijections[1].times = (0.5, 1.0)
    frames = layer_frames(live, state, detail=Detail(14, 16, 20, 1))
    assert frames.times == [0.0, 0.5, 1.0, None]
    assert frames.round_trip_map.shape == (8, 8)


def test_layers_are_named_and_chosen() -> None:
    assert [layer_name(b) for b in build_flow("realnvp", depth=1, width=4).bijections] == [
        "affine coupling"
    ]
    assert shown_states(100, 34)[-1] == 100
    assert len(shown_states(100, 34)) == 34


def test_a_mixture_as_base_is_drawn_as_it_is() -> None:
    """What the browser and the GIF compute from the header is the density of the flow's base."""
    config = RunConfig(options={"base_components": 3}, depth=2, width=8)
    state = new_run(config)
    live = LiveRun(state)
    flow = flow_of(live)
    frames = layer_frames(live, state, detail=Detail(4, 32, 300, 1))
    line = torch.linspace(-frames.base_reach, frames.base_reach, frames.lattice.shape[1])
    corners = torch.cartesian_prod(line, line).flip(1)
    with torch.no_grad():
        density = flow.base.log_prob(corners).exp().reshape(len(line), -1).numpy()
    root = 255 * np.sqrt(density / frames.density_scale)
    cells = (root[1:, 1:] + root[1:, :-1] + root[:-1, 1:] + root[:-1, :-1]) / 4
    np.testing.assert_allclose(between_codes(frames, 0, 0, 0.0), cells, atol=1e-3)
    assert frames.mass[0] == pytest.approx(1, abs=0.02)
    assert max(abs(v) for _, x, y, _ in frames.base for v in (x, y)) < frames.base_reach
