"""What a family of flows is, told from the catalog, wherever a page speaks of one."""

from __future__ import annotations

import streamlit as st

from flowplay.catalog import Architecture
from flowplay.ui.terms import prose


def architecture_card(architecture: Architecture) -> None:
    """Tell a family's idea, its formulas, what each direction costs, when to use it, its paper."""
    st.markdown(f"**{architecture.label}.** {architecture.idea}")
    st.latex(architecture.equation)
    prose("Its [[Jacobian]], of which the [[log-det]] is needed:")
    st.latex(architecture.jacobian)
    prose(
        f"- [[Density|density]] (x → z): {architecture.inverse_cost}\n"
        f"- Sampling (z → x): {architecture.forward_cost}\n"
        f"- Use it: {architecture.use_when}\n"
        f"- Weakness: {architecture.weakness}\n"
        f"- {architecture.paper.authors}, [{architecture.paper.title}]"
        f"({architecture.paper.url}), {architecture.paper.year}"
    )
