"""What is looked at inside a run: a state of it or earlier weights, and the point followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from flowplay.codes import window_points
from flowplay.ui.components.inside_view import FARTHEST, Pick
from flowplay.wire import LayerFrames

_POINT = "_point"
_FIRST_POINT = "_first_point"

#: Share of the highest density code from which on the density counts as high.
DENSE = 0.5

WORKER = "flowplay.training.worker"


@dataclass(frozen=True)
class Look:
    """A state of a run, or earlier weights of it, and how finely they are drawn.

    Attributes:
        run_id: of the run.
        step: of the run's state.
        rewound: the earlier step that is looked at, None for the state itself.
        fine: whether it is drawn as finely as can be.
        state: bytes of the run's state.
        earlier: bytes of the earlier weights, None for its own.
    """

    run_id: str
    step: int
    rewound: int | None
    fine: bool
    state: bytes
    earlier: bytes | None

    @property
    def key(self) -> tuple[object, ...]:
        """What tells this look from others."""
        # Not the step: the temperature of the samples may change without a step.
        return (self.run_id, hash(self.state), self.rewound, self.fine)

    @property
    def frames(self) -> tuple[str, bytes, bytes | None, bool]:
        """What a worker is asked for to draw its layers."""
        return (f"{WORKER}:layer_frames", self.state, self.earlier, self.fine)


def chosen_point() -> Pick | None:
    """Return the point that the visitor has chosen, if any."""
    point: Pick | None = st.session_state.get(_POINT)
    return point


def choose_point(point: Pick) -> None:
    """Follow another point."""
    st.session_state[_POINT] = point


def first_point(look: Look, frames: LayerFrames) -> Pick:
    """Return the point that is followed until the visitor chooses one: the densest sample.

    It stays for as long as it lies where the density is high, and while earlier weights of the run
    are looked at.
    """
    held: tuple[str, Pick] | None = st.session_state.get(_FIRST_POINT)
    if held is not None and held[0] == look.run_id:
        place = np.array([[held[1].x, held[1].y]])
        if look.rewound is not None or _codes(frames, place)[0] >= DENSE * frames.density[-1].max():
            return held[1]
    point = densest_sample(frames)
    st.session_state[_FIRST_POINT] = (look.run_id, point)
    return point


def densest_sample(frames: LayerFrames) -> Pick:
    """Return the sample of the last frame whose cell has the highest density."""
    samples = window_points(frames.samples[-1], frames.window)
    x, y = samples[np.argmax(_codes(frames, samples))]
    return Pick(frames.layers, float(x), float(y))


def _codes(frames: LayerFrames, points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the density codes [n] of the last frame at points [n, 2]; -1 outside of its cells."""
    left, right, bottom, top = frames.boxes[-1]
    codes = frames.density[-1]
    share = (points - (left, bottom)) / (right - left, top - bottom)
    near = (share >= 0) & (share < 1) & (np.abs(points) <= FARTHEST)
    inside: NDArray[np.bool_] = np.all(near, axis=1)
    column, row = (len(codes) * np.where(inside[:, None], share, 0)).astype(int).T
    found: NDArray[np.int64] = np.where(inside, codes[row, column].astype(int), -1)
    return found
