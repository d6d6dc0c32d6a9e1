"""What workers run, by import path: bytes in, bytes out, so that callers need no torch."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any, TypedDict

import numpy as np

from flowplay import kernels
from flowplay.config import HotSettings, RunConfig
from flowplay.plugins import load_plugins
from flowplay.training.compression import compressed, restored
from flowplay.training.cost import checkpoint_costs
from flowplay.training.diagnosis import diagnose
from flowplay.training.export import export_flow
from flowplay.training.images.anomalies import Complexity, anomalies_view
from flowplay.training.images.drawn import bayes_accuracy, drawn_view
from flowplay.training.images.latent import arrows_view, between_view, labels_view
from flowplay.training.images.noise import noise_view
from flowplay.training.images.posterior import image_posterior_view
from flowplay.training.images.references import references
from flowplay.training.images.scales import scales_view
from flowplay.training.images.walk import walk_view
from flowplay.training.latent import generator_view, interpolation_view, plane_view, posterior_view
from flowplay.training.layer_frames import flow_of
from flowplay.training.layer_frames import layer_frames as frames_of
from flowplay.training.ledger import point_ledger
from flowplay.training.live_run import LiveRun
from flowplay.training.pool import live_run, retain
from flowplay.training.sample_metrics import sample_metrics
from flowplay.training.sampling import sampled_view, sampling_cost
from flowplay.training.scoring import (
    benign_example,
    compared,
    plane_scores,
    score_rows,
    slice_view,
    tighter_view,
    to_json,
)
from flowplay.training.slices import train_slice
from flowplay.training.start import new_run, prepare_process
from flowplay.training.timing import measure, step_milliseconds
from flowplay.training.undequantized import undequantized
from flowplay.wire import EarlierWeights, RunState, TestRows

load_plugins()


class SliceOrder(TypedDict, total=False):
    """What a slice is asked for: the keywords of `train_slice`, as JSON values."""

    seconds: float | None
    steps: int | None
    hot: dict[str, Any] | None
    fine: bool


def preload() -> None:
    """Import what a first slice would import; no thread is started and CUDA is not touched."""
    import sklearn.datasets  # noqa: F401

    kernels.import_loader()


def warm() -> None:
    """Make a worker ready, and train a first slice so that nothing is lazy later."""
    prepare_process()
    train_slice(new_run(RunConfig(samples=100, depth=2, width=8)), steps=2)


def run_slice(config_json: str, state: bytes | None, order: SliceOrder) -> tuple[bytes, bytes]:
    """Train one slice of a run, from its first state or from the state given.

    Args:
        config_json: the run's `RunConfig` as JSON; it begins the run where no state is given.
        state: bytes of a `RunState`, or None.
        order: the slice's keywords.

    Returns:
        Bytes of the next `RunState` and of its `Snapshot`.

    Raises:
        RefusedError: if the run cannot be trained as it is set: see `new_run`.
    """
    begin = (
        new_run(RunConfig.model_validate(json.loads(config_json)))
        if state is None
        else RunState.from_bytes(state)
    )
    # The first picture need not wait for them.
    if order.get("steps") != 0:
        kernels.prepare()
    hot = order.get("hot")
    after, snapshot = train_slice(
        begin,
        order.get("seconds"),
        order.get("steps"),
        hot=None if hot is None else HotSettings.model_validate(hot),
        fine=order.get("fine", False),
    )
    return after.to_bytes(), snapshot.to_bytes()


def measure_timing(config_json: str, state: bytes | None = None) -> bytes:
    """Return JSON of the `Timing` of a run's model on this worker.

    Args:
        config_json: the run's `RunConfig` as JSON; without a state its untrained model is timed.
        state: bytes of a `RunState`, or None.
    """
    if state is None:
        live = LiveRun(new_run(RunConfig.model_validate(json.loads(config_json))))
    else:
        live, _ = _opened(state, None)
    return json.dumps(measure(live)).encode()


def measure_samples(state: bytes) -> bytes:
    """Return JSON of the sample metrics of a run's state; see `sample_metrics`."""
    live, _ = _opened(state, None)
    return json.dumps(sample_metrics(live)).encode()


def measure_step(config_json: str) -> bytes:
    """Return JSON of the milliseconds of a training step of a run on this worker."""
    kernels.prepare()
    config = RunConfig.model_validate(json.loads(config_json))
    return json.dumps({"milliseconds": step_milliseconds(config)}).encode()


