"""The posterior of one image under a VAE with two latent axes: the encoder's, and the true one."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowplay.errors import RefusedError
from flowplay.models.image_vae import ImageVAE
from flowplay.models.vae import gaussian_log_prob
from flowplay.training.images.subject import images_of, points_of, problem_of
from flowplay.training.live_run import LiveRun
from flowplay.wire import ImagePosteriorView

#: Half width of the square in which the posteriors are looked for, in units of z.
REACH = 4.5

#: Cells along each axis of a lattice, for the search and for the picture.
CELLS = 112

#: Nats below its highest log-density that a posterior is shown down to.
SHOWN = 9.0

#: Standard deviations of the encoder's Gaussian that its picture shows each way.
SPREAD = 4.0

#: Draws of the bounds.
DRAWS = 500


@torch.inference_mode()
def image_posterior_view(live: LiveRun, number: int) -> ImagePosteriorView:
    r"""Return the posteriors of the latent of an image of the validation part.

    .. math::
        \log p(z \mid x) = \log P(x \mid z) + \log p(z) - \log P(x), \qquad
        \mathrm{KL}\bigl(q(z \mid x) \,\|\, p(z \mid x)\bigr) = \log P(x) - \mathrm{ELBO}

    :math:`P(x)` is had by quadrature over z.

    Raises:
        RefusedError: if the model is no VAE of images with two latent axes.
    """
    vae = live.model
    if not isinstance(vae, ImageVAE) or vae.latent != 2:
        raise RefusedError("Only a VAE of images with two latent axes has such a picture.")
    images = images_of(live)
    number %= len(images.levels)
    x = points_of(live, images.levels[number : number + 1])
    window = _window(vae, x)
    z = _lattice(window, x)
    joint = vae.log_joint(x.expand(len(z), -1), z)
    cell = (window[1] - window[0]) * (window[3] - window[2]) / len(z)
    log_prob = float(joint.double().logsumexp(0)) + math.log(cell)
    mean, log_std, _ = vae.encoded(x)
    before = _square(mean[0], SPREAD * float(log_std.exp().amax()))
    draws = x.expand(DRAWS, -1)
    return ImagePosteriorView(
        image=images.levels[number],
        brightest=problem_of(live).levels - 1,
        window=window,
        log_true=_picture(joint - log_prob),
        log_encoder=_picture(vae.log_posterior(x, z)),
        before=before,
        log_gaussian=_picture(gaussian_log_prob(_lattice(before, x), mean, log_std)),
        log_prob=log_prob,
        bound=float(vae.bound(draws, 1).double().mean()),
        importance=float(vae.importance_bound(x, DRAWS)),
        draws=DRAWS,
    )


def _window(vae: ImageVAE, x: Tensor) -> list[float]:
    """Return the square around both posteriors, of a coarse look at the plane."""
    z = _lattice([-REACH, REACH] * 2, x)
    found = vae.log_joint(x.expand(len(z), -1), z), vae.log_posterior(x, z)
    inside = torch.cat([z[one > one.max() - SHOWN] for one in found])
    low, high = inside.amin(0), inside.amax(0)
    return _square((low + high) / 2, float((high - low).amax()) / 2 + 2 * REACH / CELLS)


def _square(middle: Tensor, half: float) -> list[float]:
    """Return the window [4] of a square around a point [2]."""
    return [edge for m in middle.tolist() for edge in (m - half, m + half)]


def _lattice(window: list[float], like: Tensor) -> Tensor:
    """Return the centres [CELLS², 2] of the cells of a window, the first axis running fastest."""
    left, right, bottom, top = window
    side = ((torch.arange(CELLS) + 0.5) / CELLS).to(like)
    across, up = left + (right - left) * side, bottom + (top - bottom) * side
    return torch.cartesian_prod(up, across).flip(-1)


def _picture(log_density: Tensor) -> NDArray[np.float32]:
    return log_density.reshape(CELLS, CELLS).float().cpu().numpy()
