"""A live chart of the loss: one SVG, updated in place under a readout that stays.

`st.echarts_chart` replaces all options at each update, and its tooltip with them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from flowplay.figures.colors import BLUE, GRID, ORANGE
from flowplay.figures.loss import (
    curves_of_one_unit,
    floor_label,
    loss_range,
    loss_rows,
)
from flowplay.ticks import Tick, axis_ticks, count_ticks
from flowplay.ui.components.registration import register, to_base64
from flowplay.wire import Curve

#: Each axis is cut into at most this many intervals.
_INTERVALS: Final = 4

HTML: Final = f"""
<figure style="--orange: {ORANGE}; --blue: {BLUE}; --grid: {GRID}">
  <div class="legend" aria-hidden="true">
    <span class="unit"></span>
    <span class="train"></span>
    <span class="held-out"></span>
  </div>
  <div class="y ticks" aria-hidden="true"></div>
  <div class="plot" role="img" tabindex="0" aria-describedby="hint">
    <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
      <path class="grid"></path>
      <path class="reference"></path>
      <path class="floor"></path>
      <path class="hair"></path>
      <path class="train"></path>
      <path class="held-out"></path>
      <path class="train dot"></path>
      <path class="held-out dot"></path>
    </svg>
    <div class="references" aria-hidden="true"></div>
    <span class="label" aria-hidden="true"></span>
    <dl class="readout" aria-hidden="true" hidden>
      <dt>step</dt><dd class="step"></dd>
      <dt class="train">train</dt><dd class="train"></dd>
      <dt class="held-out">held-out</dt><dd class="held-out"></dd>
    </dl>
  </div>
  <div class="x ticks" aria-hidden="true"></div>
  <figcaption aria-hidden="true">optimizer step</figcaption>
  <span class="unseen" id="hint">Left and right arrow keys read the loss.</span>
  <span class="unseen spoken" aria-live="polite"></span>
</figure>
"""


#: The rows that the browser draws, in this order.
_ROWS: Final = ("train", "held_out")


def loss_view(
    curves: Mapping[str, Curve],
    *,
    entropy: float | None,
    alt: str,
    key: str,
    height: int = 300,
    floor: str = "entropy floor",
    rising: bool = False,
    names: tuple[str, str] = ("train", "held-out"),
    references: Mapping[str, float] | None = None,
    numbered: bool = True,
) -> None:
    """Show a run's loss live; a call with the same `key` updates the chart in place.

    Rows that hold no finite number are left out. The step of the last row appears as `data-step`.

    Args:
        curves: of a snapshot, by name; those that one axis can show are drawn.
        entropy: the floor in nats; None if unknown.
        alt: what the chart shows, for screen readers.
        key: names the element across reruns, unique on the page.
        height: pixels, legend and axes included.
        floor: what the floor is called.
        rising: the curves rise, towards a ceiling in place of a floor.
        names: what the two curves are called where numbers are read.
        references: values to compare with, by their label, as lines.
        numbered: whether the floor's value stands beside what it is called.
    """
    _COMPONENT(
        key=key,
        data=loss_frame(
            curves,
            entropy=entropy,
            alt=alt,
            height=height,
            floor=floor,
            rising=rising,
            names=names,
            references=references,
            numbered=numbered,
        ),
    )


def loss_frame(
    curves: Mapping[str, Curve],
    *,
    entropy: float | None,
    alt: str,
    height: int = 300,
    floor: str = "entropy floor",
    rising: bool = False,
    names: tuple[str, str] = ("train", "held-out"),
    references: Mapping[str, float] | None = None,
    numbered: bool = True,
) -> dict[str, Any]:
    """Return what the browser gets to draw; see `loss_view`."""
    if entropy is not None and not math.isfinite(entropy):
        entropy = None
    shown = curves_of_one_unit(curves)
    named = {} if numbered or entropy is None else {"label": floor}
    return {
        **_chart(shown, entropy, floor, dict(references or {}), rising=rising),
        **named,
        "short": names,
        "alt": alt,
        "height": height,
    }


def _chart(
    curves: Mapping[str, Curve],
    entropy: float | None,
    floor: str,
    references: dict[str, float],
    *,
    rising: bool,
) -> dict[str, Any]:
    at, values = loss_rows(curves)
    nothing = np.full(len(at), np.nan)
    rows = np.stack([at, *(values.get(name, nothing) for name in _ROWS)])
    low, high = loss_range(curves, entropy, rising=rising)
    if references:
        highest, lowest = max(references.values()), min(references.values())
        low, high = min(low, lowest - 0.1), max(min(high, highest + 1.0), highest + 0.2)
    last = max(1.0, float(at[-1])) if len(at) else 1.0
    return {
        "rows": to_base64(rows.astype("<f4")),
        "bounds": [0.0, last, low, high],
        "ticks": {
            "x": count_ticks(last, _INTERVALS),
            "y": _aligned(axis_ticks(low, high, _INTERVALS)),
        },
        "floor": entropy,
        "label": "" if entropy is None else floor_label(entropy, floor),
        "references": list(references.items()),
        "unit": next((curve.unit for curve in curves.values()), ""),
        "names": [curves[name].label if name in curves else "" for name in _ROWS],
    }


def _aligned(ticks: list[Tick]) -> list[Tick]:
    """Give all labels the same number of decimals, so that they stand digit below digit."""
    if any("×" in label for _, label in ticks):
        return ticks
    decimals = max((len(label.partition(".")[2]) for _, label in ticks), default=0)
    return [(at, _padded(label, decimals)) for at, label in ticks]


def _padded(label: str, decimals: int) -> str:
    whole, _, fraction = label.partition(".")
    return f"{whole}.{fraction:0<{decimals}}" if decimals else whole


_COMPONENT: Final = register("loss_view", HTML)