def measure_checkpoint(config_json: str) -> bytes:
    """Return JSON of what a step of a run takes with and without gradient checkpointing."""
    config = RunConfig.model_validate(json.loads(config_json))
    return json.dumps(checkpoint_costs(config)).encode()


def measure_undequantized(config_json: str, coordinate: int) -> bytes:
    """Return JSON of what one pixel comes to without noise; see `undequantized`."""
    config = RunConfig.model_validate(json.loads(config_json))
    return json.dumps(undequantized(config, coordinate)).encode()


def layer_frames(state: bytes, earlier: bytes | None, fine: bool) -> bytes:
    """Return bytes of the `LayerFrames` of a run's state.

    Args:
        state: bytes of a `RunState`.
        earlier: bytes of `EarlierWeights` of this run, None for its own.
        fine: as finely as can be, or quickly, as while it trains.
    """
    live, at = _opened(state, earlier)
    return frames_of(live, at, fine=fine).to_bytes()


def ledger(state: bytes, earlier: bytes | None, k: int, x: float, y: float) -> bytes:
    """Return bytes of the `Ledger` of the point that stands at (x, y) in the picture of z_k."""
    live, at = _opened(state, earlier)
    return point_ledger(flow_of(live), k, (x, y), step=at.step, token=at.token).to_bytes()


def plane_of(state: bytes, earlier: bytes | None) -> bytes:
    """Return bytes of the `PlaneView` of a run's state, or of earlier weights."""
    return plane_view(_opened(state, earlier)[0]).to_bytes()


def posterior_of(state: bytes, earlier: bytes | None, x: float, y: float) -> bytes:
    """Return bytes of the `PosteriorView` of a point, of a VAE."""
    return posterior_view(_opened(state, earlier)[0], (x, y)).to_bytes()


def generator_of(state: bytes, earlier: bytes | None) -> bytes:
    """Return bytes of the `GeneratorView` of a GAN."""
    return generator_view(_opened(state, earlier)[0]).to_bytes()


def interpolation_between(
    state: bytes, earlier: bytes | None, start: tuple[float, float], end: tuple[float, float]
) -> bytes:
    """Return bytes of the `InterpolationView` from one point to another."""
    return interpolation_view(_opened(state, earlier)[0], start, end).to_bytes()


def samples_drawn(
    state: bytes, earlier: bytes | None, temperature: float, sampler: str | None, steps: int
) -> bytes:
    """Return bytes of the `SampledView` of a run's state; see `sampled_view`."""
    return sampled_view(_opened(state, earlier)[0], temperature, sampler, steps).to_bytes()


def cost_of_sampling(state: bytes, earlier: bytes | None) -> bytes:
    """Return bytes of the `SamplingCostView` of a run of diffusion."""
    return sampling_cost(_opened(state, earlier)[0]).to_bytes()


def diagnosis(state: bytes, earlier: bytes | None) -> bytes:
    """Return bytes of the `Diagnosis` of a run's state, or of earlier weights."""
    live, at = _opened(state, earlier)
    return diagnose(live, at).to_bytes()


def exported_flow(state: bytes, earlier: bytes | None) -> bytes:
    """Return bytes of the `ExportedFlow` of a run's state, or of earlier weights."""
    live, at = _opened(state, earlier)
    return export_flow(live, at.step).to_bytes()


def image_references(config_json: str) -> bytes:
    """Return JSON of bits per dimension of simple codes; see `references`."""
    config = RunConfig.model_validate(json.loads(config_json))
    return json.dumps(references(config)).encode()


def image_scales(state: bytes, number: int, seed: int, temperature: float) -> bytes:
    """Return bytes of the `ScalesView` of an image of the validation part."""
    return scales_view(_opened(state, None)[0], number, seed, temperature).to_bytes()


def image_walk(state: bytes, number: int) -> bytes:
    """Return bytes of the `WalkView` of an image of the validation part."""
    return walk_view(_opened(state, None)[0], number).to_bytes()


def images_between(state: bytes, first: int, last: int) -> bytes:
    """Return bytes of the `BetweenView` of two images of the validation part."""
    return between_view(_opened(state, None)[0], first, last).to_bytes()


def image_labels(state: bytes) -> bytes:
    """Return bytes of the `LabelsView` of a run that is given labels."""
    return labels_view(_opened(state, None)[0]).to_bytes()


