"""Controls and parts of a page that a link or a class does not show."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

#: Where a part is, if not the element of its name.
_SELECTORS = {
    "title": ".stMainBlockContainer [data-testid='stHeading']:has(h1)",
    "menu": "[data-testid='stTopNavLinkContainer'], .stAppHeader .rc-overflow",
    "settings": "[data-testid='stSidebar'], [data-testid='stExpandSidebarButton'], "
    ".st-key-open_settings",
    "target": ".st-key-target, .st-key-target_group",
    "layers": ".st-key-layers, .st-key-layers_title",
    "budget": ".st-key-budget, .st-key-budget_unit",
    **{name: f".stColumn:has(.st-key-{name})" for name in ("target_density", "density", "loss")},
}

#: In a frame of another page: what says where one is, and what leads away, is that page's.
_EMBEDDED = """
.stMainBlockContainer { padding: 0.5rem 0.75rem !important; }
.stAppHeader, .stMainBlockContainer [data-testid='stHeading']:has(h1), .st-key-tour {
  display: none !important;
}
@media (max-height: 700px) {
  .stMainBlockContainer > .stVerticalBlock { gap: 0.5rem; }
  /* Pictures stay side by side: one below the other, only one would be seen. */
  .stHorizontalBlock:has(.st-key-density) { flex-wrap: nowrap; gap: 0.75rem; }
  .stColumn:is(:has(.st-key-density), :has(.st-key-loss), :has(.st-key-target_density)) {
    min-width: 0;
  }
}
"""


def hide(names: Iterable[str], *, embedded: bool) -> None:
    """Do not show these; what they hold stays as it is.

    Args:
        names: of settings, and of `flowplay.rules.PARTS`.
        embedded: whether the page stands in a frame of another.
    """
    selectors = ", ".join(_SELECTORS.get(name, f".st-key-{name}") for name in names)
    css = f"{selectors} {{ display: none !important; }}" if selectors else ""
    if css or embedded:
        st.html(f"<style>{css}{_EMBEDDED if embedded else ''}</style>")
