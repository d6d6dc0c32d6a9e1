"""See inside: what each layer does to space, to points and to probability."""

import streamlit as st

from flowplay.ui import runs, shell
from flowplay.ui.inside import headline, inside
from flowplay.ui.live import buttons
from flowplay.ui.settings import read_widgets, refusals, seed_from_url

shell.enter_page()
autostart = seed_from_url()

st.title("See inside the flow", anchor=False)
shell.show_engine_status()
config = read_widgets()
with st.container():
    for sentence in refusals():
        st.warning(sentence, icon=":material/block:")
run = runs.current_run(config)
if autostart:
    runs.train(config)
    run = runs.current_run(config)

headline(config, run)
buttons(config, run)
inside(config, run)
