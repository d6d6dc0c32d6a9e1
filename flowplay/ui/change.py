"""One map of the line: choose a base and a map, change its shape, and read the new density."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from flowplay.numbers import fixed
from flowplay.onedim import (
    BASES,
    FIRST_KNOTS,
    KINDS,
    SPLINE,
    Knots,
    MonotoneMap,
    PushForward,
    Spline,
    Values,
    repair_knots,
    repair_values,
)
from flowplay.onedim.picture import line_picture
from flowplay.onedim.scales import BOX, scales_of
from flowplay.ui.components.change_view import change_view
from flowplay.ui.components.dials import message, number_of

SPLINE_EQUATION = r"f \text{ a monotone rational-quadratic spline through the knots}"

_STATE = "_change"
_VIEW = "change_view"


@dataclass
class Settings:
    """What a session has set, for each map.

    Attributes:
        values: by map, of its parameters.
        knots: of the spline.
        number: of the browser's last message.
        epoch: rises with each reset; messages of an earlier one are ignored.
        seed: of the samples.
        refused: what was refused last, in one sentence.
    """

    values: dict[str, Values] = field(
        default_factory=lambda: {kind.name: kind.defaults for kind in KINDS.values()}
    )
    knots: Knots = FIRST_KNOTS
    number: int = 0
    epoch: int = 0
    seed: int = 0
    refused: str = ""

    def read(self, sent: dict[str, object], name: str) -> None:
        """Apply a message of the browser, as far as it is valid."""
        self.number = number_of(sent)
        if sent.get("map") != name or sent.get("epoch") != self.epoch:
            return
        if name == SPLINE:
            self.knots, self.refused = repair_knots(sent.get("knots"), self.knots)
            return
        values, refused = repair_values(
            KINDS[name].parameters, sent.get("values"), self.values[name]
        )
        self.values[name] = values
        self.refused = " ".join(refused)


def change_lab() -> None:
    """Show the choice of base and map, and the linked pictures of the result."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="change_choice"):
        st.segmented_control(
            "Base density",
            list(BASES),
            default=st.session_state.get("base") or "normal",
            format_func=lambda name: BASES[name].label,
            key="base",
            help="Where z comes from. "
            + " ".join(f"{b.label}: {b.summary}" for b in BASES.values()),
            required=True,
            persist_state="session",
            on_change=_forget_refusal,
        )
        st.segmented_control(
            "Map",
            [*KINDS, SPLINE],
            default=st.session_state.get("map") or "affine",
            format_func=lambda name: KINDS[name].label if name in KINDS else "Spline",
            key="map",
            help="What maps z to x. "
            + " ".join(f"{k.label}: {k.summary}" for k in KINDS.values())
            + " Spline: yours to drag.",
            required=True,
            persist_state="session",
            on_change=_forget_refusal,
        )
    _follow()


@st.fragment
def _follow() -> None:
    base, name = BASES[st.session_state["base"]], st.session_state["map"]
    settings = change_settings()
    refusal, shown, point = settings.refused, True, None
    try:
        step = _map(settings, name)
        law = PushForward(base, (step,))
    except ValueError as error:
        # The last picture that could be drawn stays, in grey; the sentence says why.
        refusal, shown = str(error), False
        law = _last_law(base.name, name)
        if name == "affine":
            point = settings.values[name]["b"]
    else:
        st.session_state[_LAST] = (base.name, name, law)
    if name == SPLINE:
        st.latex(SPLINE_EQUATION)
    else:
        st.latex(rf"{KINDS[name].equation}, \qquad {KINDS[name].slope}")
    change_view(
        law,
        line_picture(law, BOX if name == SPLINE else None),
        scales_of(law.base, name),
        map_name=name,
        parameters=() if name == SPLINE else KINDS[name].parameters,
        values={} if name == SPLINE else settings.values[name],
        knots=settings.knots if name == SPLINE else None,
        message=settings.number,
        epoch=settings.epoch,
        seed=settings.seed,
        refusal=refusal,
        is_current=shown,
        point=point,
        alt=_alt(law, name) if shown else refusal,
        key=_VIEW,
        on_sent=_read_message,
    )
    with st.container(horizontal=True):
        st.button(
            "New samples",
            key="change_samples",
            icon=":material/casino:",
            help="Draw another 4,000 values of z and map them to x.",
            on_click=_draw_again,
        )
        st.button(
            "Reset the map",
            key="change_reset",
            icon=":material/restart_alt:",
            help="Put this map's sliders or knots back to where they began.",
            on_click=_reset,
        )


def change_settings() -> Settings:
    """Return what this session has set."""
    settings: Settings = st.session_state.setdefault(_STATE, Settings())
    return settings


_LAST = "_change_law"


def _last_law(base: str, name: str) -> PushForward:
    """Return the last law that could be drawn, or one of the map's first settings."""
    last: tuple[str, str, PushForward] | None = st.session_state.get(_LAST)
    if last is not None and last[:2] == (base, name):
        return last[2]
    step = _map(Settings(), name)
    try:
        return PushForward(BASES[base], (step,))
    except ValueError:
        return PushForward(BASES["uniform"], (step,))


def _map(settings: Settings, name: str) -> MonotoneMap:
    if name == SPLINE:
        return Spline(settings.knots)
    return KINDS[name].make(**settings.values[name])


def _alt(law: PushForward, name: str) -> str:
    return (
        f"Change of variables: the {law.base.label.lower()} base density below, the {name} map in "
        "the middle, the density of x on the right, and again beside the density without the "
        f"slope. Integral of the density of x: {fixed(law.integral(), 4)}."
    )


def _read_message() -> None:
    sent = message(st.session_state.get(_VIEW))
    change_settings().read(sent, st.session_state["map"])


def _forget_refusal() -> None:
    change_settings().refused = ""


def _draw_again() -> None:
    change_settings().seed += 1


def _reset() -> None:
    settings, name = change_settings(), st.session_state["map"]
    settings.refused = ""
    settings.epoch += 1
    if name == SPLINE:
        settings.knots = FIRST_KNOTS
    else:
        settings.values[name] = KINDS[name].defaults
