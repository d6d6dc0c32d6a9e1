"""Loss figures: the floor at its value, a first loss that flattens nothing, no NaN anywhere."""

from __future__ import annotations

import json

import numpy as np
import pytest

from flowplay.figures.loss import (
    axis_title,
    curves_of_one_unit,
    loss_figure,
    loss_range,
    loss_table,
)
from flowplay.wire import Curve

from .conftest import Curves, nats

EMPTY: Curves = {"train": nats(np.zeros((0, 2))), "held_out": nats(np.zeros((0, 2)))}


def test_plotly_floor_is_at_the_entropy(curves: Curves) -> None:
    layout = loss_figure(curves, 0.29).layout
    (floor,) = layout.shapes
    assert floor.y0 == floor.y1 == 0.29
    assert floor.line.dash == "dash"
    assert layout.annotations[0].text == "entropy floor 0.290"
    assert layout.yaxis.range[0] < 0.29


def test_unknown_floor_is_not_drawn(curves: Curves) -> None:
    assert not loss_figure(curves, None).layout.shapes


def test_plotly_curves_travel_in_binary(curves: Curves) -> None:
    for trace in json.loads(loss_figure(curves, None).to_json())["data"]:
        assert {"dtype", "bdata"} <= set(trace["x"])
        assert {"dtype", "bdata"} <= set(trace["y"])


def test_a_train_loss_of_another_unit_is_not_drawn_beside_nats(curves: Curves) -> None:
    own = Curve("flow-matching loss", "", curves["train"].points)
    assert list(curves_of_one_unit(curves)) == ["train", "held_out"]
    mixed = curves_of_one_unit({"train": own, "held_out": curves["held_out"]})
    assert list(mixed) == ["held_out"]
    assert axis_title(mixed) == "nats"


def test_where_nothing_is_held_out_the_train_loss_stands_alone(curves: Curves) -> None:
    own = {"train": Curve("energy distance", "", curves["train"].points)}
    figure = loss_figure(own, None)
    assert [trace.name for trace in figure.data] == ["energy distance"]
    assert figure.layout.yaxis.title.text == "energy distance"


def test_huge_first_loss_runs_off_the_top(curves: Curves) -> None:
    low, high = loss_range(curves, 0.9)
    assert low < 0.9
    assert 1.2 < high < 10


def test_converged_curve_is_not_blown_up_to_noise() -> None:
    steps = np.arange(50.0)
    curve = nats(np.stack([steps, 1 + 1e-4 * np.sin(steps)], axis=1))
    low, high = loss_range({"train": curve}, None)
    assert 0.2 < high - low < 1


def test_what_is_no_number_is_left_out(curves: Curves) -> None:
    broken = nats(np.array([[0, 3.0], [10, np.nan], [20, np.inf], [30, 2.0]]))
    table = loss_table({"train": broken, "held_out": curves["held_out"]})
    assert not np.isinf(table.to_numpy()).any()
    assert table.loc[table["step"] == 25, "train"].item() == pytest.approx(2 + 1 / 6)
    assert np.isfinite(loss_range({"train": broken}, None)).all()


def test_a_curve_has_no_value_before_or_after_its_own_steps() -> None:
    train = nats(np.array([[10, 2.0], [20, 1.0]]))
    held_out = nats(np.array([[0, 3.0], [30, 2.0]]))
    table = loss_table({"train": train, "held_out": held_out})
    assert table["step"].tolist() == [0, 10, 20, 30]
    assert table["train"].isna().tolist() == [True, False, False, True]
    assert table["held_out"].notna().all()


@pytest.mark.parametrize("curves", [EMPTY, {}])
@pytest.mark.parametrize("entropy", [None, -1.5, 0.29])
def test_empty_curves_draw_axes_only(curves: Curves, entropy: float | None) -> None:
    low, high = loss_range(curves, entropy)
    assert low < (entropy or 0.0) < high
    assert list(loss_figure(curves, entropy).layout.yaxis.range) == [low, high]
