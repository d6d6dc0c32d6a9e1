"""What is looked at inside a run: a state of it, or earlier weights."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from flowplay.ui.components.inside_view import Pick

_POINT = "_point"

WORKER = "flowplay.training.worker"


@dataclass(frozen=True)
class Look:
    """A state of a run, or earlier weights of it, and how finely they are drawn.

    Attributes:
        run_id: of the run.
        step: where the run stands.
        rewound: the earlier step that is looked at, None for where it stands.
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
        # Not the step: the temperature of the samples may change where a run stands.
        return (self.run_id, hash(self.state), self.rewound, self.fine)

    @property
    def frames(self) -> tuple[str, bytes, bytes | None, bool]:
        """What a worker is asked for to draw its layers."""
        return (f"{WORKER}:layer_frames", self.state, self.earlier, self.fine)


def chosen_point() -> Pick | None:
    """Return the point that this session follows through the layers, if any."""
    point: Pick | None = st.session_state.get(_POINT)
    return point


def choose_point(point: Pick) -> None:
    """Follow another point."""
    st.session_state[_POINT] = point
