"""What is looked at inside a run: a state of it or earlier weights, and the point followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from flowplay.codes import POINT_UNITS
from flowplay.ui.components.inside_view import FARTHEST, Pick
from flowplay.wire import LayerFrames

_POINT = "_point"
_FIRST_POINT = "_first_point"

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
    """Return the point that is followed until one is chosen: the sample of highest density.

    It stays while the run trains and while earlier weights of it are looked at.
    """
    held: tuple[str, int, Pick] | None = st.session_state.get(_FIRST_POINT)
    if held is not None:
        run_id, step, point = held
        if run_id == look.run_id and (step == look.step or not look.fine):
            return point
    point = densest_sample(frames)
    st.session_state[_FIRST_POINT] = (look.run_id, look.step, point)
    return point


def densest_sample(frames: LayerFrames) -> Pick:
    """Return the sample of the last frame whose cell has the highest density."""
    low, high = frames.window[:2]
    samples = low + frames.samples[-1].astype(float) * ((high - low) / POINT_UNITS)
    left, right, bottom, top = frames.boxes[-1]
    codes = frames.density[-1]
    cells = len(codes)
    share = (samples - (left, bottom)) / (right - left, top - bottom)
    inside = ((share >= 0) & (share < 1) & (np.abs(samples) <= FARTHEST)).all(axis=1)
    if not inside.any():
        return Pick(frames.layers, 0.0, 0.0)
    column, row = (cells * share[inside]).astype(int).T
    x, y = samples[inside][np.argmax(codes[row, column])]
    return Pick(frames.layers, float(x), float(y))
