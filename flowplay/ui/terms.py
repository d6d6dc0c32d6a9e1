"""Text whose technical words explain themselves where they stand."""

from __future__ import annotations

import streamlit as st

from flowplay.glossary import explain


def prose(text: str) -> None:
    """Show Markdown in which `[[term]]` carries its explanation from the glossary.

    Args:
        text: of the project's own; never what a visitor sent, since HTML passes.
    """
    st.markdown(explain(text), unsafe_allow_html=True)
