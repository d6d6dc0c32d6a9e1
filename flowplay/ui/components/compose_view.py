"""A stack of maps of the line that can be edited, with the density after each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from flowplay.figures.colors import BLUE, GRID, ORANGE
from flowplay.onedim import KINDS, MOST_MAPS, SPLINE, PushForward, Step
from flowplay.onedim.picture import LinePicture
from flowplay.ticks import axis_ticks
from flowplay.ui.components.dials import dials
from flowplay.ui.components.registration import register, to_base64

#: Height of a panel as a multiple of the largest density.
_HEADROOM: Final = 1.12

_HTML: Final = f"""
<figure style="--orange: {ORANGE}; --blue: {BLUE}; --grid: {GRID}">
  <p class="refusal" role="status"></p>
  <ol class="steps"></ol>
  <div class="foot">
    <button type="button" class="add" title="Add a map after the last one.">Add a map</button>
    <p class="formula">
      <span class="line"><i>Σ log|f′<sub>k</sub>|</i> = <span class="sum"></span></span>
      <span class="line"><i>log|f′|</i> of the composed map = <b class="once"></b></span>
      <span class="line"><i>log p<sub>x</sub>(x) = log p<sub>z</sub>(z) − Σ log|f′<sub>k</sub>|</i>
        = <span class="density"></span> nats</span>
    </p>
  </div>
  <span class="unseen" id="hint">Left and right arrow keys move the cursor.</span>
  <span class="unseen spoken" aria-live="polite"></span>
</figure>
"""


def compose_view(
    law: PushForward,
    picture: LinePicture,
    steps: Sequence[Step],
    *,
    number: int,
    refusal: str,
    alt: str,
    key: str,
    on_sent: Callable[[], None],
) -> None:
    """Show a stack of maps and the density after each; the same `key` updates it in place.

    Args:
        law: the base and the maps that are drawn.
        picture: its tables.
        steps: what the editor shows; as many as are drawn, unless they were refused.
        number: of the last message seen.
        refusal: a sentence about what was refused last.
        alt: what the pictures show, for screen readers.
        key: names the element across reruns, unique on the page.
        on_sent: called when the browser has sent a message.
    """
    once = law.one_shot_log_slope(picture.z)
    # Larger values would overflow, and the browser does not draw them.
    densities = np.exp(np.minimum(picture.log_p, 700.0))
    rows = np.concatenate(
        [picture.states, densities, picture.slopes, picture.log_p[[0, -1]], [once]]
    )
    _COMPONENT(
        key=key,
        data={
            "number": number,
            "base": law.base.label,
            "maps": [*([kind.name, kind.label] for kind in KINDS.values()), [SPLINE, "Spline"]],
            "most": MOST_MAPS,
            "steps": [
                {
                    "map": step.name,
                    "dials": dials(KINDS[step.name].parameters, step.values)
                    if step.name in KINDS
                    else [],
                }
                for step in steps
            ],
            "drawn": len(law.maps),
            # 64 bits: the sum and the whole are compared to the sixth decimal.
            "rows": to_base64(rows.astype("<f8")),
            "edges": picture.edges.tolist(),
            "windows": picture.windows,
            "tops": [_HEADROOM * top for top in picture.tallest],
            "ticks": [axis_ticks(*window, 5) for window in picture.windows],
            "refusal": refusal,
            "alt": alt,
        },
        on_sent_change=on_sent,
    )


_COMPONENT: Final = register("compose_view", _HTML, parts=("dials",))
