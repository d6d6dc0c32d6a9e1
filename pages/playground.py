"""The Playground: choose a target and a model, train it live, watch what it has learned."""

import streamlit as st

from flowplay.ui import shell
from flowplay.ui.card import family_card
from flowplay.ui.controls import settings, target_picker
from flowplay.ui.failure import failure_box
from flowplay.ui.live import buttons, live_view
from flowplay.ui.opening import example_note, opened_run
from flowplay.ui.settings import seed_from_url
from flowplay.ui.walk import walk_view

shell.enter_page()
autostart = seed_from_url()

st.title("See a normalizing flow learn", anchor=False)
shell.show_engine_status()
target_picker()
with st.sidebar:
    below_picker = settings()
config, run = opened_run(autostart=autostart)
with below_picker:
    family_card(config, run)

buttons(run)
failure_box(run)
with st.container():
    example_note(run)
live_view(config, run)
st.toggle(
    "Show samples",
    key="show_samples",
    help="Draw points from the model, at the temperature set under Data, seed and samples.",
    persist_state="session",
)
walk_view(run)
shell.page_link(
    "pages/layers.py",
    config,
    label="See inside: every layer, every point, every log-det",
    icon=":material/layers:",
    help="Open this run layer by layer: scrub, click a point for its ledger, check and export it.",
)
