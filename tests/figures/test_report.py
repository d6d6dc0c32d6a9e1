"""The report is one safe file that loads nothing."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from numpy.typing import NDArray
from plotly.offline import get_plotlyjs

from flowplay.figures.density import density_figure
from flowplay.figures.layers import layers_figure
from flowplay.figures.report import ReportFigure, html_report
from flowplay.wire import LayerFrames

EVIL = "</script><script>alert('x')</script>"
BOUNDS = (-2.5, 2.5, -2.0, 3.0)


@pytest.fixture
def own_part(density: NDArray[np.float32], frames: LayerFrames) -> str:
    """The report of evil inputs, without the library in it."""
    evil = density_figure(density, BOUNDS).update_layout(title=EVIL)
    figures = [ReportFigure(evil, EVIL, EVIL), ReportFigure(layers_figure(frames), "b", "c")]
    page = html_report(EVIL, [(EVIL, EVIL)], [("NLL", EVIL)], figures)
    library = get_plotlyjs()
    assert page.count(library) == 1
    return page.replace(library, "")


def test_inputs_are_escaped(own_part: str) -> None:
    assert "<script>alert" not in own_part
    assert own_part.count("</script>") == 3
    assert own_part.count("&lt;/script&gt;&lt;script&gt;") == 7


def test_nothing_is_loaded(own_part: str) -> None:
    assert not re.findall(r"""(?:src|href|url|@import)\s*[=(]?\s*["']?(?:https?:)?//""", own_part)
    assert "default-src 'none'" in own_part


def test_figures_are_whole(own_part: str, frames: LayerFrames) -> None:
    match = re.search(r'<script type="application/json" id="figures">(.*?)</script>', own_part)
    assert match
    evil, walk = json.loads(match[1])
    assert evil["layout"]["title"]["text"] == EVIL
    assert len(walk["frames"]) == len(frames.states)


def test_figures_have_alternative_text_and_captions(own_part: str) -> None:
    assert 'id="figure-1" role="img" aria-label="c"' in own_part
    assert "<figcaption>b</figcaption>" in own_part
