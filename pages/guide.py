"""The guide: the ideas of normalizing flows, each with a configuration to try."""

import streamlit as st

from flowplay.guide import SECTIONS
from flowplay.ui import guide, shell

shell.enter_page()

st.title("A guide to normalizing flows", anchor=False)
st.markdown("Each section ends with links to try what it says.")
guide.contents()
for section in SECTIONS:
    guide.show_section(section)
