"""The layer animation: the same axes and colours in every frame, all arrays in binary."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest

from flowplay.codes import POINT_UNITS, decode_density
from flowplay.figures.layers import density_told, frame_label, layers_figure, log_det_text
from flowplay.wire import LayerFrames

Frames = Callable[..., LayerFrames]


def test_every_frame_is_there_in_order(frames: LayerFrames) -> None:
    figure = layers_figure(frames)
    assert [frame.name for frame in figure.frames] == ["0", "1", "2", "3"]
    steps = figure.layout.sliders[0].steps
    written = [[note.text for note in frame.layout.annotations] for frame in figure.frames]
    named = ["z₀ base", "z₁", "z₂", "z₃ = x data"]
    assert [texts[0].split("</b>")[0] for texts in written] == [f"<b>{name}" for name in named]
    # Both ends of the slider are named, whatever is shown; no label of a step can be cut.
    assert all(texts[1:] == ["z₀ base", "z₃ = x data"] for texts in written)
    assert not any(step.label for step in steps)
    assert [step.args[0] for step in steps] == [("0",), ("1",), ("2",), ("3",)]


def test_frames_share_axes_and_one_colour_scale(frames: LayerFrames) -> None:
    figure = layers_figure(frames)
    assert list(figure.layout.xaxis.range) == list(figure.layout.yaxis.range) == [-3.5, 3.5]
    assert figure.layout.coloraxis.cmax == frames.density_scale
    for frame in figure.frames:
        assert set(frame.layout.to_plotly_json()) == {"annotations"}


def test_each_density_fills_the_box_of_its_frame(frames: LayerFrames) -> None:
    for i, frame in enumerate(layers_figure(frames).frames):
        heatmap, (x_min, x_max, _, y_max) = frame.data[0], frames.boxes[i]
        rows, columns = np.shape(heatmap.z)
        assert heatmap.x0 - heatmap.dx / 2 == pytest.approx(x_min)
        assert heatmap.x0 + (columns - 0.5) * heatmap.dx == pytest.approx(x_max)
        assert heatmap.y0 + (rows - 0.5) * heatmap.dy == pytest.approx(y_max)
        np.testing.assert_array_equal(heatmap.z, decode_density(frames.density[i], 1.0))


def test_samples_are_where_they_were_coded(frames: LayerFrames) -> None:
    places = -5 + 10 * (frames.samples[2] / POINT_UNITS)
    dots = layers_figure(frames).frames[2].data[1]
    np.testing.assert_allclose(np.stack([dots.x, dots.y], 1), places, atol=1e-4)


def test_axes_widen_for_samples_far_out_but_not_for_ever(frames: LayerFrames) -> None:
    frames.samples[1] = round(0.9 * POINT_UNITS)  # at (4, 4)
    assert list(layers_figure(frames).layout.xaxis.range) == pytest.approx([-4, 4], abs=1e-3)
    frames.samples[1] = np.iinfo(np.int16).max  # at (15, 15)
    assert list(layers_figure(frames).layout.xaxis.range) == [-5, 5]


def test_a_frame_beyond_the_colour_scale_says_so(frames: LayerFrames) -> None:
    frames.density[2, 0, 0] = 255
    texts = [frame.layout.annotations[0].text for frame in layers_figure(frames).frames]
    assert ["denser in places" in text for text in texts] == [False, False, True, False]


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


def test_log_det_is_that_of_the_layers_before(frames: LayerFrames, frames_of: Frames) -> None:
    assert log_det_text(frames, 0) == "base: no layer yet"
    assert log_det_text(frames, 1) == "this layer: mean log|det| −0.500 nats"
    assert layers_figure(frames).frames[3].layout.annotations[0].text.endswith("+1.000 nats")
    thinned = frames_of(3, states=[0, 4, 9])
    assert log_det_text(thinned, 2) == "these 5 layers: mean log|det| +0.250 nats"
    assert frame_label(thinned, 1) == "z₄"


def test_what_an_ode_solver_gave_is_not_called_exact(frames: LayerFrames) -> None:
    assert density_told(frames, "z") == "the exact density of z"
    solved = dataclasses.replace(frames, times=[i / 3 for i in range(len(frames.times))])
    assert density_told(solved, "z") == "the density of z up to the ODE solver's tolerance"
