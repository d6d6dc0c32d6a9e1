"""A button for a file that is made on the click and lasts until the browser has fetched it."""

from collections.abc import Callable
from threading import Thread

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx


def download_button(
    label: str,
    make: Callable[[], str | bytes],
    file_name: str,
    mime: str,
    *,
    key: str,
    icon: str,
    help: str,
) -> None:
    """Draw a button that makes a file when it is clicked, and gives it to the browser.

    The session holds the last file of each button until its page is drawn again. Streamlit alone
    would delete it once two scripts have ended, whichever sessions they belong to: where many
    people train, that is before the browser asks for it.
    """
    context = get_script_run_ctx()

    def hold(data: bytes) -> None:
        server = runtime.get_instance()
        # Nobody would take away what a session holds that has ended meanwhile.
        if context is not None and server.is_active_session(context.session_id):
            server.media_file_mgr.add(
                data, mime, f"made on a click: {key}", file_name, is_for_static_download=True
            )

    def made() -> bytes:
        content = make()
        data = content.encode() if isinstance(content, str) else content
        # The thread that makes the file has no session; one that is started here can have it.
        holding = Thread(target=hold, args=(data,))
        add_script_run_ctx(holding, context)
        holding.start()
        holding.join()
        return data

    st.download_button(
        label, made, file_name, mime, key=key, icon=icon, help=help, on_click="ignore"
    )
