"""The server: the pages, and the engine that starts and ends with it.

`streamlit run app.py` finds `app`; the list of pages is in `navigation.py`.
"""

import streamlit as st

from flowplay.ui.serving import lifespan, say_error

app = st.App("navigation.py", lifespan=lifespan, on_script_error=say_error)
