"""A trained run as one standalone HTML page: pictures, loss, the walk through its layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowplay.codes import decode_density
from flowplay.config import RunConfig
from flowplay.figures import (
    ReportFigure,
    comparison_figure,
    density_figure,
    density_told,
    html_report,
    images_figure,
    layers_figure,
    loss_figure,
    points_figure,
)
from flowplay.grids import exact_density
from flowplay.numbers import fixed, whole
from flowplay.problems import DataProblem, ImageProblem, Problem
from flowplay.training import RunState, train_slice
from flowplay.training.worker import layer_frames
from flowplay.wire import DensityPicture, ImagesPicture, LayerFrames, SamplesPicture, Snapshot


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
    problem = config.problem()
    state, snapshot = train_slice(state, steps=0, fine=True)
    figures = [*_pictures(problem, snapshot), _loss(problem, snapshot)]
    if config.entry.layered and problem.window is not None:
        figures.append(_walk(state))
    settings = (
        config.model_dump(exclude={"version", "options", "target_options"})
        | config.target_options
        | config.options
    )
    page = html_report(
        f"{problem.label}, learned by {config.entry.label}",
        [(name.replace("_", " "), str(value)) for name, value in settings.items()],
        _headline(result),
        figures,
    )
    path.write_text(page, encoding="utf-8")


def _headline(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = {
        "nll": "held-out NLL",
        "bound": "held-out bound of the NLL",
        "entropy": "entropy",
        "gap": "gap",
    }
    if result.get("kl") is not None:
        names = {
            "kl": "KL(q‖p), estimate",
            "gap": "KL(p‖q), estimate",
            "elbo": "ELBO, estimate",
            "log_z": "log Z, by quadrature",
            "log_z_estimate": "log Z, importance-weighted estimate",
        }
    rows = [
        (label, f"{fixed(result[name], 4)} nats")
        for name, label in names.items()
        if result.get(name) is not None
    ]
    if result.get("bits_per_dim") is not None:
        rows = [
            (result["bits_per_dim_kind"], f"{fixed(result['bits_per_dim'], 4)} bits per dimension")
        ]
    if result.get("ess") is not None:
        rows.append(("effective sample size, estimate", f"{result['ess']:.1%}"))
    return [
        *rows,
        ("steps", whole(result["steps"])),
        ("training time", f"{fixed(result['seconds'], 1)} s"),
        ("parameters", whole(result["parameters"])),
    ]


def _pictures(problem: Problem, snapshot: Snapshot) -> list[ReportFigure]:
    """Return the density beside the target's where both are known, or else what there is."""
    images = snapshot.picture(ImagesPicture)
    if images is not None and isinstance(problem, ImageProblem):
        real = problem.images("train", 0).levels[: len(images.levels)]
        text = f"Images of {problem.label} beside images drawn from the model."
        return [ReportFigure(images_figure(real, images.levels, images.brightest), text, text)]
    if problem.window is None:
        return []
    density = snapshot.picture(DensityPicture)
    samples = snapshot.picture(SamplesPicture)
    points = None if samples is None else samples.points
    if density is not None:
        model = decode_density(density.code, density.scale)
        what = {"exact": "Exact density", "bound": "Lower bound of the density"}.get(
            density.exactness, "Estimate of the density"
        )
        exact = exact_density(problem, len(model))
        if exact is None:
            figure = density_figure(model, problem.window, samples=points)
            return [ReportFigure(figure, f"{what} of the model.", f"{what} of the model.")]
        return [
            ReportFigure(
                comparison_figure(exact, model, problem.window, samples=points),
                f"Left the exact density of the target. Right, on the same colour scale: "
                f"{what[:1].lower()}{what[1:]} of the model, with samples of it as dots.",
                f"Exact density of {problem.label} beside that of the trained model.",
            )
        ]
    if points is not None and isinstance(problem, DataProblem):
        data = problem.training_points(len(points), seed=0)
        figure = points_figure(data, points, problem.window)
        text = f"Points of {problem.label} beside samples of the model, which gives no density."
        return [ReportFigure(figure, text, text)]
    return []


def _loss(problem: Problem, snapshot: Snapshot) -> ReportFigure:
    held_out = snapshot.measurements.get("held_out")
    floor = None if held_out is None else problem.floor
    caption = "Loss against optimizer step."
    if held_out is not None:
        caption = f"{held_out.label[:1].upper()}{held_out.label[1:]}, in {held_out.unit}."
    if floor is not None:
        caption += f" The expected value cannot be below the {floor.label}, {fixed(floor.value)}."
    ending = f", ending at {fixed(held_out.value)} {held_out.unit}" if held_out is not None else ""
    return ReportFigure(
        loss_figure(
            snapshot.curves,
            None if floor is None else floor.value,
            floor="" if floor is None else floor.label,
        ),
        caption,
        f"Loss against optimizer step{ending}.",
    )


def _walk(state: RunState) -> ReportFigure:
    frames = LayerFrames.from_bytes(layer_frames(state.to_bytes(), None, True))
    return ReportFigure(
        layers_figure(frames),
        f"Layer by layer: each frame is {density_told(frames, 'z')} after one more layer.",
        "Animation from the base to the data, layer by layer.",
    )
