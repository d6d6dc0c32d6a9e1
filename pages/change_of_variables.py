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
    "A map carries probability along from the [[base]]: where it stretches, the [[density]] falls; "
    "where it squeezes, the density rises. The slope keeps the books."
)
st.latex(r"p_x(x) = p_z\bigl(f^{-1}(x)\bigr)\,\left|\frac{\mathrm d f^{-1}}{\mathrm d x}\right|")
change_lab()

st.subheader("Several maps in a row", anchor="composition")
prose(
    "A row of [[bijections|bijection]] is one. Each map adds its own log-slope, in [[nats]], taken "
    "where the value has got to. The sum is the log-slope of the whole: below, it stands beside "
    "one that knows only the composed map. The spline among them is not the one you drag."
)
compose_lab()

st.subheader("The same in the plane", anchor="plane")
prose(
    "In more dimensions the slope becomes the determinant of the [[Jacobian]]: the factor by which "
    "the map grows areas. Its logarithm is the [[log-det]]."
)
plane_lab()
