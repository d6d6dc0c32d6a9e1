"""An image on its way to noise: state, log-det by place and running bits under one slider."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowplay.figures.colors import GRID, ORANGE
from flowplay.figures.tiles import colour_bar, signed
from flowplay.ticks import axis_ticks
from flowplay.ui.components.registration import register, to_base64
from flowplay.wire import WalkView

_HTML: Final = f"""
<figure style="--orange: {ORANGE}; --grid: {GRID}">
  <div class="controls">
    <button class="play" type="button" aria-label="Play">▶</button>
    <input class="at" type="range" min="0" step="1" aria-label="Layer">
    <output class="said" aria-live="polite"></output>
  </div>
  <div class="pictures">
    <div><p>State</p><canvas class="state" role="img" aria-label="State"></canvas>
      <div class="scale"><span class="low"></span><canvas class="bar"></canvas>
      <span class="high"></span></div></div>
    <div><p>Log-det of this layer, by pixel (nats)</p>
      <canvas class="map" role="img" aria-label="Log-det by pixel"></canvas>
      <div class="scale"><span class="low"></span><canvas class="bar"></canvas>
      <span class="high"></span></div></div>
    <div class="chart"><p>Running bits per dimension</p>
      <div class="plot"><svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
        <path class="grid"></path><path class="line"></path><path class="hair"></path>
      </svg><div class="y ticks" aria-hidden="true"></div></div></div>
  </div>
</figure>
"""

#: States are drawn from −3 to 3 standard deviations of the base.
REACH = 3.0

#: The chart's top: the logit's neighbourhood may take far more bits than the rest.
_HIGHEST = 8.0


def walk_view(walk: WalkView, *, key: str) -> None:
    """Show a walk; the browser steps through it by itself.

    Args:
        walk: what a worker found.
        key: names the element across reruns, unique on the page.
    """
    scales = np.abs(walk.maps).reshape(len(walk.maps), -1).max(1)
    low, high = min(walk.bits[1:]), min(max(walk.bits), _HIGHEST)
    low, high = min(0.0, low), max(high, low + 1)
    _COMPONENT(
        key=key,
        data={
            "shape": list(walk.states.shape[1:3]),
            "states": to_base64(_states(walk)),
            "maps": to_base64(
                np.stack([_map(m, s) for m, s in zip(walk.maps, scales, strict=True)])
            ),
            "bar": to_base64(colour_bar()),
            "reach": [f"{REACH:g}", *(f"{scale:.2g}" for scale in scales)],
            "names": ["image with noise", *walk.names],
            "log_dets": walk.log_dets,
            "bits": walk.bits,
            "bounds": [low, high],
            "ticks": axis_ticks(low, high, 4),
        },
    )


def _states(walk: WalkView) -> NDArray[np.uint8]:
    first = walk.states[:1] / (walk.brightest + 1)
    ink = np.rint(255 * (1 - np.clip(first, 0, 1))).astype(np.uint8)
    ink = np.repeat(ink, 3, -1) if walk.states.shape[-1] == 1 else 255 - ink
    # Of colours the mean of the channels is drawn.
    rest = signed(walk.states[1:].mean(-1), REACH)
    return np.concatenate([ink, rest])


def _map(values: NDArray[np.float32], scale: float) -> NDArray[np.uint8]:
    return signed(values, max(float(scale), 1e-6))


_COMPONENT: Final = register("walk_view", _HTML, parts=("pixels",))
