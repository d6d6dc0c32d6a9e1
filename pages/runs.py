"""My runs: what this browser has trained."""

import streamlit as st

from flowplay.ui import shell
from flowplay.ui.my_runs import my_runs

shell.enter_page()

st.title("My runs", anchor=False)
st.caption(
    "Every run that you train in this browser is kept on this server, with its earlier steps. "
    "Others see a run only if you share it or give them its address."
)
my_runs()
