"""A trained run as one standalone HTML page: densities, loss, the walk through its layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowplay.catalog import ARCHITECTURES
from flowplay.config import RunConfig
from flowplay.figures import (
    ReportFigure,
    comparison_figure,
    html_report,
    layers_figure,
    loss_figure,
)
from flowplay.pictures import target_density
from flowplay.snapshot import LayerFrames, decode_density
from flowplay.targets import make_target
from flowplay.training import RunState, train_slice
from flowplay.training.worker import layer_frames


def write_report(path: Path, config: RunConfig, state: RunState, result: Mapping[str, Any]) -> None:
    """Write the report of a run.

    Args:
        path: the file to write.
        config: the run's config.
        state: where the run stands.
        result: the figures that `python -m flowplay train --json` prints.

    Raises:
        OSError: if the file cannot be written.
    """
    target = make_target(config.target, config.noise)
    state, snapshot = train_slice(state, steps=0, fine=True)
    model = decode_density(snapshot.density, snapshot.density_scale)
    frames = LayerFrames.from_bytes(layer_frames(state.to_bytes()))
    figures = [
        ReportFigure(
            comparison_figure(
                target_density(target, len(model)), model, target.bounds, samples=snapshot.samples
            ),
            "Exact densities on one colour scale; the dots are samples from the model.",
            f"Exact density of {target.label} beside that of the trained flow.",
        ),
        ReportFigure(
            loss_figure(snapshot.train_curve, snapshot.held_out_curve, target.entropy),
            "Negative log-likelihood in nats. No honest model gets below the entropy of the "
            "target, up to sampling error.",
            f"Loss against optimizer step, ending at {snapshot.held_out_nll:.3f} nats.",
        ),
        ReportFigure(
            layers_figure(frames),
            "Layer by layer: each frame is the exact density of z after one more layer.",
            "Animation from the base Gaussian to the data, layer by layer.",
        ),
    ]
    architecture = ARCHITECTURES[config.architecture].label
    settings = config.model_dump(exclude={"version", "options"}) | config.options
    page = html_report(
        f"{target.label}, learned by {architecture}",
        [(name.replace("_", " "), str(value)) for name, value in settings.items()],
        [
            ("held-out NLL", f"{result['nll']:.4f} nats"),
            ("entropy", f"{result['entropy']:.4f} nats"),
            ("gap", f"{result['gap']:.4f} nats"),
            ("steps", f"{result['steps']:,}"),
            ("training time", f"{result['seconds']:.1f} s"),
            ("parameters", f"{result['parameters']:,}"),
        ],
        figures,
    )
    path.write_text(page, encoding="utf-8")
