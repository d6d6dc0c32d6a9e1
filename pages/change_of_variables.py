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
    "Draw z from the [[base]] and let x = f(z). Where f stretches, the [[density]] falls; where it "
    "squeezes, the density rises. The factor is the slope of the inverse map."
)
st.latex(r"p_x(x) = p_z\bigl(f^{-1}(x)\bigr)\,\left|\frac{\mathrm d f^{-1}}{\mathrm d x}\right|")
change_lab()

st.subheader("Several maps in a row", anchor="composition")
prose(
    "A composition of [[bijections|bijection]] is a bijection. Each map has its own log-slope, in "
    "[[nats]], evaluated at the current value. Their sum is the log-slope of the composed map. "
    "Below, it is compared with a log-slope computed from the composed map alone. The spline here "
    "is fixed; it is not the one above."
)
compose_lab()

st.subheader("The same in the plane", anchor="plane")
prose(
    "In more dimensions the determinant of the [[Jacobian]] takes the place of the slope. Its "
    "absolute value is the factor by which the map changes areas; the logarithm of this factor is "
    "the [[log-det]]."
)
plane_lab()
