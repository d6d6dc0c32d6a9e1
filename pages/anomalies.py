"""Anomalies: what a trained run finds unlikely, and whether that tells what does not belong."""

import streamlit as st

from flowplay.ui import shell
from flowplay.ui.anomalies.page import anomalies_page, why_no_scores
from flowplay.ui.failure import failure_box
from flowplay.ui.inside import headline
from flowplay.ui.live import buttons
from flowplay.ui.opening import opened_run, opening_notes
from flowplay.ui.settings import seed_from_url
from flowplay.ui.teaching import class_task

shell.enter_page()
autostart = seed_from_url()

st.title("What does not belong", anchor=False)
shell.show_engine_status()
config, run = opened_run(autostart=autostart)
opening_notes(config)
view = run.view()

if not why_no_scores(config):
    headline(config, run)
    class_task(run)
    buttons(run)
    failure_box(run)
anomalies_page(config, run, view)
