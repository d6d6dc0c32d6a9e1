"""Frames of a made-up flow, and loss curves, for the figures to draw."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from flowplay.wire import Curve, LayerFrames

Curves = dict[str, Curve]


def make_frames(count: int, *, states: list[int] | None = None) -> LayerFrames:
    """Return frames of random densities and points, of as many states as given."""
    rng = np.random.default_rng(0)
    states = list(range(count)) if states is None else states
    line = np.linspace(0, 2**14, 25)
    lattice = np.stack(np.meshgrid(line, line), -1)
    return LayerFrames(
        token="t",
        step=1,
        window=[-5.0, 5.0, -5.0, 5.0],
        near=3.5,
        boxes=[[-3.0, 3.0, -3.0, 3.0 + k / count] for k in range(count)],
        layers=states[-1],
        states=states,
        names=["base", *["layer"] * (count - 1)],
        times=[None] * count,
        ticks={},
        density_scale=1.0,
        layer_limit=1.0,
        total_limit=1.0,
        mean_log_dets=[0.0, *(-0.5 + 0.75 * k for k in range(count - 1))],
        mass=[1.0] * count,
        round_trip=0.0,
        unsolved=0,
        base=[[1.0, 0.0, 0.0, 1.0]],
        base_reach=3.0,
        density=rng.integers(0, 255, (count, 16, 16), np.uint8),
        layer_area=np.zeros((count, 16, 16), np.int8),
        total_area=np.zeros((count, 16, 16), np.int8),
        samples=rng.integers(2**12, 3 * 2**12, (count, 50, 2)).astype(np.int16),
        data=np.zeros((count, 50, 2), np.int16),
        lattice=np.repeat(lattice[None], count, 0).astype(np.int16),
        lattice_area=np.zeros((count, 25, 25), np.int8),
        cell_area=np.zeros((count, 24, 24), np.int8),
        round_trip_map=np.zeros((4, 4), np.uint8),
    )


@pytest.fixture
def frames_of() -> Callable[..., LayerFrames]:
    return make_frames


@pytest.fixture
def density() -> NDArray[np.float32]:
    y, x = np.mgrid[-2:2:16j, -2:2:16j]
    p: NDArray[np.float64] = np.exp(-(x**2 + y**2) / 2) / (2 * np.pi)
    return p.astype(np.float32)


@pytest.fixture
def frames() -> LayerFrames:
    return make_frames(4)


@pytest.fixture
def curves() -> Curves:
    train, held_out = np.arange(0, 400, 10), np.arange(0, 400, 25)
    return {
        "train": nats(np.stack([train, 1.0 + 900 * np.exp(-train / 15)], axis=1)),
        "held_out": nats(np.stack([held_out, 1.1 + 900 * np.exp(-held_out / 15)], axis=1)),
    }


def nats(rows: NDArray[np.floating]) -> Curve:
    return Curve("NLL", "nats", rows.astype(np.float32))
