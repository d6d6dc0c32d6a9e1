"""Images: a model of images learns, and what its z, its scales and its noise hold."""

import streamlit as st

from flowplay.ui import shell
from flowplay.ui.failure import failure_box
from flowplay.ui.images.offer import offer_images, offer_own_images
from flowplay.ui.images.page import images_page
from flowplay.ui.inside import headline
from flowplay.ui.live import buttons
from flowplay.ui.opening import opened_run, opening_notes
from flowplay.ui.settings import seed_from_url
from flowplay.ui.teaching import class_task

shell.enter_page()
autostart = seed_from_url()

st.title("Images", anchor=False)
shell.show_engine_status()
config, run = opened_run(autostart=autostart)
opening_notes(config)

if offer_images(config):
    offer_own_images()
else:
    headline(config, run)
    offer_own_images()
    class_task(run)
    buttons(run)
    failure_box(run)
    images_page(config, run)
