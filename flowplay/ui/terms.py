"""Text whose technical words explain themselves where they stand."""

from __future__ import annotations

import streamlit as st

from flowplay.glossary import TERMS, explain


def prose(text: str) -> None:
    """Show Markdown in which `[[term]]` carries its explanation from the glossary.

    Args:
        text: of the project's own; never what a visitor sent, since HTML passes.
    """
    st.markdown(explain(text), unsafe_allow_html=True)


def tooltip(text: str, *words: str) -> str:
    """Return a tooltip's Markdown: its text, and the glossary's sentences about words in it."""
    return "\n\n".join([text, *(f"*{word}*: {TERMS[word]}" for word in words)])
