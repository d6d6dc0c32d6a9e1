"""The linked pictures of one change of variables on the line, with its sliders and its knots.

Base, map and density share their axes. A cursor moves through rows that Python computed, so that
every number it shows is exact. What a visitor sets goes to Python, which sends a new picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from flowplay.figures.colors import BLUE, GRID, ORANGE
from flowplay.numbers import fixed, number
from flowplay.onedim import Knots, Parameter, PushForward, Values
from flowplay.onedim.picture import LinePicture, histogram
from flowplay.onedim.scales import Scales
from flowplay.onedim.spline import GAP, REACH
from flowplay.ticks import axis_ticks
from flowplay.ui.components.dials import dials
from flowplay.ui.components.registration import register, to_base64

#: Height of the panel as a multiple of the largest density.
_HEADROOM: Final = 1.1

#: Both densities share one scale unless one is so many times as high as the other.
_ONE_SCALE: Final = 4.0

_HTML: Final = f"""
<figure style="--orange: {ORANGE}; --blue: {BLUE}; --grid: {GRID}">
  <div class="dials"></div>
  <p class="refusal" role="status"></p>
  <div class="linked">
    <div class="y ticks" aria-hidden="true"></div>
    <div class="plot map" role="img" tabindex="0" aria-describedby="hint">
      <svg class="map" viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
        <path class="cuts"></path><path class="held"></path>
        <path class="hair"></path><path class="curve"></path><path class="tangent"></path>
        <path class="dot"></path>
      </svg>
      <span class="name" aria-hidden="true">x = f(z), and its tangent</span>
      <div class="knots"></div>
    </div>
    <div class="plot px" role="img">
      <svg class="px" viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
        <path class="slice0"></path><path class="slice1"></path><path class="held"></path>
        <path class="hair"></path><path class="curve"></path><path class="dot"></path>
      </svg>
      <span class="name" aria-hidden="true">p<sub>x</sub></span>
    </div>
    <div class="plot pz" role="img">
      <svg class="pz" viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
        <path class="slice0"></path><path class="slice1"></path><path class="held"></path>
        <path class="hair"></path><path class="curve"></path><path class="dot"></path>
      </svg>
      <span class="name" aria-hidden="true">p<sub>z</sub></span>
    </div>
    <div class="x z ticks" aria-hidden="true"></div>
    <div class="corner">Each slice holds 1/12 of the probability.</div>
  </div>
  <div class="outcome">
    <div class="legend">
      <span class="exact"><i>p<sub>x</sub>(x)</i>, with the slope: integral <b></b></span>
      <span class="naive"><i>p<sub>z</sub>(f<sup>−1</sup>(x))</i>, without the slope:
        integral <b></b></span>
      <span class="samples">4,000 samples of <i>x = f(z)</i></span>
    </div>
    <div class="plot result" role="img" tabindex="0" aria-describedby="hint">
      <svg class="result" viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
        <path class="bars"></path><path class="hair"></path><path class="naive"></path>
        <path class="exact"></path><path class="spike"></path><path class="dot"></path>
      </svg>
      <span class="above" aria-hidden="true"></span>
    </div>
    <div class="x result ticks" aria-hidden="true"></div>
    <div class="ruler">
      <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
        <g class="between"><path class="slice0"></path><path class="slice1"></path>
          <path class="held"></path></g>
        <g class="above"><path class="slice0"></path><path class="slice1"></path>
          <path class="held"></path></g>
        <g class="below"><path class="slice0"></path><path class="slice1"></path>
          <path class="held"></path></g>
      </svg>
    </div>
    <p class="note">The same slices on one ruler: z above, x below. Where a slice gets wider, its
      density falls; where it gets narrower, it rises.</p>
  </div>
  <div class="numbers">
    <dl>
      <div><dt>z</dt><dd data-value="z"></dd></div>
      <div><dt>f(z)</dt><dd data-value="x"></dd></div>
      <div><dt>f′(z)</dt><dd data-value="slope"></dd></div>
      <div><dt>log|f′(z)|</dt><dd data-value="log"></dd></div>
      <div class="blue"><dt>p<sub>z</sub>(z)</dt><dd><b data-value="pz"></b></dd></div>
      <div class="orange"><dt>p<sub>x</sub>(x)</dt><dd><b data-value="px"></b></dd></div>
    </dl>
    <p class="formula">
      <span class="line"><i>p<sub>x</sub>(x) = p<sub>z</sub>(z) / |f′(z)|</i> =
        <span class="blue"><b data-value="pz"></b></span> / <span data-value="size"></span> =
        <span class="orange"><b data-value="px"></b></span></span>
      <span class="line"><i>log p<sub>x</sub>(x) = log p<sub>z</sub>(z) − log|f′(z)|</i> =
        <span data-value="logpz"></span> − <span data-value="minus"></span> =
        <span data-value="logpx"></span> nats</span>
    </p>
  </div>
  <span class="unseen" id="hint">Left and right arrow keys move the cursor.</span>
  <span class="unseen spoken" aria-live="polite"></span>
