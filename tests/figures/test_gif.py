"""The animation as a GIF: it moves, it is bounded, and its colours are the page's."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable

import pytest
from PIL import Image

from flowplay.figures.colors import PALETTE
from flowplay.figures.gif import MOST_PICTURES, SIDE, layers_gif
from flowplay.wire import LayerFrames

Frames = Callable[..., LayerFrames]


@pytest.mark.parametrize("count", [1, 3, 34])
def test_it_opens_and_is_bounded(count: int, frames_of: Frames) -> None:
    image = Image.open(io.BytesIO(layers_gif(frames_of(count).to_bytes())))
    pictures = getattr(image, "n_frames", 1)
    assert image.size == (SIDE, SIDE)
    assert count <= pictures <= MOST_PICTURES + 1
    corner = image.convert("RGB").getpixel((SIDE - 3, SIDE - 3))
    assert corner == tuple(PALETTE[0].tolist())


def test_the_program_draws_the_same(frames: LayerFrames) -> None:
    data = frames.to_bytes()
    drawn = subprocess.run(
        [sys.executable, "-m", "flowplay.figures.gif"], input=data, capture_output=True, check=True
    )
    assert drawn.stdout == layers_gif(data)
