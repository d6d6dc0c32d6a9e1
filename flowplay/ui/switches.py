"""How much a page shows: switches that stand in the address, and hold for the session."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

#: The switches, by the name that is widget key and name in the address.
PRESENT = "present"
ALL_NUMBERS = "all_numbers"
SWITCHES = (PRESENT, ALL_NUMBERS)

#: For a projector: what is not needed to run a demonstration goes, the rest is larger.
_PRESENTING = """
.stMainBlockContainer { padding: 0.75rem 1.25rem !important; }
.stAppHeader, [data-testid="stSidebar"], [data-testid="stExpandSidebarButton"], .st-key-tour,
.stMainBlockContainer [data-testid="stHeading"]:has(h1), .st-key-open_settings, .st-key-subtitle,
[data-testid="stLayoutWrapper"]:has(> .st-key-walk), .st-key-target_group, .st-key-example_told,
.st-key-layers, .st-key-layers_title,
[data-testid="stLayoutWrapper"]:has(> :is(.st-key-tour, .st-key-subtitle, .st-key-example_told)),
.st-key-rewind [data-testid="stCaptionContainer"],
.st-key-diagnosis, .st-key-export, .st-key-see_inside {
  display: none !important;
}
.stMainBlockContainer > .stVerticalBlock { gap: 0.5rem; }
.stMainBlockContainer :is(p, button, label) { font-size: 1.05rem; }
.st-key-headline [data-testid="stMetricValue"] { font-size: 1.9rem; }
/* Label and value in one line: all of it is seen at a height of 720 pixels. */
.st-key-headline [data-testid="stMetric"] > div {
  display: flex;
  flex-wrap: wrap;
  gap: 0 0.75rem;
  align-items: baseline;
}
.st-key-headline [data-testid="stMetricValue"] { padding: 0; line-height: 1; }
/* See inside: so is the picture with its slider. */
@media (min-width: 641px) {
  .st-key-inside { --tallest: calc(100vh - 21.5rem); }
  .stColumn:has(.st-key-inside) { flex: 0 0 max(35rem, 100vh - 16rem); }
  .st-key-rewind { margin-bottom: -1.75rem; }
  /* What is shown may need a line of its own: a copy, or the way back to the run before. */
  .stMainBlockContainer:has(.st-key-example_note):not(:has(.st-key-example_told)) .st-key-inside {
    --tallest: calc(100vh - 24.5rem);
  }
}
"""


def seed_switches(query: Mapping[str, str]) -> None:
    """Take over the switches that an address turns on."""
    for name in SWITCHES:
        if query.get(name) == "1":
            st.session_state[name] = True
        else:
            st.session_state.setdefault(name, False)


def is_on(name: str) -> bool:
    """Tell whether a switch is on."""
    return bool(st.session_state.get(name))


def in_address() -> dict[str, str]:
    """Return the switches that are on, as they stand in an address."""
    return {name: "1" for name in SWITCHES if is_on(name)}


def switches(*names: str) -> None:
    """Show switches side by side."""
    labels = {
        PRESENT: (
            "Present",
            "For a projector: hides title, tour and settings, and enlarges the rest. It is in the "
            "link, as present=1.",
        ),
        ALL_NUMBERS: (
            "All numbers",
            "Also show the held-out loss, speed, gradient norm, learning rate and parameters.",
        ),
    }
    for name in names:
        label, text = labels[name]
        st.toggle(label, key=name, help=text, persist_state="session")


def apply_present() -> None:
    """Hide and enlarge, if the page is to be presented."""
    if PRESENT not in st.session_state:
        # The page's address is read later.
        seed_switches(st.query_params.to_dict())
    if is_on(PRESENT):
        st.html(f"<style>{_PRESENTING}</style>")