</figure>
"""


def change_view(
    law: PushForward,
    picture: LinePicture,
    scales: Scales,
    *,
    map_name: str,
    parameters: Sequence[Parameter],
    values: Values,
    knots: Knots | None,
    message: int,
    epoch: int,
    seed: int,
    refusal: str,
    is_current: bool,
    point: float | None,
    alt: str,
    key: str,
    on_sent: Callable[[], None],
) -> None:
    """Show one map's change of variables; a call with the same `key` updates it in place.

    Args:
        law: a base and one map.
        picture: its tables.
        scales: what the axes show.
        map_name: what messages from the browser name; those of another map are ignored.
        parameters: of the map, shown as sliders.
        values: of the sliders.
        knots: of a spline, to be dragged; None for other maps.
        message: number of the last one seen.
        epoch: of the values; the browser forgets what it set in an earlier one.
        seed: fixes the samples.
        refusal: a sentence about what was refused last.
        is_current: whether the law is of these values; if not, it is greyed out.
        point: the only value of x, where the map sends all z to one; else None.
        alt: what the pictures show, for screen readers.
        key: names the element across reruns, unique on the page.
        on_sent: called when the browser has sent a message.
    """
    x_window, z_window = scales.x, scales.z
    tops = [_HEADROOM * top for top in scales.tallest]
    one_scale = max(tops) <= _ONE_SCALE * min(tops)
    sign = 1 if law.increasing else -1
    strip = (
        min(float(picture.z[0]), x_window[0]),
        max(float(picture.z[-1]), x_window[1]),
    )
    rows = np.stack(
        [
            picture.z,
            picture.states[-1],
            sign * np.exp(picture.slopes[0]),
            np.exp(picture.log_p[0]),
            np.exp(picture.log_p[-1]),
        ]
    )
    result_top = max(tops)
    highest = float(rows[4].max())
    _COMPONENT(
        key=key,
        data={
            "number": message,
            "epoch": epoch,
            "map": map_name,
            "dials": dials(parameters, values),
            "knots": knots,
            "limits": [REACH, GAP],
            "rows": to_base64(rows.astype("<f4")),
            "edges": picture.edges.tolist(),
            "bars": to_base64(histogram(law, x_window, seed).astype("<f4")),
            "windows": {
                "z": z_window,
                "x": x_window,
                "pz": result_top if one_scale else tops[0],
                "px": result_top if one_scale else tops[1],
                "result": result_top,
                "strip": strip,
            },
            "ticks": {
                "z": axis_ticks(*z_window, 6),
                "y": axis_ticks(*x_window, 6),
                "result": axis_ticks(*x_window, 6),
            },
            "above": f"↑ up to {number(highest)}" if highest > result_top else "",
            "exact": fixed(law.integral(), 4) if is_current else "—",
            "naive": fixed(law.integral(naive=True), 4) if is_current else "—",
            "refusal": refusal,
            "isCurrent": is_current,
            "point": point,
            "alt": alt,
        },
        on_sent_change=on_sent,
    )


_COMPONENT: Final = register("change_view", _HTML, parts=("dials",))
