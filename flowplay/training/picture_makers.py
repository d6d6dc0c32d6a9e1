"""The pictures of a run: each function makes one kind, or none where it does not apply."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowplay.codes import encode_density
from flowplay.grids import cell_centres, density_scale
from flowplay.models import LikelihoodModel
from flowplay.problems import ImageProblem, Posterior
from flowplay.problems.energies.posteriors import INPUTS
from flowplay.training.live_run import LiveRun
from flowplay.training.streams import generator
from flowplay.wire import (
    PICTURE_KINDS,
    DensityPicture,
    ImagesPicture,
    Picture,
    PredictivePicture,
    RunState,
    SamplesPicture,
)

#: Cells along each side of a picture: while it trains, and as a still.
LIVE_CELLS = 64
FINE_CELLS = 192

#: The same where each point takes the solution of an ODE (see `Model.quickly`). A still of
#: diffusion takes seconds even so, and a worker can do nothing else meanwhile.
ROUGH_CELLS, FINE_SOLVED_CELLS = 36, 96

SAMPLES = 1000

#: Images in a picture: a square of 8 × 8.
IMAGES = 64
#: Draws of a posterior behind its predictive, and inputs at which that is evaluated.
_DRAWS = 4000
_INPUTS = 49

#: Points evaluated at once, so that memory stays bounded.
BLOCK = 4096


def density_picture(live: LiveRun, state: RunState, fine: bool) -> DensityPicture | None:
    """Return the model's density over the problem's window, where both exist."""
    problem = live.config.problem()
    if live.likelihood is None or problem.window is None:
        return None
    scale = density_scale(problem)
    with live.model.quickly() as solved:
        moving, still = (ROUGH_CELLS, FINE_SOLVED_CELLS) if solved else (LIVE_CELLS, FINE_CELLS)
    with _as_due(live, fine) as rough:
        cells = still if fine else moving
        centres = cell_centres(problem.window, cells)
        density = model_density(live.likelihood, centres, live.device)
    return DensityPicture(
        window=list(problem.window),
        scale=scale,
        exactness="estimate" if rough else live.exactness,
        code=encode_density(density, scale),
    )


def samples_picture(live: LiveRun, state: RunState, fine: bool) -> SamplesPicture | None:
    """Return points drawn from the model, the same draws of its noise at every step."""
    problem = live.config.problem()
    if isinstance(problem, ImageProblem):
        return None
    window = problem.window
    source = generator(live.config.seed, "samples")
    with _as_due(live, fine):
        samples = live.model.sample(SAMPLES, state.hot.temperature, source)
    return SamplesPicture(
        window=None if window is None else list(window),
        points=samples.float().cpu().numpy(),
    )


def images_picture(live: LiveRun, state: RunState, fine: bool) -> ImagesPicture | None:
    """Return images drawn from a model of images, the same draws of its noise at every step."""
    problem = live.config.problem()
    if not isinstance(problem, ImageProblem):
        return None
    source = generator(live.config.seed, "samples")
    images = live.model.sample(IMAGES, state.hot.temperature, source)
    levels = torch.nan_to_num(images).clamp(0, problem.levels - 1)
    return ImagesPicture(
        brightest=problem.levels - 1,
        levels=levels.byte().cpu().numpy().reshape(-1, *problem.shape),
    )


def predictive_picture(live: LiveRun, state: RunState, fine: bool) -> PredictivePicture | None:
    """Return what a learned posterior predicts, if that is what the run learns."""
    posterior = live.config.problem()
    if not isinstance(posterior, Posterior):
        return None
    source = generator(live.config.seed, "samples")
    theta = live.model.sample(_DRAWS, 1.0, source).double().cpu().numpy()
    inputs = np.linspace(*INPUTS, _INPUTS)
    outputs = posterior.mean_output(theta[:, :1] + theta[:, 1:] * inputs)
    low, high = np.quantile(outputs, (0.05, 0.95), axis=0)
    return PredictivePicture(
        draws=_DRAWS,
        inputs=inputs.astype(np.float32),
        mean=outputs.mean(0).astype(np.float32),
        low=low.astype(np.float32),
        high=high.astype(np.float32),
    )


def made_pictures(live: LiveRun, state: RunState, fine: bool) -> dict[str, Picture]:
    """Return a picture of every registered kind that applies, by its tag."""
    made = {tag: _maker(kind.made_by)(live, state, fine) for tag, kind in PICTURE_KINDS.items()}
    return {tag: picture for tag, picture in made.items() if picture is not None}


def _as_due(live: LiveRun, fine: bool) -> AbstractContextManager[bool]:
    """Return the block in which a picture is made, a still or a quick one; see `Model.quickly`."""
    return nullcontext(False) if fine else live.model.quickly()


@cache
def _maker(path: str) -> Callable[[LiveRun, RunState, bool], Picture | None]:
    make: Callable[[LiveRun, RunState, bool], Picture | None] = pkgutil.resolve_name(path)
    return make


@torch.inference_mode()
def model_density(
    model: LikelihoodModel, centres: NDArray[np.float32], device: torch.device
) -> NDArray[np.float32]:
    """Evaluate a model's density at the cell centres [H, W, 2] of a picture, as [H, W]."""
    x, y = (
        torch.from_numpy(axis.copy()).to(device) for axis in (centres[0, :, 0], centres[:, 0, 1])
    )
    density = model.density_on_axes(x, y)
    if density is None:
        return density_on_grid(model.log_prob, centres, device)
    return torch.nan_to_num(density, nan=0.0, posinf=0.0).cpu().numpy()


@torch.inference_mode()
def density_on_grid(
    log_prob: Callable[[Tensor], Tensor], centres: NDArray[np.float32], device: torch.device
) -> NDArray[np.float32]:
    """Evaluate exp(log_prob) at the cell centres [H, W, 2] of a picture, as [H, W]."""
    points = torch.from_numpy(centres).reshape(-1, 2).to(device)
    values = torch.cat([log_prob(block) for block in points.split(BLOCK)])
    density = torch.nan_to_num(values.exp(), nan=0.0, posinf=0.0)
    return density.reshape(centres.shape[:2]).cpu().numpy()
