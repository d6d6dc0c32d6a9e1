"""A point's ledger: a table linked to the picture, which shows its path and its layer."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from flowplay.numbers import fixed, number
from flowplay.ui.components.registration import register
from flowplay.wire import Ledger

#: Columns behind the layer's name: their heads and their tooltips.
_COLUMNS: Final = (
    ("layer", "From the data back to the base."),
    ("z₁", "First coordinate of the point there."),
    ("z₂", "Second coordinate."),
    ("log|det|", "What undoing this layer adds to the log-density, in nats."),
    ("sum", "Sum of log|det| so far, in nats."),
    (
        "σ max",
        "Larger singular value of the layer's Jacobian: its largest stretch.",
    ),
    ("σ min", "Smaller singular value."),
    ("σ max/min", "Condition number: how unequally the layer stretches a small circle."),
)

_HTML: Final = f"""
<figure>
  <div class="scroll" tabindex="0" role="region" aria-label="Ledger of the point">
    <table>
      <caption></caption>
      <thead><tr>{
    "".join(f'<th scope="col" title="{tip}">{head}</th>' for head, tip in _COLUMNS)
}</tr></thead>
      <tbody></tbody>
    </table>
  </div>
  <dl>
    <dt>log-density of z in the base</dt><dd class="base"></dd>
    <dt>+ sum of log|det|</dt><dd class="sum"></dd>
    <dt class="last">= log p(x), in nats</dt><dd class="last total"></dd>
    <dt>log_prob(x) of the flow</dt><dd class="log_prob"></dd>
  </dl>
  <section class="worked" aria-label="A log-det by hand">
    <h4></h4>
    <div class="matrix">
      <span class="name"></span>
      <span class="entries"><i></i><i></i><i></i><i></i></span>
    </div>
    <p class="det"></p>
    <p class="log"></p>
    <p class="sign"></p>
  </section>
</figure>
"""


def ledger_view(ledger: Ledger, *, key: str) -> None:
    """Show a ledger, and draw its path into the `inside_view` of the same training state.

    Args:
        ledger: of one point.
        key: names the element across reruns, unique on the page.
    """
    x, y = ledger.states[-1]
    _COMPONENT(
        key=key,
        data={
            "token": ledger.token,
            "states": ledger.states.tolist(),
            "jacobians": ledger.jacobians.tolist(),
            "rows": ledger_rows(ledger),
            "worked": [worked_log_det(ledger, k) for k in range(1, len(ledger.names) + 1)],
            "sums": [
                _number(v)
                for v in (
                    ledger.base_log_prob,
                    float(ledger.log_dets.sum()),
                    ledger.total,
                    ledger.log_prob,
                )
            ],
            "alt": f"x = ({_number(x)}, {_number(y)}) on its way back to the base.",
        },
    )


def ledger_rows(ledger: Ledger) -> list[dict[str, object]]:
    """Return the table's rows, from x to z_0, as text.

    Example:
        >>> import numpy as np
        >>> one = np.eye(2)[None]
        >>> ledger = Ledger("", 0, ["scaling"], -1.8, -1.8, np.zeros((2, 2)), np.zeros(1), one,
        ...                 np.ones((1, 2)))
        >>> [row["cells"][0] for row in ledger_rows(ledger)]
        ['x', '1 scaling → z₀']
    """
    last = len(ledger.names)
    rows: list[dict[str, object]] = []
    sums = ledger.running_sums
    for k in range(last, -1, -1):
        place = [_number(v) for v in ledger.states[k]]
        if k == last:
            rows.append({"k": k, "cells": ["x", *place, "", "", "", "", ""]})
            continue
        large, small = ledger.singular_values[k]
        name = f"{k + 1} {ledger.names[k]} → z{_subscript(k)}"
        numbers = [_number(ledger.log_dets[k]), _number(sums[k]), _short(large), _short(small)]
        condition = _short(large / small) if small > 0 else "∞"
        rows.append({"k": k, "cells": [name, *place, *numbers, condition]})
    return rows


def worked_log_det(ledger: Ledger, k: int) -> dict[str, object]:
    """Return how the log-det of layer k follows from its Jacobian at the point, as text.

    Args:
        ledger: of one point.
        k: 1 … K.

    Example:
        >>> import numpy as np
        >>> one = np.array([[[2.0, 1.0], [0.5, 1.0]]])
        >>> ledger = Ledger("", 0, ["shear"], -1.8, -1.8, np.zeros((2, 2)), -np.log([1.5]), one,
        ...                 np.ones((1, 2)))
        >>> worked = worked_log_det(ledger, 1)
        >>> worked["det"]
        'det J = 2.0000 · 1.0000 − 1.0000 · 0.5000 = 1.5000'
        >>> worked["log"]
        'log|det J| = log 1.5000 = 0.4055 nats, from z₀ to x'
    """
    (a, b), (c, d) = jacobian = ledger.jacobians[k - 1]
    det = a * d - b * c
    log_det = float(np.log(abs(det))) if det else -np.inf
    before = f"z{_subscript(k - 1)}"
    after = "x" if k == len(ledger.names) else f"z{_subscript(k)}"
    there = f"from {before} to {after}"
    row = ledger.log_dets[k - 1]
    return {
        "title": f"The log-det of layer {k} by hand ({ledger.names[k - 1]})",
        "name": f"J = ∂{after}/∂{before} =",
        "entries": [_digits(v) for v in jacobian.flatten()],
        "det": f"det J = {_digits(a)} · {_factor(d)} − {_factor(b)} · {_factor(c)} "
        f"= {_digits(det)}",
        "log": f"log|det J| = log {_digits(abs(det))} = {_number(log_det)} nats, {there}",
        "sign": f"From {after} to {before} the sign turns: {_number(row)}. This is log|det| in "
        f"row {k} of the table.",
    }


def _subscript(k: int) -> str:
    return str(k).translate(_SUBSCRIPTS)


def _factor(value: float) -> str:
    """Write a factor; a negative one in brackets."""
    return f"({_digits(value)})" if value < 0 else _digits(value)


_SUBSCRIPTS: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def _number(value: float) -> str:
    return fixed(value, 4)


def _digits(value: float) -> str:
    """Write a number as `_number` does, a small one with as many decimals as four digits need."""
    size = abs(value)
    if size >= 0.1 or size < 1e-9:
        return _number(value)
    return f"{value:.{3 - math.floor(math.log10(size))}f}".replace("-", "−")


def _short(value: float) -> str:
    return number(value, 3)


_COMPONENT: Final = register("ledger_view", _HTML)
