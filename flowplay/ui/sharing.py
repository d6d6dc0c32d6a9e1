"""Share: a short link to a copy of a run, which does not change."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

import streamlit as st

from flowplay.engine import Run
from flowplay.store import StoreError
from flowplay.ui.addresses import link_to, server_address
from flowplay.ui.browser import browser
from flowplay.ui.keeping import keeper

FRAME = (600, 500)
"""Width and height of the frame for another page, in pixels."""

_SHARING = "_sharing"

#: What a frame of another page asks for: no menu, and nothing to be set.
_EMBEDDED = {"embed": "true", "hide": "settings"}


def share_button(run: Run) -> None:
    """Show the button that shares a run, and what came of it."""
    header = run.view().header
    shareable = header is not None and header.step > 0 and keeper() is not None
    st.button(
        "Share",
        key="share",
        icon=":material/share:",
        help="Make a link to this trained run, as it is now."
        if shareable
        else "A run can be shared once it is trained. The address of this page is a link to its "
        "settings.",
        disabled=not shareable,
        on_click=share,
        args=(run,),
    )


def share(run: Run) -> None:
    """Make a link to a run as it is now; `share_dialog` shows it."""
    kept = keeper()
    try:
        if kept is None:
            raise StoreError("This server keeps no runs.")
        st.session_state[_SHARING] = (kept.share(run, browser()), "")
    except (StoreError, ValueError) as error:
        st.session_state[_SHARING] = ("", str(error))


def share_dialog() -> None:
    """Show the link that was made last, until it is closed."""
    if _SHARING in st.session_state:
        _dialog(*st.session_state[_SHARING])


def frame_of(id_: str) -> str:
    """Return the HTML of a frame that shows a run that was shared, for another page."""
    source = f"{server_address()}/?{urlencode({'shared': id_, **_EMBEDDED})}"
    return (
        f'<iframe src="{escape(source)}" title="A normalizing flow that learns" '
        f'width="{FRAME[0]}" height="{FRAME[1]}" style="border: 0"></iframe>'
    )


def _close() -> None:
    st.session_state.pop(_SHARING, None)


@st.dialog("Share this run", on_dismiss=_close)
def _dialog(id_: str, failed: str) -> None:
    if failed:
        st.warning(f"There is no link: {failed}", icon=":material/cloud_off:")
        return
    link = link_to(id_)
    st.code(link, language=None, wrap_lines=True)
    st.markdown(
        "Whoever opens this link sees the run as it is now: its picture, its layers, its earlier "
        "steps. They can train it further as a copy of their own. This copy does not change when "
        "you train on."
    )
    st.link_button("Open the link", link, icon=":material/open_in_new:")
    with st.expander("Put it into a page of yours", icon=":material/code:"):
        st.markdown("This HTML shows the run in a frame of your page, without menu and settings.")
        st.code(frame_of(id_), language="html", wrap_lines=True)
    st.caption("The page My runs lists your links. There you can delete them.")
