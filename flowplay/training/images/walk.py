"""A walk through the layers: an image becomes noise, and each layer tells its log-det by place."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from flowplay.flows.base import Bijection, standard_normal_log_prob
from flowplay.flows.images import Squeeze
from flowplay.flows.images.positions import EachPosition, First
from flowplay.training.images.subject import (
    flow_of_images,
    images_of,
    points_of,
    problem_of,
    with_labels,
)
from flowplay.training.live_run import LiveRun
from flowplay.wire import WalkView

#: Copies of an image that go through a layer at once, for as many slopes.
_COPIES = 64

#: The map of a layer is told if its sum is the layer's log-det to this share.
_NEAR = 1e-3


def walk_view(live: LiveRun, number: int) -> WalkView:
    r"""Take one image of the validation part to its z, layer by layer.

    After k layers the running bits are those that the image would take if the base were already
    the density of the state :math:`h_k`:

    .. math:: -\frac{\log p_Z(h_k) + \sum_{j \le k} \log|\det J_j| - \log q(u \mid x)}{D \ln 2}
    """
    model, problem = flow_of_images(live), problem_of(live)
    images = images_of(live)
    number %= len(images.levels)
    one = slice(number, number + 1)
    labels = None if images.labels is None else images.labels[one]
    x = with_labels(model, points_of(live, images.levels[one]), labels)
    h, w, c = problem.shape
    # Where in the image each coordinate stands: squeezes move coordinates, other layers values.
    place = torch.arange(problem.dim)
    names, states, maps, log_dets = [], [], [], []
    with model.dequantized(x.repeat(_COPIES, 1)) as (y, log_q):
        state = y[:1].detach().clone()
        states.append(_placed(state[0], place))
        for layer in reversed(model.flow.bijections):
            after, log_det, slopes = _through(layer, state)
            own = layer.layer if isinstance(layer, First) else layer
            if isinstance(own, Squeeze):
                rows = len(own.order)
                place = torch.cat((place[:rows][own.order.cpu()], place[rows:]))
                by_pixel = torch.zeros(h * w)
            else:
                by_pixel = _map(slopes, place // c, h * w, log_det)
            state = after
            names.append(_name(layer))
            states.append(_placed(state[0], place))
            maps.append(by_pixel.view(h, w))
            log_dets.append(log_det)
        density = [float(standard_normal_log_prob(s[None])[0]) for s in states]
        passed = np.concatenate([[0.0], np.cumsum(log_dets)])
        nats = np.array(density) + passed - float(log_q[0].detach())
    return WalkView(
        image=images.levels[number],
        brightest=problem.levels - 1,
        names=names,
        log_dets=[float(v) for v in log_dets],
        bits=[float(v) for v in -nats / (problem.dim * math.log(2))],
        states=torch.stack(states).view(-1, h, w, c).float().cpu().numpy(),
        maps=torch.stack(maps).float().cpu().numpy(),
    )


def _through(layer: Bijection, state: Tensor) -> tuple[Tensor, float, Tensor]:
    """Return the next state [1, D], the log-det, and the diagonal of the Jacobian [D] of a layer.

    Each slope needs a copy of the state: a batch of copies gives as many slopes.
    """
    slopes = []
    for first in range(0, state.shape[1], _COPIES):
        copies = state.repeat(_COPIES, 1).requires_grad_()
        with torch.enable_grad():
            out, log_det = layer.inverse(copies)
            own = out[:, first : first + _COPIES].diagonal()
            (rows,) = torch.autograd.grad(own.sum(), copies)
        slopes.append(rows[:, first : first + _COPIES].diagonal())
    return out[:1].detach(), float(log_det[0].detach()), torch.cat(slopes)


def _map(slopes: Tensor, pixel: Tensor, pixels: int, log_det: float) -> Tensor:
    """Return the part of a log-det that belongs to each pixel.

    A coupling is triangular once its kept coordinates come first, and a 1 × 1 convolution mixes the
    coordinates of one position alone, so the blocks of positions have the whole determinant. Where
    they have not, it is spread evenly.
    """
    found = torch.zeros(pixels)
    logs = slopes.abs().log()
    if abs(float(logs.sum()) - log_det) < _NEAR * (1 + abs(log_det)):
        return found.index_add_(0, pixel, logs.float().cpu())
    return torch.full((pixels,), log_det / pixels)


def _placed(state: Tensor, place: Tensor) -> Tensor:
    found = torch.empty(len(place))
    found[place] = state.detach().float().cpu()
    return found


def _name(layer: Bijection) -> str:
    inner = layer.layer if isinstance(layer, First) else layer
    inner = inner.layer if isinstance(inner, EachPosition) else inner
    return _NAMES.get(type(inner).__name__, type(inner).__name__)


#: What layers are called where their class has another name.
_NAMES = {
    "ActNorm": "activation normalization",
    "InvertibleLinear": "1 × 1 convolution",
    "ImageCoupling": "coupling",
    "Squeeze": "squeeze",
    "Logit": "logit",
    "Standardization": "standardization",
    "Coupling": "coupling",
    "Autoregressive": "autoregression",
}
