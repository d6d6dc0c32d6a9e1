"""Keeps the heatmap of an animated Plotly chart in sight, from one frame to the next."""

from __future__ import annotations

from typing import Final

from flowplay.ui.components.registration import register

_HTML: Final = """<figure data-part=".st-key-layers"></figure>"""


def heatmap_keeper(key: str) -> None:
    """Watch the chart of the walk, as long as this is on the page.

    Args:
        key: names the element across reruns, unique on the page.
    """
    _COMPONENT(key=key, height="content")


_COMPONENT: Final = register("heatmap_keeper", _HTML)
