"""The Playground: choose a target and a model, train it live, watch what it has learned."""

import streamlit as st

from flowplay.ui import shell
from flowplay.ui.card import family_card
from flowplay.ui.controls import settings, target_picker
from flowplay.ui.exercises import note_attempts
from flowplay.ui.failure import failure_box
from flowplay.ui.inside import inside_link
from flowplay.ui.live import buttons, live_view, view_switches
from flowplay.ui.opening import example_note, opened_run, opening_notes
from flowplay.ui.own_data import own_data_view
from flowplay.ui.posterior import posterior_data
from flowplay.ui.settings import seed_from_url
from flowplay.ui.teaching import class_task, teach_buttons, teach_dialogs
from flowplay.ui.walk import walk_view

shell.enter_page()
config, run = opened_run(autostart=seed_from_url())

st.title("See a normalizing flow learn", anchor=False)
with st.container(key="subtitle"):
    st.markdown(
        "A flow bends a simple cloud of points into the shape of the target. Press Train and watch."
    )
shell.show_engine_status()
target_picker()
own_data_view()
with st.sidebar, settings():
    family_card(config, run)
opening_notes(config)
class_task(run)
buttons(run, settings=True)
failure_box(run)
with st.container():
    example_note(run, is_told=True)
    posterior_data(config, run)
with st.container(horizontal=True, key="pictures"):
    with st.container(key="live"):
        live_view(config, run)
        view_switches(config)
    with st.container(key="walk"):
        walk_view(run)
teach_buttons(run)
inside_link(config, run)
teach_dialogs()
note_attempts()
