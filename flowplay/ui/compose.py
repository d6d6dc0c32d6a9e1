"""Several maps applied in turn: the density after each, and the sum of their log-slopes."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from flowplay.onedim import BASES, FIRST_KNOTS, FIRST_STACK, Base, PushForward, Step, repair_stack
from flowplay.onedim.picture import line_picture
from flowplay.ui.components.compose_view import compose_view
from flowplay.ui.components.dials import message, number_of

_STATE = "_stack"
_LAST = "_stack_law"
_VIEW = "compose_view"


@dataclass
class Stack:
    """The maps that a session has chosen, and what was refused of them last."""

    steps: tuple[Step, ...] = FIRST_STACK
    number: int = 0
    refused: str = ""


@st.fragment
def compose_lab() -> None:
    """Show the stack on the base that is chosen above it; its spline keeps its first knots."""
    stack: Stack = st.session_state.setdefault(_STATE, Stack())
    base = BASES[st.session_state["base"]]
    refusal = stack.refused
    try:
        law = _law(base, stack.steps)
        picture = line_picture(law)
    except ValueError as error:
        refusal = str(error)
        law = st.session_state.get(_LAST) or _law(BASES["normal"], FIRST_STACK)
        picture = line_picture(law)
    st.session_state[_LAST] = law
    compose_view(
        law,
        picture,
        stack.steps,
        number=stack.number,
        refusal=refusal,
        alt=f"Densities of z after each of {len(law.maps)} maps, from the "
        f"{law.base.label.lower()} base.",
        key=_VIEW,
        on_sent=_read_message,
    )


def _law(base: Base, steps: tuple[Step, ...]) -> PushForward:
    return PushForward(base, tuple(step.build(FIRST_KNOTS) for step in steps))


def _read_message() -> None:
    stack: Stack = st.session_state.setdefault(_STATE, Stack())
    sent = message(st.session_state.get(_VIEW))
    stack.number = number_of(sent)
    stack.steps, refused = repair_stack(sent.get("steps"), stack.steps)
    stack.refused = " ".join(refused)
