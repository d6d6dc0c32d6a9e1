"""The server: the pages, and the engine that starts and ends with it.

`streamlit run app.py` finds `app`; the list of pages is in `navigation.py`.
"""

import streamlit as st
from starlette.middleware import Middleware

from flowplay.ui.addresses import base_path
from flowplay.ui.browser import BrowserCookie
from flowplay.ui.leaving import Leaving
from flowplay.ui.routes import routes
from flowplay.ui.serving import lifespan, say_error
from flowplay.ui.shell import leave

app = st.App(
    "navigation.py",
    lifespan=lifespan,
    routes=routes(),
    middleware=[
        Middleware(BrowserCookie, path=base_path() or "/"),
        Middleware(Leaving, left=leave),
    ],
    on_script_error=say_error,
)
