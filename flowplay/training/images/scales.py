"""What each scale of a multi-scale flow does to an image, and what it holds."""

from __future__ import annotations

import numpy as np
import torch

from flowplay.errors import RefusedError
from flowplay.flows.images.glow import Scale, scales_of
from flowplay.training.images.subject import (
    flow_of_images,
    images_of,
    levels_of,
    points_of,
    problem_of,
    with_labels,
)
from flowplay.training.live_run import LiveRun
from flowplay.wire import ScalesView

#: Images for which the z of one scale is drawn again.
AGAIN = 8

#: Layers of a step: activation normalization, 1 × 1 convolution, coupling.
_LAYERS = 3


@torch.inference_mode()
def scales_view(live: LiveRun, number: int, seed: int, temperature: float) -> ScalesView:
    """Take one image through the scales, and draw the z of each scale again by itself.

    Args:
        live: the run.
        number: of an image of the validation part.
        seed: of what is drawn.
        temperature: of what is drawn.

    Raises:
        RefusedError: if the model has no scales.
    """
    model, problem = flow_of_images(live), problem_of(live)
    if live.config.architecture != "glow":
        raise RefusedError(f"{live.config.entry.label} on flat vectors has no scales.")
    images = images_of(live)
    number %= len(images.levels)
    one = slice(number, number + 1)
    labels = None if images.labels is None else images.labels[one]
    x = with_labels(model, points_of(live, images.levels[one]), labels)
    with model.dequantized(x) as (y, _):
        states = model.flow.inverse_states(y)[0][:, 0].flip(0)
    scales = scales_of(problem.shape, int(live.config.options["scales"]))
    stages, places = _stages(scales, live.config.depth)
    z = states[-1].repeat(AGAIN, 1)
    chosen = None if labels is None else torch.from_numpy(labels).repeat(AGAIN)
    told = chosen if model.classes else None
    generator = torch.Generator().manual_seed(seed)
    again, moved = [], []
    for scale in scales:
        drawn = z.clone()
        noise = torch.randn(AGAIN, scale.rows - scale.first, generator=generator).to(z)
        drawn[:, scale.first : scale.rows] = temperature * noise
        levels = levels_of(live, model.decode(drawn, told))
        again.append(levels)
        moved.append(float(np.abs(levels - images.levels[one].astype(float)).mean()))
    return ScalesView(
        image=images.levels[number],
        back=levels_of(live, model.decode(z[:1], None if told is None else told[:1]))[0],
        brightest=problem.levels - 1,
        scales=[scale._asdict() for scale in scales],
        stages=stages,
        states=states[places].float().cpu().numpy(),
        again=np.stack(again),
        moved=moved,
    )


def _stages(scales: list[Scale], steps: int) -> tuple[list[dict[str, int | str]], list[int]]:
    """Return what is done at each stage, and how many layers have been passed after it."""
    # The first layer that an image meets is the logit.
    passed, places = 1, []
    stages: list[dict[str, int | str]] = []
    for number, scale in enumerate(scales):
        done = [("squeeze", 1), ("steps", _LAYERS * steps)]
        if scale.first:
            done.append(("split", 1))
        for name, layers in done:
            passed += layers
            stages.append({"name": name, "scale": number})
            places.append(passed)
    return stages, places
