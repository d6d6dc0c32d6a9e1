"""See inside: what each layer does to space, to points and to probability."""

import streamlit as st

from flowplay.ui import shell
from flowplay.ui.failure import failure_box
from flowplay.ui.inside import headline, inside
from flowplay.ui.live import buttons
from flowplay.ui.opening import opened_run, opening_notes
from flowplay.ui.settings import seed_from_url
from flowplay.ui.teaching import class_task

shell.enter_page()
config, run = opened_run(autostart=seed_from_url())

what = "flow" if config.entry.is_flow else "model"
st.title(f"See inside the {what}", anchor=False)
shell.show_engine_status()
opening_notes(config)

headline(config, run)
class_task(run)
buttons(run)
failure_box(run)
inside(config, run)
