"""The integer flow: whole numbers there and back, probabilities that sum to 1, what it learns."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flowplay.config import RunConfig
from flowplay.flows.integer import LogisticMixture, RoundedCoupling, neighbours, turned
from flowplay.flows.integer.prediction import predicted
from flowplay.models.idf import IntegerFlow
from flowplay.training import new_run, train_slice
from flowplay.training.live_run import LiveRun


def _restless(
    shape: tuple[int, int, int] = (8, 8, 1),
    levels: int = 17,
    couplings: int = 4,
    *,
    smooth: bool = False,
) -> IntegerFlow:
    """Return a flow in float64 with random weights, so large that its couplings move much."""
    torch.manual_seed(0)
    flow = IntegerFlow(shape, levels, couplings=couplings, width=12, smooth=smooth)
    flow.double().eval()
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    for coupling in flow.layers:
        torch.nn.init.normal_(coupling.network.last.weight, std=3)
    return flow.requires_grad_(False)


@pytest.mark.parametrize(
    ("shape", "levels"), [((8, 8, 1), 17), ((8, 8, 3), 256), ((4, 2, 1), 3), ((2, 2, 1), 2)]
)
def test_couplings_move_levels_to_levels_and_back(shape: tuple[int, int, int], levels: int) -> None:
    flow = _restless(shape, levels)
    x = torch.randint(levels, (200, flow.dim)).double()
    z = flow.transform(x)
    assert torch.equal(flow.restore(z), x)
    assert torch.equal(z, z.round())
    assert z.min() >= 0
    assert z.max() <= levels - 1
    if levels > 3:
        assert (z != x).double().mean() > 0.1


@given(st.integers(2, 40), st.integers(-100, 100))
def test_a_turn_is_one_to_one_on_the_levels(levels: int, steps: int) -> None:
    x = torch.arange(float(levels))
    z = turned(x, torch.full_like(x, steps), levels)
    assert sorted(z.tolist()) == x.tolist()
    assert torch.equal(turned(z, torch.full_like(x, -steps), levels), x)


def test_all_images_of_two_pixels_and_three_levels_have_probability_one() -> None:
    flow = _restless((1, 2, 1), 3)
    x = torch.tensor(list(itertools.product(range(3), repeat=2))).double()
    assert float(flow.log_prob(x).exp().sum()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("smooth", [False, True])
def test_all_images_of_four_pixels_have_probability_one(smooth: bool) -> None:
    flow = _restless((2, 2, 1), 5, smooth=smooth)
    x = torch.tensor(list(itertools.product(range(5), repeat=4))).double()
    assert len(torch.unique(flow.transform(x), dim=0)) == len(x)
    assert float(flow.log_prob(x).exp().sum()) == pytest.approx(1, abs=1e-12)


def test_predictions_know_only_what_comes_before() -> None:
    flow = _restless((4, 4, 3), 256, smooth=True)
    x = torch.randint(256, (1, 48)).double()
    before = flow.middle(x)
    assert before is not None
    for d in range(48):
        other = x.clone()
        other[0, d:] = 255 - other[0, d:]
        after = flow.middle(other)
        assert after is not None
        assert torch.equal(after[:, : d + 1], before[:, : d + 1])
        torch.testing.assert_close(
            flow.prior(other, after)[:, : d + 1], flow.prior(x, before)[:, : d + 1]
        )
    whole = x.long().numpy()
    ends = np.array([[128, 0]])
    index = flow.expected.numpy()
    same = predicted(np.concatenate([whole, ends], 1)[:, index], 256)
    assert np.array_equal(2 * same, before.numpy())


def test_a_falling_plane_is_predicted_exactly() -> None:
    rows, columns, channels = np.indices((6, 6, 3))
    plane = torch.from_numpy(3 * rows - 5 * columns + 40 * channels + 60).double()
    flow = IntegerFlow((6, 6, 3), 256, couplings=0, width=4, smooth=True)
    middle = flow.middle(plane.reshape(1, -1))
    assert middle is not None
    inside = (middle / 2).reshape(6, 6, 3)[1:, 1:]
    assert torch.equal(inside, plane[1:, 1:])


def test_photographs_are_mirrored_in_training_alone() -> None:
    flow = _restless((4, 4, 3), 256, smooth=True)
    x = torch.randint(256, (3, 48)).double()
    torch.manual_seed(1)
    turned_ones = [flow._turned(x) for _ in range(200)]
    assert len({tuple(t[0].tolist()) for t in turned_ones}) == 8
    assert all(torch.equal(t.sort(1).values, x.sort(1).values) for t in turned_ones)


def test_all_values_of_a_pixel_given_the_rest_have_probability_one() -> None:
    # Without couplings each factor of the prior can be summed alone; no value is outside of them.
    flow = _restless(couplings=1)
    z = torch.randint(17, (1, 64)).double()
    numbers = flow.prior(z)
    every = torch.stack([flow.mixture.log_prob(numbers, torch.full_like(z, v)) for v in range(17)])
    torch.testing.assert_close(every.exp().sum(0), torch.ones_like(z))
    # The last pixel is given all others: its conditional probability is the last factor.
    images = z.repeat(17, 1)
    images[:, -1] = torch.arange(17.0)
    x = flow.restore(images)
    joint = flow.log_prob(x)
    torch.testing.assert_close(
        joint - joint.logsumexp(0), flow.mixture.log_prob(flow.prior(images), images)[:, -1]
    )


@pytest.mark.parametrize("z", range(17))
def test_probability_is_a_difference_of_distribution_functions(z: int) -> None:
    mixture = LogisticMixture(17, 3)
    numbers = torch.randn(50, 9, dtype=torch.float64)
    log_weight, mean, log_scale = mixture.parts(numbers)

    def below(value: float) -> torch.Tensor:
        return (log_weight.exp() * torch.sigmoid((value - mean) / log_scale.exp())).sum(-1)

    lower = 0.0 if z == 0 else below(z - 0.5)
    upper = 1.0 if z == 16 else below(z + 0.5)
    found = mixture.log_prob(numbers, torch.full((50,), float(z), dtype=torch.float64))
    torch.testing.assert_close(found.exp(), upper - lower, rtol=1e-9, atol=1e-12)


def test_each_value_sees_only_those_before_it() -> None:
    flow = _restless((4, 4, 3), 9)
    x = torch.randint(9, (1, flow.dim)).double()
    for d in range(0, flow.dim, 5):
        y = x.clone()
        y[0, d] = (y[0, d] + 1) % 9
        changed = (flow.prior(x) != flow.prior(y)).any(-1)[0]
        assert not changed[: d + 1].any()


def test_neighbours_of_a_corner() -> None:
    index = neighbours((2, 2, 1), [3], lambda _, other: other < 2, 1)
    assert sorted(index[0].tolist()) == [0, 1]


def test_a_coupling_learns_to_undo_a_shift() -> None:
    """The second value is the first moved by three: only a coupling can make it a constant."""
    torch.manual_seed(0)
    coupling = RoundedCoupling((1, 2, 1), [1], 17, 16)
    optimizer = torch.optim.Adam(coupling.parameters(), 1e-2)
    first = torch.randint(2, 12, (256,)).float()
    x = torch.stack([first, first + 3], 1)
    mixture = LogisticMixture(17, 1)
    numbers = torch.tensor([0.0, (2 * 8 - 16) / 17, 0.0]).expand(256, 2, 3)
    for _ in range(300):
        shift = -coupling.shift(x)
        z = coupling.moved_by(x, shift)
        log_prob, up, down = mixture.log_prob_around(numbers, z)
        loss = -(log_prob.sum(1) + coupling.gain(shift, up, down)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (coupling.inverse(x)[:, 1] - 8).abs().mean() < 0.5


def test_a_short_run_learns_and_its_samples_are_levels() -> None:
    config = RunConfig(target="digits", architecture="idf", width=32, budget=80, warmup=5)
    state, _ = train_slice(new_run(config), steps=80)
    assert state.held_out_curve[-1, 1] < 0.85 * state.held_out_curve[0, 1]
    model = LiveRun(state).model
    samples = model.sample(5, generator=torch.Generator().manual_seed(0))
    again = model.sample(5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(samples, again)
    assert torch.equal(samples, samples.round().clamp(0, 16))