def image_arrows(state: bytes, source: int, target: int) -> bytes:
    """Return bytes of the `ArrowsView` from one class to another."""
    return arrows_view(_opened(state, None)[0], source, target).to_bytes()


def drawn_image(state: bytes, levels: list[int]) -> bytes:
    """Return bytes of the `DrawnView` of an image that was drawn."""
    return drawn_view(_opened(state, None)[0], levels).to_bytes()


def image_accuracy(state: bytes) -> bytes:
    """Return JSON of how often Bayes' rule finds the label of a test image."""
    return json.dumps(bayes_accuracy(_opened(state, None)[0])).encode()


def pixel_noise(state: bytes, number: int, coordinate: int) -> bytes:
    """Return bytes of the `NoiseView` of one value of an image of the validation part."""
    return noise_view(_opened(state, None)[0], number, coordinate).to_bytes()


def image_posterior(state: bytes, number: int) -> bytes:
    """Return bytes of the `ImagePosteriorView` of an image of the validation part."""
    return image_posterior_view(_opened(state, None)[0], number).to_bytes()


def image_anomalies(state: bytes, complexity: Complexity) -> bytes:
    """Return bytes of the `AnomaliesView` of a run of images."""
    return anomalies_view(_opened(state, None)[0], complexity).to_bytes()


def compress_images(state: bytes, images: bytes | None) -> bytes:
    """Return bytes of `Compressed` images of an .npy file, or of the test images if None."""
    live, _ = _opened(state, None)
    return compressed(live, images).to_bytes()


def decompress_images(state: bytes, file: bytes) -> bytes:
    """Return bytes of the `Restored` images of a compressed file."""
    live, _ = _opened(state, None)
    return restored(live, file).to_bytes()


def scored_rows(state: bytes, rows: bytes) -> bytes:
    """Return bytes of the `Scored` of `TestRows`."""
    live, at = _opened(state, None)
    return score_rows(live, at, TestRows.from_bytes(rows)).to_bytes()


def example_rows(seed: int) -> bytes:
    """Return bytes of the `TestRows` of the built-in example of breast cancer."""
    return benign_example(seed).to_bytes()


def compared_methods(state: bytes, rows: bytes) -> bytes:
    """Return JSON of what other methods make of labelled `TestRows`, on the run's training rows."""
    live, _ = _opened(state, None)
    return to_json(compared(live, TestRows.from_bytes(rows)))


def tighter_points(state: bytes) -> bytes:
    """Return bytes of the `TighterView` of a run."""
    return tighter_view(*_opened(state, None)).to_bytes()


def scores_of_plane(state: bytes) -> bytes:
    """Return bytes of the `PlaneScores` of a run in the plane."""
    return plane_scores(*_opened(state, None)).to_bytes()


def density_slice(
    state: bytes, across: int, up: int, row: list[float], window: list[float]
) -> bytes:
    """Return bytes of the `SliceView` of a run of a table through a row."""
    return slice_view(*_opened(state, None), across, up, row, window).to_bytes()


def _opened(state: bytes, earlier: bytes | None) -> tuple[LiveRun, RunState]:
    """Return the live run of a state, or of earlier weights of the same run, and retain it."""
    at = RunState.from_bytes(state)
    if earlier is not None:
        at = _rewound(at, EarlierWeights.from_bytes(earlier))
    live = live_run(at)
    retain(live, at.token)
    return live, at


def _rewound(state: RunState, earlier: EarlierWeights) -> RunState:
    """Return the state as it was at earlier weights, as far as one can look at it."""
    train, held_out = (
        curve[curve[:, 0] <= earlier.step] for curve in (state.train_curve, state.held_out_curve)
    )
    if not len(held_out) and earlier.held_out is not None:
        held_out = np.array([[earlier.step, earlier.held_out]])
    return replace(
        state,
        # The same earlier weights are looked at again and again: their name must not change.
        token=uuid.uuid5(uuid.NAMESPACE_OID, f"{state.token} {earlier.step}").hex,
        step=earlier.step,
        weights=earlier.weights,
        buffers=earlier.buffers,
        optimizer=np.zeros((0, earlier.weights.size), np.float32),
        train_loss=earlier.train_loss,
        train_curve=train,
        held_out_curve=held_out,
    )
