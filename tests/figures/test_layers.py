"""The layer animation: the same axes and colours in every frame, all arrays in binary."""

from __future__ import annotations

import json

import numpy as np
import pytest

from flowplay.figures.layers import layers_figure, log_det_text
from flowplay.snapshot import LayerFrames


def test_every_layer_is_a_frame_in_order(frames: LayerFrames) -> None:
    figure = layers_figure(frames)
    assert [frame.name for frame in figure.frames] == ["0", "1", "2", "3"]
    steps = figure.layout.sliders[0].steps
    assert [step.label for step in steps] == frames.labels
    assert [step.args[0] for step in steps] == [("0",), ("1",), ("2",), ("3",)]


def test_frames_share_axes_and_one_colour_scale(frames: LayerFrames) -> None:
    figure = layers_figure(frames)
    assert list(figure.layout.xaxis.range) == frames.bounds[:2]
    assert list(figure.layout.yaxis.range) == frames.bounds[2:]
    assert figure.layout.coloraxis.cmax == pytest.approx(2 * frames.densities[0].max())
    for frame in figure.frames:
        assert set(frame.layout.to_plotly_json()) == {"annotations"}
        assert set(frame.data[0].to_plotly_json()) == {"type", "z"}


def test_a_frame_beyond_the_colour_scale_says_so(frames: LayerFrames) -> None:
    texts = [frame.layout.annotations[0].text for frame in layers_figure(frames).frames]
    assert ["beyond the colours" in text for text in texts] == [False, True, True, False]


def test_arrays_travel_in_binary(frames: LayerFrames) -> None:
    for frame in json.loads(layers_figure(frames).to_json())["frames"]:
        heatmap, dots = frame["data"]
        for array in (heatmap["z"], dots["x"], dots["y"]):
            assert array["dtype"] == "f4"


def test_heatmaps_are_redrawn_without_transition(frames: LayerFrames) -> None:
    layout = layers_figure(frames).layout
    play, pause = layout.updatemenus[0].buttons
    assert play.args[1]["frame"]["redraw"] is True
    assert play.args[1]["fromcurrent"] is True
    assert pause.args[0] == (None,)
    for move in (play, pause, *layout.sliders[0].steps):
        assert move.args[1]["transition"]["duration"] == 0


def test_log_det_is_that_of_the_layer_before(frames: LayerFrames) -> None:
    assert log_det_text(frames, 0) == "base: no layer yet"
    assert log_det_text(frames, 1) == "this layer: mean log|det| −0.500 nats"
    assert layers_figure(frames).frames[3].layout.annotations[0].text.endswith("+1.000 nats")


def test_what_is_no_number_is_not_drawn(frames: LayerFrames) -> None:
    frames.densities[1, 0, 0] = np.inf
    z = layers_figure(frames).frames[1].data[0].z
    assert np.isnan(z[0, 0])
