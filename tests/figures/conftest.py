"""A walk through a made-up flow, and loss curves, for the figures to draw."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from flowplay.snapshot import LayerFrames

BOUNDS = [-2.5, 2.5, -2.0, 3.0]


@pytest.fixture
def density() -> NDArray[np.float32]:
    y, x = np.mgrid[-2:2:16j, -2:2:16j]
    p: NDArray[np.float64] = np.exp(-(x**2 + y**2) / 2) / (2 * np.pi)
    return p.astype(np.float32)


@pytest.fixture
def frames(density: NDArray[np.float32]) -> LayerFrames:
    rng = np.random.default_rng(0)
    return LayerFrames(
        step=10,
        bounds=BOUNDS,
        labels=["base", "coupling 1", "coupling 2", "data"],
        densities=np.stack([density, 9 * density, 5 * density, 2 * density]),
        points=rng.normal(size=(4, 50, 2)).astype(np.float32),
        log_dets=np.stack([np.full(50, v, np.float32) for v in (-0.5, 0.25, 1.0)]),
    )


@pytest.fixture
def train_curve() -> NDArray[np.float32]:
    steps = np.arange(0, 400, 10)
    return np.stack([steps, 1.0 + 900 * np.exp(-steps / 15)], axis=1).astype(np.float32)


@pytest.fixture
def held_out_curve() -> NDArray[np.float32]:
    steps = np.arange(0, 400, 25)
    return np.stack([steps, 1.1 + 900 * np.exp(-steps / 15)], axis=1).astype(np.float32)
