"""Change of variables: one map of the line, several in a row, and one of the plane."""

import streamlit as st

from flowplay.ui import shell
from flowplay.ui.change import change_lab
from flowplay.ui.compose import compose_lab
from flowplay.ui.plane import plane_lab
from flowplay.ui.terms import prose

shell.enter_page()

st.title("Change of variables, by hand", anchor=False)
prose(
    "A map moves the probability of the [[base]]: where it stretches, the [[density]] falls; where "
    "it squeezes, the density rises. The slope says by how much."
)
st.latex(r"p_x(x) = p_z\bigl(f^{-1}(x)\bigr)\,\left|\frac{\mathrm d f^{-1}}{\mathrm d x}\right|")
change_lab()

st.subheader("Several maps in a row", anchor="composition")
prose(
    "[[Bijections|bijection]] applied in turn make one bijection. Each adds its own log-slope, in "
    "[[nats]], at the value that the maps before it gave. Their sum is the log-slope of the "
    "composed map: below, it is compared with one computed from the composed map alone. The spline "
    "in this list is not the one that you drag above."
)
compose_lab()

st.subheader("The same in the plane", anchor="plane")
prose(
    "In more dimensions, the determinant of the [[Jacobian]] takes the place of the slope: its "
    "absolute value is the factor by which the map changes areas, and the logarithm of that is the "
    "[[log-det]]."
)
plane_lab()
