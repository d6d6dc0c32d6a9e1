"""The latent space of a model of the plane: posteriors, a lattice's image, interpolation."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowplay.errors import RefusedError
from flowplay.flows import Flow
from flowplay.grids import cell_centres, density_scale
from flowplay.models.gan import GAN
from flowplay.models.vae import VAE, gaussian_log_prob
from flowplay.problems import Window
from flowplay.training.live_run import LiveRun
from flowplay.training.picture_makers import model_density
from flowplay.wire import GeneratorView, InterpolationView, PlaneView, PosteriorView

#: Cells along each side of a picture of the plane.
CELLS = 96

#: Half width of the latent space that is shown, cells along each side, and draws of the bound.
REACH = 3.5
LATENT_CELLS = 128
DRAWS = 8192

#: Cells along each side of the lattice, and points on each side of a cell.
LATTICE_CELLS = 20
LATTICE_REACH = 3.0
_STEPS = 5

#: Points of a path.
POINTS = 65


@torch.inference_mode()
def plane_view(live: LiveRun) -> PlaneView:
    """Return the density of a live run's model over the plane."""
    window = _window(live)
    problem = live.config.problem()
    density = np.zeros((0, 0), np.float32)
    exactness: str = live.exactness
    if live.likelihood is not None:
        with live.model.quickly() as rough:
            density = model_density(live.likelihood, cell_centres(window, CELLS), live.device)
        exactness = "estimate" if rough else exactness
    return PlaneView(list(window), density_scale(problem), exactness, density)


@torch.inference_mode()
def posterior_view(live: LiveRun, point: tuple[float, float]) -> PosteriorView:
    r"""Return what the encoder of a live run's VAE says of a point, and the true posterior.

    .. math::
        \log p(z \mid x) = \log p(x \mid z) + \log p(z) - \log p(x), \qquad
        \mathrm{KL}\bigl(q(z \mid x) \,\|\, p(z \mid x)\bigr) = \log p(x) - \mathrm{ELBO}

    Raises:
        RefusedError: if the model is no VAE of the plane.
    """
    vae = live.model
    if not isinstance(vae, VAE) or vae.dim != 2:
        raise RefusedError("Only a VAE of the plane has such a posterior.")
    x = torch.tensor([point], dtype=torch.float32, device=live.device)
    mean, std = vae.encode(x)
    side = (torch.arange(LATENT_CELLS, device=live.device) + 0.5) / LATENT_CELLS
    axis = REACH * (2 * side - 1)
    # The first axis of the picture goes across, and its rows are of the second.
    z = torch.cartesian_prod(*[axis] * vae.latent).reshape(-1, vae.latent).flip(-1)
    y, log_det = vae.standardization.inverse(x)
    log_prob = vae.log_prob(x)
    joint = gaussian_log_prob(y, *vae.decoder(z)) + log_det
    joint = joint + gaussian_log_prob(z, torch.zeros_like(z), torch.zeros_like(z))
    decoded_mean, decoded_log_std = vae.decoder(mean)
    low = vae.standardization.forward(decoded_mean)[0]
    high = vae.standardization.forward(decoded_mean + decoded_log_std.exp())[0]
    return PosteriorView(
        point=list(point),
        log_prob=float(log_prob),
        bound=float(vae.bound(x.expand(DRAWS, -1), 1).mean()),
        draws=DRAWS,
        mean=mean[0].tolist(),
        std=std[0].tolist(),
        reach=REACH,
        log_posterior=_array((joint - log_prob).reshape([LATENT_CELLS] * vae.latent)),
        lattice=_array(torch.stack([vae.decode(z) for z in _lines(vae.latent, live.device)])),
        decoded=_array(torch.cat((low, high - low))),
    )


@torch.inference_mode()
def generator_view(live: LiveRun) -> GeneratorView:
    """Return what the generator of a live run's GAN makes of a lattice, and its judge's map.

    A cell counts as turned over if its image has another orientation than most of the noise has.

    Raises:
        RefusedError: if the model is no GAN of the plane.
    """
    gan = live.model
    if not isinstance(gan, GAN) or gan.dim != 2:
        raise RefusedError("Only a GAN of the plane has such a lattice.")
    window = _window(live)
    pieces, turned, share = _folded(gan, live.device)
    centres = cell_centres(window, CELLS)
    points = torch.from_numpy(centres).reshape(-1, 2).to(live.device)
    return GeneratorView(
        window=list(window),
        noise=gan.latent,
        lattice=pieces,
        turned=turned,
        share=share,
        judged=_array(gan.judge(points)).reshape(centres.shape[:2]),
        objective=gan.objective,
    )


