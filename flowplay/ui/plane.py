"""One affine map of the plane: how it changes areas and the density of a Gaussian."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import streamlit as st

from flowplay.codes import encode_density
from flowplay.figures import describe_density
from flowplay.onedim.kinds import Values, repair_values
from flowplay.onedim.picture import plane_density
from flowplay.onedim.plane import PLANE_PARAMETERS, PlaneMap
from flowplay.ui.components.density_view import density_view
from flowplay.ui.components.dials import message, number_of
from flowplay.ui.components.plane_view import REACH, plane_view

_STATE = "_plane"
_VIEW = "plane_view"

_WINDOW = (-REACH, REACH, -REACH, REACH)

#: The density at the top of the colour scale: that of the base at the origin.
_SCALE = 1 / (2 * math.pi)


@dataclass
class Plane:
    """What a session has set, and the last map that could be drawn."""

    values: Values = field(default_factory=lambda: {p.name: p.default for p in PLANE_PARAMETERS})
    drawn: PlaneMap | None = None
    number: int = 0
    refused: str = ""


@st.fragment
def plane_lab() -> None:
    """Show the map beside the density it makes."""
    plane: Plane = st.session_state.setdefault(_STATE, Plane())
    refusal = plane.refused
    try:
        plane.drawn = PlaneMap(**plane.values)
    except ValueError as error:
        refusal = str(error)
    drawn = plane.drawn or PlaneMap(1.0, 1.0, 0.0, 0.0)
    left, right = st.columns(2)
    with left:
        plane_view(
            drawn,
            plane.values,
            number=plane.number,
            refusal=refusal,
            key=_VIEW,
            on_sent=_read_message,
        )
    with right:
        st.markdown(
            "**The Gaussian that the map makes**  \n$p_x(x) = p_z(A^{-1} x)\\,/\\,|\\det A|$"
        )
        density = plane_density(drawn, _WINDOW)
        density_view(
            encode_density(density, _SCALE),
            bounds=_WINDOW,
            scale=_SCALE,
            alt=describe_density("The Gaussian that the map makes", density, _WINDOW),
            key="plane_density",
            note="Exact density, on the colour scale of the base.",
            fade_ms=80,
        )


def _read_message() -> None:
    plane: Plane = st.session_state.setdefault(_STATE, Plane())
    sent = message(st.session_state.get(_VIEW))
    plane.number = number_of(sent)
    values, refused = repair_values(PLANE_PARAMETERS, sent.get("values"), plane.values)
    plane.values = values
    plane.refused = " ".join(refused)
