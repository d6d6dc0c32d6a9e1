"""Compress: a trained model turns images into a file, and the file back into the images."""

import streamlit as st

from flowplay.ui import shell
from flowplay.ui.compress import compress_view, why_no_codec
from flowplay.ui.failure import failure_box
from flowplay.ui.inside import headline
from flowplay.ui.live import buttons
from flowplay.ui.opening import opened_run
from flowplay.ui.settings import seed_from_url
from flowplay.ui.teaching import class_task

shell.enter_page()
autostart = seed_from_url()

st.title("Compress images", anchor=False)
shell.show_engine_status()
config, run = opened_run(autostart=autostart)

if not why_no_codec(config):
    headline(config, run)
    class_task(run)
    buttons(run)
    failure_box(run)
compress_view(config, run)