@torch.inference_mode()
def interpolation_view(
    live: LiveRun, start: tuple[float, float], end: tuple[float, float]
) -> InterpolationView:
    """Return two paths between points of the plane: straight in the latent space, and in x.

    A flow, diffusion too, gives each point its z. A VAE gives it the mean of q(z | x), and turns a
    latent into the mean of p(x | z): so its path need not begin and end at the points themselves.

    Raises:
        RefusedError: if the model of the plane has no latent of a point.
    """
    model = live.model
    ends = torch.tensor([start, end], dtype=torch.float32, device=live.device)
    share = torch.linspace(0, 1, POINTS, device=live.device).unsqueeze(-1)
    if model.dim != 2 or not isinstance(model, VAE | Flow):
        raise RefusedError("This model gives no point of the plane a latent of its own.")
    latents = model.encode(ends)[0] if isinstance(model, VAE) else model.inverse(ends)[0]
    line = torch.lerp(latents[:1], latents[1:], share)
    through = model.decode(line) if isinstance(model, VAE) else model.forward(line)[0]
    straight = torch.lerp(ends[:1], ends[1:], share)
    log_prob = model.log_prob(torch.cat((through, straight))).reshape(2, POINTS)
    return InterpolationView(
        ends=_array(ends),
        latents=_array(latents),
        paths=_array(torch.stack((through, straight))),
        log_prob=_array(log_prob),
        exactness=live.exactness,
    )


def _window(live: LiveRun) -> Window:
    window = live.config.problem().window
    if window is None:
        raise RefusedError("The data of this run do not lie in the plane.")
    return window


def _lines(axes: int, device: torch.device) -> Tensor:
    """Return the lines [lines, n, axes] of an even grid of the latent; of one axis, its points."""
    fine = torch.linspace(-LATTICE_REACH, LATTICE_REACH, _STEPS * LATTICE_CELLS + 1, device=device)
    if axes == 1:
        return fine.reshape(1, -1, 1)
    even = torch.linspace(-LATTICE_REACH, LATTICE_REACH, LATTICE_CELLS + 1, device=device)
    across = torch.stack(torch.meshgrid(even, fine, indexing="ij"), -1)
    return torch.cat((across, across.flip(-1)))


def _folded(gan: GAN, device: torch.device) -> tuple[NDArray[np.float32], NDArray[np.bool_], float]:
    """Return pieces of the lattice's image, which are turned over, and their share of the noise."""
    if gan.latent == 1:
        line = _array(gan.generate(_lines(1, device)[0]))
        pieces = np.stack((line[:-1], line[1:]), 1)
        return pieces, np.zeros(len(pieces), bool), float("nan")
    n = _STEPS * LATTICE_CELLS
    fine = torch.linspace(-LATTICE_REACH, LATTICE_REACH, n + 1, device=device)
    z = torch.zeros(n + 1, n + 1, gan.latent, device=device)
    z[..., 0], z[..., 1] = fine.unsqueeze(1), fine.unsqueeze(0)
    image = _array(gan.generate(z.reshape(-1, gan.latent))).reshape(n + 1, n + 1, 2)
    first, second = np.diff(image, axis=0)[:, :-1], np.diff(image, axis=1)[:-1]
    area = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    middle = 0.5 * (fine[1:] + fine[:-1]).double().cpu().numpy()
    weight = np.exp(-0.5 * (middle[:, None] ** 2 + middle[None] ** 2))
    positive = float((weight * (area > 0)).sum() / weight.sum())
    flipped = (area < 0) if positive >= 0.5 else (area > 0)
    kept = slice(None, None, _STEPS)
    # Along lines of constant z₁ and of constant z₂; each takes the cell beside it.
    up = np.stack((image[kept, :-1], image[kept, 1:]), 2).reshape(-1, 2, 2)
    across = np.stack((image[:-1, kept], image[1:, kept]), 2).reshape(-1, 2, 2)
    beside = np.minimum(np.arange(n + 1)[kept], n - 1)
    turned = np.concatenate((flipped[beside].ravel(), flipped[:, beside].ravel()))
    return np.concatenate((up, across)), turned, min(positive, 1 - positive)


def _array(values: Tensor) -> NDArray[np.float32]:
    return values.float().cpu().numpy()
