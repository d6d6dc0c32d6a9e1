"""The guide: the lecture's ideas, each with a configuration in which to try it."""

import streamlit as st

from flowplay.guide import SECTIONS
from flowplay.ui import guide, shell

shell.enter_page()

st.title("A guide to normalizing flows", anchor=False)
st.markdown("Each section ends where you can try what it says.")
guide.contents()
for section in SECTIONS:
    guide.show_section(section)
