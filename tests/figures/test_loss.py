"""Loss figures: the floor at its value, a first loss that flattens nothing, no NaN anywhere."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from flowplay.figures.loss import HELD_OUT, TRAIN, loss_figure, loss_range, loss_table

EMPTY = np.zeros((0, 2), np.float32)
Curve = NDArray[np.float32]


def test_plotly_floor_is_at_the_entropy(train_curve: Curve, held_out_curve: Curve) -> None:
    layout = loss_figure(train_curve, held_out_curve, 0.29).layout
    (floor,) = layout.shapes
    assert floor.y0 == floor.y1 == 0.29
    assert floor.line.dash == "dash"
    assert layout.annotations[0].text == "entropy floor 0.290"
    assert layout.yaxis.range[0] < 0.29


def test_unknown_floor_is_not_drawn(train_curve: Curve, held_out_curve: Curve) -> None:
    assert not loss_figure(train_curve, held_out_curve, None).layout.shapes


def test_plotly_curves_travel_in_binary(train_curve: Curve, held_out_curve: Curve) -> None:
    for trace in json.loads(loss_figure(train_curve, held_out_curve, None).to_json())["data"]:
        assert {"dtype", "bdata"} <= set(trace["x"])
        assert {"dtype", "bdata"} <= set(trace["y"])


def test_huge_first_loss_runs_off_the_top(train_curve: Curve, held_out_curve: Curve) -> None:
    low, high = loss_range(train_curve, held_out_curve, 0.9)
    assert low < 0.9
    assert 1.2 < high < 10


def test_converged_curve_is_not_blown_up_to_noise() -> None:
    steps = np.arange(50.0)
    curve = np.stack([steps, 1 + 1e-4 * np.sin(steps)], axis=1)
    low, high = loss_range(curve, EMPTY, None)
    assert 0.2 < high - low < 1


def test_what_is_no_number_is_left_out(held_out_curve: Curve) -> None:
    broken = np.array([[0, 3.0], [10, np.nan], [20, np.inf], [30, 2.0]], np.float32)
    table = loss_table(broken, held_out_curve)
    assert not np.isinf(table.to_numpy()).any()
    assert table.loc[table["step"] == 25, TRAIN].item() == pytest.approx(2 + 1 / 6)
    assert np.isfinite(loss_range(broken, EMPTY, None)).all()


def test_a_curve_has_no_value_before_or_after_its_own_steps() -> None:
    train = np.array([[10, 2.0], [20, 1.0]], np.float32)
    held_out = np.array([[0, 3.0], [30, 2.0]], np.float32)
    table = loss_table(train, held_out)
    assert table["step"].tolist() == [0, 10, 20, 30]
    assert table[TRAIN].isna().tolist() == [True, False, False, True]
    assert table[HELD_OUT].notna().all()


@pytest.mark.parametrize("entropy", [None, -1.5, 0.29])
def test_empty_curves_draw_axes_only(entropy: float | None) -> None:
    low, high = loss_range(EMPTY, EMPTY, entropy)
    assert low < (entropy or 0.0) < high
    assert list(loss_figure(EMPTY, EMPTY, entropy).layout.yaxis.range) == [low, high]
