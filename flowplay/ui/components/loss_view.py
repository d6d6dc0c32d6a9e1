"""A live chart of the loss: one SVG, updated in place under a readout that stays.

`st.echarts_chart` replaces all options at each update, and its tooltip with them.
"""

from __future__ import annotations

import math
from typing import Any, Final

from flowplay.figures.colors import BLUE, GRID, ORANGE
from flowplay.figures.loss import HELD_OUT, TRAIN, Curve, floor_label, loss_range, loss_table
from flowplay.ticks import Tick, axis_ticks
from flowplay.ui.components.registration import register, to_base64

#: Each axis is cut into at most this many intervals.
_INTERVALS: Final = 4

_HTML: Final = f"""
<figure style="--orange: {ORANGE}; --blue: {BLUE}; --grid: {GRID}">
  <div class="legend" aria-hidden="true">
    <span class="unit">nats</span>
    <span class="train">{TRAIN}</span>
    <span class="held-out">{HELD_OUT}</span>
  </div>
  <div class="y ticks" aria-hidden="true"></div>
  <div class="plot" role="img" tabindex="0" aria-describedby="hint">
    <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
      <path class="grid"></path>
      <path class="floor"></path>
      <path class="hair"></path>
      <path class="train"></path>
      <path class="held-out"></path>
      <path class="train dot"></path>
      <path class="held-out dot"></path>
    </svg>
    <span class="label" aria-hidden="true"></span>
    <dl class="readout" aria-hidden="true" hidden>
      <dt>step</dt><dd></dd>
      <dt>train</dt><dd></dd>
      <dt>held-out</dt><dd></dd>
    </dl>
  </div>
  <div class="x ticks" aria-hidden="true"></div>
  <figcaption aria-hidden="true">optimizer step</figcaption>
  <span class="unseen" id="hint">Left and right arrow keys read the loss.</span>
  <span class="unseen spoken" aria-live="polite"></span>
</figure>
"""


def loss_view(
    train: Curve,
    held_out: Curve,
    *,
    entropy: float | None,
    alt: str,
    key: str,
    height: int = 300,
) -> None:
    """Show a run's loss live; a call with the same `key` updates the chart in place.

    Rows that hold no finite number are left out. The step of the last row appears as `data-step`.

    Args:
        train: [n, 2] rows of (step, mean train NLL since the row before), in nats.
        held_out: [m, 2] rows of (step, held-out NLL), in nats.
        entropy: the target's entropy in nats, drawn as the floor; None if unknown.
        alt: what the chart shows, for those who do not see it.
        key: names the element across reruns, unique on the page.
        height: pixels, legend and axes included.
    """
    if entropy is not None and not math.isfinite(entropy):
        entropy = None
    _COMPONENT(key=key, data={**_chart(train, held_out, entropy), "alt": alt, "height": height})


def _chart(train: Curve, held_out: Curve, entropy: float | None) -> dict[str, Any]:
    table = loss_table(train, held_out)
    low, high = loss_range(train, held_out, entropy)
    last = max(1.0, float(table["step"].max())) if len(table) else 1.0
    steps = [tick for tick in axis_ticks(0.0, last, _INTERVALS) if "." not in tick[1]]
    return {
        "rows": to_base64(table[["step", TRAIN, HELD_OUT]].to_numpy().T.astype("<f4")),
        "bounds": [0.0, last, low, high],
        "ticks": {"x": steps, "y": _aligned(axis_ticks(low, high, _INTERVALS))},
        "floor": entropy,
        "label": "" if entropy is None else floor_label(entropy),
    }


def _aligned(ticks: list[Tick]) -> list[Tick]:
    """Give all labels the same number of decimals, so that they stand digit below digit."""
    decimals = max((len(label.partition(".")[2]) for _, label in ticks), default=0)
    return [(at, _padded(label, decimals)) for at, label in ticks]


def _padded(label: str, decimals: int) -> str:
    whole, _, fraction = label.partition(".")
    return f"{whole}.{fraction:0<{decimals}}" if decimals else whole


_COMPONENT: Final = register("loss_view", _HTML)
