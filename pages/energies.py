"""Variational inference: flows that learn an energy without data, several runs at once."""

import streamlit as st

from flowplay.ui import shell
from flowplay.ui.board import show_board
from flowplay.ui.boards import pick_board
from flowplay.ui.terms import prose

shell.enter_page()

st.title("Learn a density without data", anchor=False)
prose(
    "An [[energy]] gives a density up to its constant. A flow q learns it from its own draws, by "
    "making KL(q‖p) small: that is variational inference. Every picture is an exact density, on "
    "one colour scale with its target; the numbers are estimates from 2,000 draws."
)
show_board(pick_board())
