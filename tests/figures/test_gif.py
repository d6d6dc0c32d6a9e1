"""The animation as a GIF: it moves, it is bounded, and its colours are the page's."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from flowplay.figures.colors import PALETTE
from flowplay.figures.gif import MOST_PICTURES, SIDE, layers_gif
from flowplay.inside import InsideFrames


def frames(count: int) -> bytes:
    rng = np.random.default_rng(0)
    line = np.linspace(0, 2**14, 25)
    lattice = np.stack(np.meshgrid(line, line), -1)
    return InsideFrames(
        token="t",
        step=1,
        window=[-5.0, 5.0, -5.0, 5.0],
        near=3.5,
        boxes=[[-3.0, 3.0, -3.0, 3.0 + k / count] for k in range(count)],
        layers=count - 1,
        states=list(range(count)),
        names=["base", *["layer"] * (count - 1)],
        times=[None] * count,
        ticks={},
        density_scale=1.0,
        layer_limit=1.0,
        total_limit=1.0,
        mass=[1.0] * count,
        round_trip=0.0,
        unsolved=0,
        base_reach=3.0,
        density=rng.integers(0, 255, (count, 16, 16), np.uint8),
        layer_area=np.zeros((count, 16, 16), np.int8),
        total_area=np.zeros((count, 16, 16), np.int8),
        samples=rng.integers(0, 2**14, (count, 50, 2)).astype(np.int16),
        data=np.zeros((count, 50, 2), np.int16),
        lattice=np.repeat(lattice[None], count, 0).astype(np.int16),
        lattice_area=np.zeros((count, 25, 25), np.int8),
        cell_area=np.zeros((count, 24, 24), np.int8),
        round_trip_map=np.zeros((4, 4), np.uint8),
    ).to_bytes()


@pytest.mark.parametrize("count", [1, 3, 34])
def test_it_opens_and_is_bounded(count: int) -> None:
    image = Image.open(io.BytesIO(layers_gif(frames(count))))
    pictures = getattr(image, "n_frames", 1)
    assert image.size == (SIDE, SIDE)
    assert count <= pictures <= MOST_PICTURES + 1
    corner = image.convert("RGB").getpixel((SIDE - 3, SIDE - 3))
    assert corner == tuple(PALETTE[0].tolist())


def test_the_program_draws_the_same() -> None:
    data = frames(3)
    drawn = subprocess.run(
        [sys.executable, "-m", "flowplay.figures.gif"], input=data, capture_output=True, check=True
    )
    assert drawn.stdout == layers_gif(data)
