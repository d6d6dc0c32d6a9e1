"""Links that open a configuration in which to try something."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from flowplay.guide import Try
from flowplay.ui.settings import address

#: The pages that a link may open, by the name of their file.
PAGES: Mapping[str, str] = {
    "playground": "Playground",
    "change_of_variables": "Change of variables",
    "layers": "See inside",
    "energies": "Energies",
    "race": "Race",
    "images": "Images",
    "compress": "Compress",
    "anomalies": "Anomalies",
}


def try_it(link: Try, key: str) -> None:
    """Show a link to a page in some configuration.

    Args:
        link: where it leads.
        key: names the element, unique on the page.
    """
    with st.container(key=f"link_{key}", width="content"):
        st.page_link(
            f"pages/{link.page}.py",
            label=f"Try it: {link.label[0].lower()}{link.label[1:]}",
            icon=":material/play_circle:",
            query_params=address(link.query) or None,
            help=f"Opens the {PAGES[link.page]} page{_settings(link.query)}.",
        )


def _settings(query: Mapping[str, str]) -> str:
    said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in query.items())
    return f" with {said}" if said else ""
