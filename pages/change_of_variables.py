"""Change of variables: one map of the line, several in a row, and one of the plane."""

import streamlit as st

from flowplay.ui import shell
from flowplay.ui.change import change_lab

shell.enter_page()

st.title("Change of variables, by hand", anchor=False)
change_lab()
